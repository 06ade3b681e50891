// A bare broadcaster on npm's ws: every text frame goes to every client. Nothing is kept.
// node bench/peers/ws-broadcast.mjs PORT  (with ws from tests/node_modules)
import { createRequire } from 'node:module';

const { WebSocketServer } = createRequire(new URL('../../tests/package.json', import.meta.url))('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data) => {
    const text = data.toString();
    for (const client of server.clients) client.send(text);
  });
});
