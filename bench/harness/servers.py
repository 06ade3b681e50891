"""The servers: how each is started, by which adapter it is spoken to, and why one is not there."""
import contextlib
import dataclasses
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness import backends, fleet, machine
from harness.trouble import Trouble

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench/peers"
NCHAN = pathlib.Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
SERVED_WITHIN_S = 20

# Only the machine limits.
UNLIMITED = {
    "STARLING_LIMITS__MESSAGES_PER_SECOND": "1000000",
    "STARLING_LIMITS__MESSAGE_BURST": "1000000",
    "STARLING_LIMITS__USER_MESSAGES_PER_SECOND": "0",
    "STARLING_LIMITS__ROOM_MESSAGES_PER_SECOND": "0",
    "STARLING_LIMITS__ADDRESS_REQUESTS_PER_SECOND": "0",
    "STARLING_LIMITS__ADDRESS_CONNECTIONS": "0",
    "STARLING_LIMITS__ROOMS_CREATED_PER_HOUR": "0",
    "STARLING_AUTH__REGISTRATIONS_PER_HOUR": "0",
    "STARLING_TEST__ECHO": "true",
}


@dataclasses.dataclass(frozen=True)
class Server:
    """`command` and `absent` are called with the folder of the release build."""
    command: object  # (build, port, folder) -> list
    adapter: str  # --peer of the load generator
    absent: object = lambda build: None  # why it cannot be run; None: it can

    def running(self, build, port, cpu):
        return Running(self, build, port, cpu)


@dataclasses.dataclass(frozen=True)
class FleetServer:
    """Servers of ours on a MariaDB; see fleet.Fleet."""
    count: int
    bus: str
    adapter: str = "starling"

    def absent(self, _build):
        return backends.absent()

    def running(self, build, port, _cpu):
        return fleet.Fleet(self.count, self.bus, build, port, UNLIMITED)


def starling(threads):
    def command(build, port, folder):
        return [build / "src/server/starling", "serve", "--auth", "open", "--port", port,
                "--admin", "127.0.0.1:0", "--data-dir", folder, "--threads", threads,
                "--log-level", "error"]
    return Server(command, "starling")


def _npm(file, adapter):
    def absent(_build):
        there = shutil.which("node") and (PEERS / "node_modules").is_dir()
        return None if there else "its packages are missing: tools/setup bench"
    return Server(lambda _build, port, _folder: ["node", PEERS / file, port], adapter, absent)


def _filled(file, folder, port):
    text = (PEERS / file).read_text().replace("OTHER_PORT", str(port + 1))
    filled = pathlib.Path(folder, file)
    filled.write_text(text.replace("PORT", str(port)).replace("FOLDER", str(folder)))
    return filled


def _nchan(_build, port, folder):
    return ["/usr/sbin/nginx", "-p", folder, "-c", _filled("nchan.conf", folder, port)]


def _nats(_build, port, folder):
    return ["nats-server", "-c", _filled("nats.conf", folder, port)]


def given(adapter, command):
    """Any server: a command in which {port} stands for its port."""
    return Server(lambda _build, port, _folder: shlex.split(command.replace("{port}", str(port))),
                  adapter)


SERVERS = {
    "starling": starling(1),
    "starling-2": starling(2),
    "starling-mysql": FleetServer(1, "none"),
    "starling-fleet": FleetServer(3, "up"),
    "starling-polling": FleetServer(3, "away"),
    "ws": _npm("ws.mjs", "raw"),
    "socketio": _npm("socketio.mjs", "socketio"),
    "nchan": Server(_nchan, "raw",
                    lambda _build: None if NCHAN.exists() else "no nchan: tools/setup peers"),
    "nats": Server(_nats, "nats", lambda _build: None if shutil.which("nats-server")
                   else "no nats-server: tools/setup peers"),
}


class Running:
    """A server that is being measured; leaving the `with` ends it. It can be killed and started
    again on the same data."""

    def __init__(self, server, build, port, cpu):
        self._folder = tempfile.TemporaryDirectory()
        self._command = machine.pinned(cpu, server.command(build, port, self._folder.name))
        self.ports = [port]
        self.adapter = server.adapter
        self.process = None

    @property
    def pids(self):
        return [self.process.pid]

    def beside_seconds(self):
        return {}

    def told(self, _run, _before):
        return {}

    def __enter__(self):
        try:
            self.start()
        except Trouble:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        self._folder.cleanup()

    def start(self):
        self.process = subprocess.Popen(self._command, env={**os.environ, **UNLIMITED},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + SERVED_WITHIN_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Trouble(f"the server ended with {self.process.returncode}: "
                              f"{shlex.join(self._command)}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.ports[0]), 1).close()
                return
            time.sleep(0.02)
        raise Trouble(f"nothing listens on port {self.ports[0]}: {shlex.join(self._command)}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
