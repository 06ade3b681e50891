// What a service manager is told (sd_notify(3)).
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Lines } from './lines.mjs';

// A service manager's socket: one line for each datagram, its own line feeds as spaces.
export async function notifySocket() {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-notify-'));
  const socket = path.join(folder, 'notify');
  const script = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode().replace("\\n", " "), flush=True)`;
  const told = new Lines(spawn('/usr/bin/python3', ['-c', script, socket], { stdio: ['ignore', 'pipe', 'inherit'] }));
  await told.until((line) => line === 'bound', 'the notify socket');
  return { socket, told, end: () => told.child.kill('SIGKILL') };
}
