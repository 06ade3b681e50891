// Socket.IO: whoever connects with ?room=NAME is in that room; what one says goes to all of it.
// node bench/peers/socketio.mjs PORT
import http from 'node:http';
import { Server } from 'socket.io';

const server = http.createServer();
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.on('connection', (socket) => {
  const room = socket.handshake.query.room;
  socket.join(room);
  socket.on('say', (content) => io.to(room).emit('say', content));
  socket.emit('joined');
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
