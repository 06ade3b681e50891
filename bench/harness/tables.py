"""Results as Markdown: the tables of docs/performance.md."""
import statistics

from harness import metrics, results

BEGIN, END = "<!-- from here by bench/report -->", "<!-- to here by bench/report -->"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def spread(values, digits):
    return (f"{statistics.median(values):,.{digits}f} "
            f"({min(values):,.{digits}f}–{max(values):,.{digits}f})")


def table_of(result):
    """One scenario: a row for each server, a column for each number, and the ratios."""
    workload = result["workload"]
    if workload["scenario"] == "micro":
        return steps_of(result["runs"])
    runs = {name: [run for run in result["runs"] if run["server"] == name]
            for name in workload["servers"]}
    known = {metric.key: metric for each in runs.values() for metric in metrics.present(each)}
    if "open" == workload["load"].get("mode"):
        known.pop("deliveries_per_s", None)  # what was offered
    ratios = {(metric.key, server): values for metric, server, values in results.ratios(result)}
    first = workload["servers"][0]
    lines = [row(["server", *(f"{metric.title}, {metric.unit}".rstrip(", ")
                              for metric in known.values()), "lost, doubled, reordered"]),
             "|" + "---|" * (len(known) + 2)]
    for name, each in runs.items():
        cells = []
        for key, metric in known.items():
            values = metrics.values_of(each, key)
            cell = spread(values, metric.digits) if values else "–"
            if (key, name) in ratios:
                cell += f"; {first} {statistics.median(ratios[key, name]):.2f} of it"
            cells.append(cell)
        lines.append(row([name, *cells, faults(each)]))
    lines += [row([name, *["not run"] * len(known), why.split(":")[0]])
              for name, why in result["not_run"].items()]
    return lines


def steps_of(runs):
    """A row for each step of a message."""
    known = list(metrics.present(runs))
    return [row(["step", "ns"]), "|---|---|",
            *(row([metric.title, spread(metrics.values_of(runs, metric.key), metric.digits)])
              for metric in known)]


def faults(runs):
    return ", ".join(str(sum(run.get(key, 0) for run in runs))
                     for key in ("lost", "doubled", "reordered"))


def document(recorded):
    """All tables; medians, the range in brackets."""
    lines = []
    for result in recorded:
        lines += [f"**`{result['workload']['scenario']}`**: {result['workload']['about']}. "
                  f"{results.circumstances(result)}.", "", *table_of(result), ""]
    return "\n".join(lines) or "No run is recorded yet.\n"


def put_into(text, recorded):
    """`text` with the tables between its two marks."""
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n\n{document(recorded)}\n{END}{after}"
