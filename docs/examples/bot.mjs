// Answers "!hello" in a room: node bot.mjs URL NAME PASSWORD ROOM
import { Starling } from '../../web/sdk/dist/index.js';

const [url, username, password, room] = process.argv.slice(2);
const bot = new Starling({ url });
await bot.login(username, password).catch(() => bot.register(username, `${username}@example.org`, password));
bot.on('message', ({ content, senderUsername }) => {
  if (content === '!hello') bot.send(room, `Hello, ${senderUsername}!`);
});
await bot.join(room);
console.log('ready');
