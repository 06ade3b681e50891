"""The machine: how quiet it is, what it is, who runs where."""
import os
import pathlib
import resource
import shutil
import subprocess
import time

QUIET_SHARE = 0.9  # of the CPUs' time is idle, but for what is measured
JITTER_SECONDS = 0.2


def cpu_times():
    """Of all CPUs since the start, in ticks: idle, all."""
    with open("/proc/stat") as file:
        times = [int(part) for part in file.readline().split()[1:9]]
    return times[3] + times[4], sum(times)


def wait_until_quiet(patience):
    """The share of a second in which the CPUs were idle, once that is enough or patience ends."""
    end = time.monotonic() + patience
    while True:
        idle, total = cpu_times()
        time.sleep(1)
        idle_now, total_now = cpu_times()
        share = (idle_now - idle) / (total_now - total)
        if share >= QUIET_SHARE or time.monotonic() >= end:
            return share


def jitter_ms():
    """The longest time for which a loop that does nothing was stopped."""
    end = time.perf_counter() + JITTER_SECONDS
    last, longest = time.perf_counter(), 0.0
    while last < end:
        now = time.perf_counter()
        longest = max(longest, now - last)
        last = now
    return round(longest * 1000, 3)


class Guard:
    """What a run found of the machine. The time of others is what the CPUs worked and no child of
    this process did; the children have ended when it is asked for."""

    def __init__(self, patience):
        self.idle_before = wait_until_quiet(patience)
        self.jitter_ms = jitter_ms()
        self._ticks = cpu_times()
        self._children = _children_seconds()

    def verdict(self):
        idle, total = (now - then for now, then in zip(cpu_times(), self._ticks))
        own = (_children_seconds() - self._children) * os.sysconf("SC_CLK_TCK")
        others = max(0.0, (total - idle - own) / max(1, total))
        return {"idle_before": round(self.idle_before, 2), "others_share": round(others, 2),
                "jitter_ms": self.jitter_ms,
                "quiet": self.idle_before >= QUIET_SHARE and others <= 1 - QUIET_SHARE}


def _children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pinned(cpu, command):
    """The command on one CPU; as it is where cpu is None or the machine has no second one."""
    command = [str(part) for part in command]
    alone = cpu is None or (os.cpu_count() or 1) < 2
    return command if alone else ["taskset", "-c", str(cpu), *command]


def _first_line(path):
    try:
        return pathlib.Path(path).read_text().splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def _version(*command):
    if not shutil.which(command[0]):
        return None
    told = subprocess.run(command, capture_output=True, text=True)
    lines = (told.stdout + told.stderr).splitlines()
    return lines[0] if lines else None


def environment():
    """What the load generator does not tell of its own machine."""
    cpu = pathlib.Path("/sys/devices/system/cpu")
    weaknesses = sorted((cpu / "vulnerabilities").glob("*"))
    return {
        "governor": _first_line(cpu / "cpu0/cpufreq/scaling_governor"),
        "mitigations": {file.name: _first_line(file) for file in weaknesses},
        "virtual": "hypervisor" in pathlib.Path("/proc/cpuinfo").read_text(),
        "versions": {"node": _version("node", "--version"), "nginx": _version("nginx", "-v"),
                     "nats": _version("nats-server", "--version")},
    }


def open_files():
    """How many a process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]
