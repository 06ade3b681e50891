"""Starling on a MariaDB, alone or as servers that share it and a RabbitMQ."""
import os
import pathlib
import re
import subprocess
import tempfile
import urllib.request

from harness import backends

# Of a fleet's ports, what is behind the servers' own; below 32768, from which the kernel gives
# numbers to outgoing connections.
ADMIN, DATABASE, BROKER = 20, 40, 41
SECRET = "a secret that the servers of a run share"


class Fleet:
    """Servers that are being measured together; leaving the `with` ends all that it started.

    bus: "up": a RabbitMQ; "away": a broker that never answers; "none": the archive is all they have.
    """
    adapter = "starling"

    def __init__(self, count, bus, build, port, environment):
        self._folder = tempfile.TemporaryDirectory()
        self._build = build
        self._bus = bus
        self._environment = environment
        self.ports = [port + place for place in range(count)]
        self.processes = []
        self._database = backends.Database(self._folder.name, port + DATABASE,
                                           build / "bench/empty-mariadb")
        self._broker = backends.Broker(self._folder.name, port + BROKER) if bus == "up" else None
        self._started = []

    def __enter__(self):
        try:
            for backend in filter(None, (self._database, self._broker)):
                backend.start()
                self._started.append(backend)
            self._starling("migrate", "up").wait()
            for place in range(len(self.ports)):
                self._serve(place)
            for place in range(len(self.ports)):
                self._until_together(place)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        for backend in self._started:
            backend.end()
        self._folder.cleanup()

    @property
    def pids(self):
        return [process.pid for process in self.processes]

    def _starling(self, *arguments):
        environment = {**os.environ, **self._environment, "STARLING_AUTH__SECRET": SECRET,
                       "STARLING_STORE__URL": self._database.url}
        if self._bus != "none":
            broker = self._broker.url if self._broker else "amqp://127.0.0.1:1/"
            environment["STARLING_BUS__URL"] = broker
        return subprocess.Popen([self._build / "src/server/starling", *map(str, arguments)],
                                env=environment, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def _serve(self, place):
        port = self.ports[place]
        process = self._starling(
            "serve", "--auth", "open", "--port", port, "--admin", f"127.0.0.1:{port + ADMIN}",
            "--data-dir", pathlib.Path(self._folder.name, str(place)), "--threads", 1,
            "--log-level", "error")
        self.processes.append(process)
        backends.until(lambda: self._metrics(place), "a server", process)

    def _until_together(self, place):
        """Waits until a server hears all others."""
        if self._bus != "up":
            return
        wanted = {("starling_bus_up", "1"), ("starling_bus_servers", str(len(self.ports) - 1))}
        backends.until(lambda: wanted <= self._metrics(place), "a fleet that hears each other",
                       self.processes[place])

    def _metrics(self, place):
        """The metrics of a server as (name, value); none while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[place] + ADMIN}/metrics",
                                        timeout=1) as answer:
                return set(re.findall(r"^(\w+) (\S+)$", answer.read().decode(), re.MULTILINE))
        except OSError:
            return set()

    def beside_seconds(self):
        """The CPU that the database and the broker have used."""
        return {type(backend).__name__.lower(): backends.cpu_seconds(backend.process)
                for backend in self._started}

    def told(self, run, before):
        """What the load generator cannot see: what is kept, and what that cost beside the servers."""
        messages = run["sent"] - run["refused"]
        kept = self._database.messages()
        beside = {f"{name}_us_per_message": round((used - before[name]) * 1e6 / max(1, messages), 1)
                  for name, used in self.beside_seconds().items()}
        return {"kept": kept, "unkept": messages - kept,
                "kept_per_s": round(kept / max(run["elapsed_s"], 1e-3)), **beside}
