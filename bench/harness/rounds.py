"""One scenario: each server in turn, interleaved, and what came of it."""
import datetime
import json
import shlex
import statistics
import subprocess
import sys

from harness import machine, metrics, results, scenarios, servers

LOST_EXIT = 1  # of the load generator: it has measured, and found something missing
SERVER_CPU, LOAD_CPU = 0, 1
DIES_AFTER = 0.3  # of the time of sending
FAULTS = ("lost", "doubled", "reordered", "refused", "closed", "unkept")
GROWTH_SECONDS = 60  # memory is compared between the last minute and the second


def order(names, rounds):
    """A B C C B A, as often as asked, each time another one first: a machine that warms up or
    fills favours nobody. Each place of a round is (round, name)."""
    for index in range(rounds if names else 0):
        turned = names[index % len(names):] + names[:index % len(names)]
        for half, run in enumerate((turned, turned[::-1])):
            yield from ((2 * index + half, name) for name in run)


def command_of(scenario, name, running, build, seconds):
    options = {**scenario.load, **{key: value for key, value in scenario.own.get(name, {}).items()
                                   if key != "server"}}
    if seconds and scenario.seconds:
        options["seconds"] = seconds
    command = [build / "bench/load/starling-load", scenario.mode,
               "--pid", ",".join(map(str, running.pids)), "--port", ",".join(map(str, running.ports))]
    if scenario.mode != "requests":
        options.setdefault("peer", running.adapter)
    for key, value in options.items():
        command += [f"--{key}"] if value is True else [f"--{key}", value]
    return [str(part) for part in command]


def run_once(scenario, name, server, bench):
    """One run as the load generator tells it, and what the machine was like."""
    guard = machine.Guard(bench.patience)
    seconds = bench.seconds or scenario.seconds
    pin = scenario.pinned
    with server.running(bench.build, bench.port, SERVER_CPU if pin else None) as running:
        before = running.beside_seconds()
        command = machine.pinned(LOAD_CPU if pin else None,
                                 command_of(scenario, name, running, bench.build, seconds))
        load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            if scenario.dies:
                die_and_return(load, running, seconds)
            output, _ = load.communicate()
        finally:
            load.kill()
            load.wait()
        if load.returncode not in (0, LOST_EXIT):
            raise servers.Trouble(f"the load generator ended with {load.returncode}: "
                                  f"{shlex.join(command)}")
        run = json.loads(output.splitlines()[-1])
        run.update(running.told(run, before))
    run.update(guard.verdict())
    if scenario.mode == "open" and len(run["series"]) > 3 * GROWTH_SECONDS:
        memory = [second["user_bytes"] for second in run["series"]]
        run["user_bytes"]["growth"] = (statistics.median(memory[-GROWTH_SECONDS:])
                                       - statistics.median(memory[GROWTH_SECONDS:][:GROWTH_SECONDS]))
    return run


def die_and_return(load, running, seconds):
    load.stdout.readline()  # it says that it is sending
    try:
        load.wait(DIES_AFTER * seconds)
    except subprocess.TimeoutExpired:
        running.kill()
        running.start()


def measure(name, bench):
    """All runs of scenario `name` as a result; a server that is absent is said to be."""
    scenario = scenarios.SCENARIOS[name]
    known = {**servers.SERVERS, **bench.given}
    names, not_run = [], {}
    for server in (*scenario.servers, *bench.given):
        kind = known[scenario.own.get(server, {}).get("server", server)]
        why = kind.absent(bench.build)
        if scenario.files > machine.open_files():
            why = (f"it needs {scenario.files:,} open files, and a process may have "
                   f"{machine.open_files():,}")
        if bench.only and server not in bench.only:
            continue
        if why:
            not_run[server] = why
            print(f"{server:12} not run: {why}")
        else:
            names.append(server)
    began = datetime.datetime.now(datetime.timezone.utc)
    runs = []
    for place, server in order(names, bench.rounds or scenario.rounds):
        if server in not_run:
            continue
        kind = known[scenario.own.get(server, {}).get("server", server)]
        try:
            run = run_once(scenario, server, kind, bench)
        except servers.Trouble as error:
            if is_starling(server, scenario):
                raise
            not_run[server] = str(error)
            print(f"{server:12} not run: {error}", flush=True)
            continue
        runs.append({"server": server, "round": place, **run})
        print(f"{server:12} {told(run)}", flush=True)
    # Of a server that failed once, nothing counts.
    names = [server for server in names if server not in not_run]
    runs = [run for run in runs if run["server"] in names]
    return {
        "format": results.FORMAT, "began": f"{began:%Y-%m-%dT%H:%M:%SZ}",
        "command": shlex.join(sys.argv),
        "workload": {"scenario": name, "about": scenario.about,
                     "load": {"mode": scenario.mode, **scenario.load,
                              "seconds": (bench.seconds or scenario.seconds)},
                     "servers": names},
        "not_run": not_run,
        "environment": {**(runs[0]["environment"] if runs else {}), **machine.environment()},
        "runs": runs,
    }


def told(run):
    """What one run came to, on one line."""
    parts = [f"{metric.title} {metrics.values_of([run], metric.key)[0]:,.{metric.digits}f} "
             f"{metric.unit}".rstrip() for metric in metrics.present([run])]
    faults = [f"{key} {run[key]}" for key in FAULTS if run.get(key)]
    if not run["quiet"]:
        faults.append(f"machine busy: {run['idle_before']:.0%} idle before, others took "
                      f"{run['others_share']:.0%}")
    return "; ".join(parts + faults)


def is_starling(server, scenario):
    return scenario.own.get(server, {}).get("server", server).startswith("starling")


def faults_of(result):
    """What Starling did wrong; that of others is their result."""
    name = result["workload"]["scenario"]
    return [f"{name}: {key} {run[key]}" for run in result["runs"]
            if is_starling(run["server"], scenarios.SCENARIOS[name])
            for key in FAULTS if run.get(key)]


def summary(result):
    """Medians with their range, and ratios of Starling to each in the same round."""
    for server in result["workload"]["servers"]:
        runs = [run for run in result["runs"] if run["server"] == server]
        for metric in metrics.present(runs):
            values = metrics.values_of(runs, metric.key)
            yield (f"{server:12} {metric.title:30} {spread(values, metric.digits)} "
                   f"{metric.unit}").rstrip()
    for metric, server, ratios in results.ratios(result):
        first = result["workload"]["servers"][0]
        yield f"{first} / {server}: {metric.title} {spread(ratios, 2)}"


def spread(values, digits):
    return (f"{statistics.median(values):,.{digits}f} "
            f"({min(values):,.{digits}f} to {max(values):,.{digits}f})")
