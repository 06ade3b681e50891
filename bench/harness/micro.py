"""The price of each step of a message, alone, beside the last recorded one."""
import datetime
import json
import shlex
import statistics
import subprocess
import sys

from harness import machine, metrics, results, servers

ABOUT = "each step of a message alone, and by how much it differs from the last recorded run"
REPETITIONS = 6
RECORDED = servers.ROOT / "bench/recorded/micro.json"


def measure(bench):
    guard = machine.Guard(bench.patience)
    command = [bench.build / "bench/micro/starling-micro", "--benchmark_format=json",
               f"--benchmark_repetitions={2 * bench.rounds if bench.rounds else REPETITIONS}",
               "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.1"]
    began = datetime.datetime.now(datetime.timezone.utc)
    done = subprocess.run(machine.pinned(0, command), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=True)
    quiet = guard.verdict()
    runs = {}
    for row in json.loads(done.stdout)["benchmarks"]:
        if row["run_type"] != "iteration":
            continue
        run = runs.setdefault(row["repetition_index"],
                              {"server": "micro", "round": row["repetition_index"], "micro_ns": {},
                               **quiet})
        # Where two threads are at work, their CPU is not the price of a hop.
        clock = "real_time" if row["run_name"].endswith("/real_time") else "cpu_time"
        run["micro_ns"][row["run_name"]] = row[clock]
    described = subprocess.run([bench.build / "bench/load/starling-load", "environment"],
                               stdout=subprocess.PIPE, text=True, check=True)
    return {
        "format": results.FORMAT, "began": f"{began:%Y-%m-%dT%H:%M:%SZ}",
        "command": shlex.join(sys.argv),
        "workload": {"scenario": "micro", "about": ABOUT, "load": {}, "servers": ["micro"]},
        "not_run": {},
        "environment": {**json.loads(described.stdout), **machine.environment()},
        "runs": list(runs.values()),
    }


def summary(result):
    before = None
    if RECORDED.exists():
        before = results.read(RECORDED)["runs"]
    for metric in metrics.present(result["runs"]):
        now = statistics.median(metrics.values_of(result["runs"], metric.key))
        then = metrics.values_of(before or [], metric.key)
        beside = f"{now / statistics.median(then):6.2f} of the recorded one" if then else "new"
        yield f"{metric.title:40} {now:10.1f} ns  {beside}"
