"""The database and the broker that servers share: started for one run, on loopback, with data of
their own that is gone afterwards."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from harness.trouble import Trouble

RABBITMQ = pathlib.Path("/usr/lib/rabbitmq/bin")  # the programs, not the wrappers that change the user
READY_WITHIN_S = 60
ENDED_WITHIN_S = 5
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def absent():
    """Why there can be none; None: there can."""
    there = shutil.which("mariadbd", path=PATH) and (RABBITMQ / "rabbitmq-server").exists()
    return None if there else "no MariaDB or RabbitMQ: tools/setup bench"


def group_of(leader):
    """The processes of a group that run, by their numbers."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(process.name)) == leader.pid:
                yield int(process.name)


def cpu_seconds(leader):
    """That the processes of a group which run have used until now."""
    used = 0
    for process in group_of(leader):
        with contextlib.suppress(OSError):
            for task in pathlib.Path(f"/proc/{process}/task").iterdir():
                used += int((task / "schedstat").read_text().split()[0])
    return used / 1e9


def until(ready, what, process):
    end = time.monotonic() + READY_WITHIN_S
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise Trouble(f"{what} does not come up")
        time.sleep(0.02)


def _connects(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Database:
    """A MariaDB whose commits are on the disk when they are answered."""

    def __init__(self, folder, port, template):
        self.folder = pathlib.Path(folder, "database")
        self.port = port
        self._template = template
        self.url = f"mysql://starling:starling@127.0.0.1:{port}/starling"

    def start(self):
        shutil.copytree(self._made(), self.folder / "data")
        # Who runs as root says so; nobody else may choose.
        user = ["--user=root"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(
            ["mariadbd", "--no-defaults", *user, f"--datadir={self.folder}/data",
             f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid", f"--port={self.port}",
             "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin",
             "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=256M",
             "--innodb-log-file-size=128M", "--performance-schema=OFF", "--max-allowed-packet=64M"],
            start_new_session=True, env={"PATH": PATH}, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        until(lambda: self._ask("SELECT 1") is not None, "MariaDB", self.process)
        self._ask("CREATE DATABASE starling; CREATE USER starling@'%' IDENTIFIED BY 'starling'; "
                  "GRANT ALL ON starling.* TO starling@'%'")

    def _made(self):
        """An empty database, made once and copied for each run."""
        if not self._template.exists():
            making = self._template.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            user = ["--user=root"] if os.getuid() == 0 else []
            subprocess.run(["mariadb-install-db", "--no-defaults", *user, f"--datadir={making}",
                            "--innodb-log-file-size=16M", "--skip-test-db", "--skip-name-resolve",
                            "--auth-root-authentication-method=normal"],
                           env={"PATH": PATH}, check=True, stdout=subprocess.DEVNULL)
            making.rename(self._template)
        return self._template

    def _ask(self, sql, database=""):
        told = subprocess.run(["mariadb", "--no-defaults", "-uroot", "-S", f"{self.folder}/socket",
                               "-N", "-B", "-e", sql, *([database] if database else [])],
                              capture_output=True, text=True)
        return told.stdout if told.returncode == 0 else None

    def messages(self):
        """How many it keeps."""
        return int(self._ask("SELECT count(*) FROM messages", "starling"))

    def end(self):
        self.process.kill()
        self.process.wait()


class Broker:
    """A RabbitMQ that does not spin while it waits: it shares its cores."""

    def __init__(self, folder, port):
        self.folder = pathlib.Path(folder, "broker")
        self.port = port
        self.url = f"amqp://guest:guest@127.0.0.1:{port}/"

    def start(self):
        for name in ("mnesia", "log", "home"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlog.file.level = error\nlog.console = false\n"
            "vm_memory_high_watermark.absolute = 2GB\ndisk_free_limit.absolute = 50MB\n")
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        environment = {
            "PATH": f"{RABBITMQ}:{PATH}", "HOME": f"{self.folder}/home", "LANG": "C.UTF-8",
            "ERL_CRASH_DUMP": f"{self.folder}/erl_crash.dump",
            "RABBITMQ_CONF_ENV_FILE": f"{self.folder}/none.conf",
            "RABBITMQ_NODENAME": f"bench{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": f"{self.folder}/rabbitmq",
            "RABBITMQ_MNESIA_BASE": f"{self.folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{self.folder}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{self.folder}/enabled_plugins",
            "RABBITMQ_PID_FILE": f"{self.folder}/pid",
            "RABBITMQ_DIST_PORT": str(self.port + 1),
            "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(self.port + 2),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                f"{loopback} +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._names = subprocess.Popen(
            ["epmd", "-port", environment["ERL_EPMD_PORT"], "-address", "127.0.0.1"], **quiet)
        # A node that finds none starts one that nobody ends.
        until(lambda: _connects(self.port + 2), "epmd", self._names)
        # A group of its own, so that what the start script leaves in between ends with it.
        self.process = subprocess.Popen(["rabbitmq-server"], start_new_session=True, **quiet)
        until(self._answers, "RabbitMQ", self.process)

    def _answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as one:
            one.settimeout(1)
            one.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(one.recv(1))
        return False

    def end(self):
        # The script last: it waits for the node, whose time is then that of a child of ours, and not
        # of others (machine.Guard).
        for process in list(group_of(self.process)):
            if process != self.process.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDED_WITHIN_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._names.kill()
        self._names.wait()
