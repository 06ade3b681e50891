// A bare broadcaster on npm's ws: connections of one path are a room, every text frame goes to all
// of it. Nothing is kept. GET answers a small JSON. node bench/peers/ws.mjs PORT
import http from 'node:http';
import { WebSocketServer } from 'ws';

const rooms = new Map();
const server = http.createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 15 });
  response.end('{"status":"ok"}');
});
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket, request) => {
  if (!rooms.has(request.url)) rooms.set(request.url, new Set());
  const room = rooms.get(request.url).add(socket);
  socket.on('error', () => {});
  socket.on('close', () => room.delete(socket));
  socket.on('message', (data) => {
    const text = data.toString();
    for (const client of room) client.send(text);
  });
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
