// A fleet for trying it out: see tools/fleet. Runs until it is told to stop, and ends what it started.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Fleet } from './fleet.mjs';

const [folder, count] = process.argv.slice(2);
const stop = new Promise((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve);
});

const fleet = await Fleet.start({ servers: Number(count) });
try {
  await fleet.together();
  const servers = fleet.servers.map((server) => `  ${server.url}   metrics ${server.metrics}`);
  console.log(['A fleet is up:', ...servers,
    `RabbitMQ   ${fleet.broker.url}`,
    `MariaDB    ${fleet.database.url}`,
    `           or: mariadb -uroot -S ${fleet.database.socket} starling`,
    'Open two of the servers in two browsers and talk. tools/fleet down (or Ctrl-C) ends all of it.'].join('\n'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'pid'), `${process.pid}\n`);
  await stop;
  // Told to stop, they say goodbye before what they talk to is gone.
  await Promise.all(fleet.running.map((server) => server.stop()));
} finally {
  rmSync(folder, { recursive: true, force: true });
  await fleet.dispose();
}
console.log('The fleet is down.');
