// A journal for a server under test: the socket on which journald takes fields, and standard error as systemd
// gives it to a service.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unshare } from './harness.mjs';
import { Lines } from './lines.mjs';

// One JSON line for each entry (systemd.io/JOURNAL_NATIVE_PROTOCOL), in which a test finds what it finds in the
// server's own JSON, and all fields as they came.
const receiver = `
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    data, fields = s.recv(1 << 20), {}
    while data:
        line, data = data.split(b"\\n", 1)
        name, is_text, value = line.partition(b"=")
        if not is_text:
            size = int.from_bytes(data[:8], "little")
            value, data = data[8:8 + size], data[9 + size:]
        fields[name.decode()] = value.decode()
    own = {name[9:].lower(): value for name, value in fields.items() if name.startswith("STARLING_")}
    print(json.dumps({"message": fields["MESSAGE"], **own, "fields": fields}, separators=(",", ":")), flush=True)`;

// Until the test ends: a server that is started `through` this finds the journal's socket (without `open`: its
// place, and nothing there), and that standard error is what systemd has connected to it (or `stream`, another file).
export async function journal(t, { open = true, stream = '$(stat -L -c %d:%i /dev/stderr)' } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-journal-'));
  const through = unshare('mount', `mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal &&
    mount --bind ${folder} /run/systemd/journal && export JOURNAL_STREAM=${stream}`);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  if (!open) return { through, entries: () => [] };
  const child = spawn('/usr/bin/python3', ['-c', receiver, path.join(folder, 'socket')], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const told = new Lines(child);
  await told.until((line) => line === 'bound', 'the socket');
  return {
    through, log: child.stdout, told,
    entries: () => told.lines.filter((line) => line !== 'bound').map((line) => JSON.parse(line).fields),
    stop: () => child.kill('SIGSTOP'),
    go: () => child.kill('SIGCONT'),
  };
}
