"""Results as files: all runs of one scenario, and the circumstances under which they were made."""
import json
import pathlib

from harness import metrics

FORMAT = 1
ROOT = pathlib.Path(__file__).resolve().parents[2]


class NotAResult(Exception):
    """Says why."""


def read(name):
    """Raises OSError where there is no such file, NotAResult where it holds something else."""
    try:
        result = json.loads(pathlib.Path(name).read_text())
    except ValueError as error:
        raise NotAResult(f"{name} is no JSON: {error}") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise NotAResult(f"{name} is no result of bench/run of format {FORMAT}")
    return result


def circumstances(result):
    """One line: when, of what, on how quiet a machine."""
    environment, runs = result["environment"], result["runs"]
    quiet = sum(run["quiet"] for run in runs)
    return (f"{result['began']}  {environment['revision']}  {environment['compiler']}  machine "
            f"quiet before and in {quiet} of {len(runs)} runs")


def ratios(result):
    """(metric, server, ratios) of the first server over each other one, run by run of the same
    round, in which the machine was most alike."""
    first, *others = result["workload"]["servers"] or [None]
    ours = [run for run in result["runs"] if run["server"] == first]
    for server in others:
        theirs = {run["round"]: run for run in result["runs"] if run["server"] == server}
        pairs = [(run, theirs[run["round"]]) for run in ours if run["round"] in theirs]
        for metric in metrics.present([run for run, _ in pairs]):
            over = metrics.values_of([run for run, _ in pairs], metric.key)
            under = metrics.values_of([run for _, run in pairs], metric.key)
            if under and all(under):
                yield metric, server, [a / b for a, b in zip(over, under)]


def keep(result, folder, name):
    """Writes a result to a file of that folder, and returns where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    # Commands are told as they are given from the root of the project.
    file.write_text(json.dumps(result, indent=1).replace(f"{ROOT}/", "") + "\n")
    return file
