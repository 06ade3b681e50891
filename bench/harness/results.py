"""Results as files: all runs of one scenario, and the circumstances under which they were made."""
import json
import pathlib

FORMAT = 1


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
