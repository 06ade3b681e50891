"""What the scenarios share: a server of the release build, the load generator, medians."""
import argparse
import collections
import contextlib
import datetime
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-bench"
RESULTS = ROOT / "bench/results"
PORT = 18480
ADMIN_PORT = 18481
QUIET_SHARE = 0.9  # of the CPUs' time is idle
LOST_EXIT = 1  # of the load generator: it has measured, and found something missing


def arguments(description, rounds=2, seconds=10):
    """The arguments of every scenario, after the release build has been brought up to date."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds,
                        help=f"of A B B A, which measures each twice (default {rounds})")
    parser.add_argument("--seconds", type=int, default=seconds,
                        help=f"of sending in each run (default {seconds})")
    parser.add_argument("--patience", type=int, default=20,
                        help="seconds to wait for a quiet machine before each run (default 20)")
    chosen = parser.parse_args()
    subprocess.run([ROOT / "tools/setup", "bench"], check=True)
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["meson", "setup", "-Dtests=false", "-Dbench=true", BUILD, ROOT],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", BUILD], check=True, stdout=subprocess.DEVNULL)
    return chosen


def cpu_times():
    """Of all CPUs since the start: idle, all."""
    with open("/proc/stat") as file:
        times = [int(part) for part in file.readline().split()[1:]]
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
}


def wait_until_served(process):
    for _ in range(200):
        if process.poll() is not None:
            sys.exit(f"the server ended with {process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/livez")
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {PORT}")


def pinned(cpus, command):
    return command if cpus is None else ["taskset", "-c", cpus, *command]


@contextlib.contextmanager
def running(command, cpus):
    process = subprocess.Popen(pinned(cpus, [str(part) for part in command]),
                               env={**os.environ, **UNLIMITED},
                               stderr=subprocess.DEVNULL)
    try:
        wait_until_served(process)
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def starling(threads=1, cpus=None):
    """A server with an empty data folder; `cpus`: as taskset takes them, None: all."""
    with tempfile.TemporaryDirectory() as folder:
        command = [BUILD / "src/server/starling", "serve", "--auth", "open", "--port", PORT,
                   "--admin", f"127.0.0.1:{ADMIN_PORT}", "--data-dir", folder,
                   "--threads", threads, "--log-level", "error"]
        with running(command, cpus) as process:
            yield process


@contextlib.contextmanager
def ws(cpus=None):
    with running(["node", ROOT / "bench/peers/ws-broadcast.mjs", PORT], cpus) as process:
        yield process


def metrics():
    """The numbers of the running Starling by name, those of its shards added up; a second old."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{ADMIN_PORT}/metrics").read().decode()
    sums = collections.Counter()
    for line in text.splitlines():
        if line and line[0] != "#":
            name, value = line.rsplit(" ", 1)
            sums[name.split("{")[0]] += float(value)
    return sums


def start_load(process, mode, cpus=None, **options):
    """The load generator at work against `process`; finish_load() waits for it."""
    command = [str(BUILD / "bench/load/starling-load"), mode, "--pid", str(process.pid),
               "--port", str(PORT)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    return subprocess.Popen(pinned(cpus, command), stdout=subprocess.PIPE, text=True)


def finish_load(load):
    output, _ = load.communicate()
    if load.returncode not in (0, LOST_EXIT):
        sys.exit(f"the load generator ended with {load.returncode}")
    return json.loads(output)


def measure(process, mode, **options):
    return finish_load(start_load(process, mode, **options))


def interleaved(chosen, first, second):
    """A B B A, as often as asked, so that a machine that warms up or fills favours nobody."""
    runs = ([], [])
    for index in range(chosen.rounds):
        order = (0, 1) if index % 2 == 0 else (1, 0)
        for which in (*order, *reversed(order)):
            idle = wait_until_quiet(chosen.patience)
            if idle < QUIET_SHARE:
                print(f"the machine is busy with other work, {idle:.0%} idle: times and throughput "
                      "of the next run say little")
            run = (first, second)[which]()
            run["environment"]["idle_before"] = round(idle, 2)
            runs[which].append(run)
    return runs


def told(run):
    """What one run came to, on one line."""
    times = run.get("latency_ms") or run["in_flight_ms"]
    return (f"{run['cpu_us_per_delivery']:.3f} us of CPU and {run['deliveries_per_s']:,} "
            f"deliveries/s, p50 {times['p50']:.2f} ms, p99 {times['p99']:.2f} ms, lost "
            f"{run['lost']}, doubled {run['doubled']}, reordered {run['reordered']}")


def spread(values, digits=3):
    return (f"{statistics.median(values):.{digits}f} "
            f"({min(values):.{digits}f} to {max(values):.{digits}f})")


def ratios(over, under, key):
    """Of neighbouring runs, in which the machine was most alike."""
    return [a[key] / b[key] for a, b in zip(over, under)]


def keep(name, runs):
    """Writes all runs to a file and says where, and under which circumstances they were made."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}.json"
    file.write_text(json.dumps(runs, indent=1))
    every = [run for of in runs.values() for run in of]
    loads = [load for run in every for load in run["environment"]["load_average"].values()]
    quiet = sum(run["environment"]["idle_before"] >= QUIET_SHARE for run in every)
    known = every[0]["environment"]
    print(f"{known['cpus']} CPUs ({known['cpu']}), Linux {known['kernel']}, {known['compiler']} "
          f"{known['flags']}, {known['revision']}\nload average {min(loads)} to {max(loads)}; the "
          f"machine was quiet before {quiet} of {len(every)} runs")
    print(f"all numbers: {file.relative_to(ROOT)}")
