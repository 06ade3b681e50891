"""Results as one page that needs nothing else: plots, tables, circumstances."""
import html
import math
import statistics

from harness import metrics, plot, results, tables

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --faint: #d0d0d0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #161616; --faint: #444; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1320px; margin: 2rem auto; padding: 0 1rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 600px), 1fr)); gap: 1rem; }
svg { width: 100%; border: 1px solid var(--faint); border-radius: 6px; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .title { font-weight: 600; font-size: 13px; }
svg .grid { stroke: var(--faint); } svg .axis, svg .whisker { stroke: var(--ink); }
svg polyline { fill: none; stroke-width: 2; }
svg .name { font-weight: 600; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-variant-numeric: tabular-nums; }
td, th { border-bottom: 1px solid var(--faint); padding: .25rem .75rem .25rem 0; text-align: left; }
.scroll { overflow-x: auto; } .busy { color: #b00020; font-weight: 600; }
"""
PERCENTILES = (("p10", .1), ("p25", .25), ("p50", .5), ("p75", .75), ("p90", .9), ("p99", .99),
               ("p99.9", .999), ("p99.99", .9999), ("p99.999", .99999))


def median_run(result, server):
    """The run in the middle by its p99, so that a curve is one that was."""
    runs = [run for run in result["runs"] if run["server"] == server]
    return sorted(runs, key=lambda run: run["latency_ms"]["p99"])[len(runs) // 2]


def nines(share):
    """Every nine as wide as the one before it."""
    return -math.log10(1 - share)


def by_percentile(result, colours):
    series = {name: [(nines(share), max(median_run(result, name)["latency_ms"][key], 1e-3))
                     for key, share in PERCENTILES]
              for name in result["workload"]["servers"]}
    ticks = [(nines(share), key[1:]) for key, share in PERCENTILES if share in (.5, .9) or share > .98]
    return plot.lines(f"Latency by percentile: {result['workload']['scenario']}", series,
                      "percentile", "ms", colours, y_log=True, x_ticks=ticks)


def over_time(result, colours):
    series = {name: [(second + 1, max(each["p99_ms"], 1e-3))
                     for second, each in enumerate(median_run(result, name)["series"])]
              for name in result["workload"]["servers"]}
    return plot.lines(f"p99 second by second: {result['workload']['scenario']}", series,
                      "seconds", "ms", colours, y_log=True)


def against_offered(recorded, colours, title, y_label, value, y_log=False):
    """A point for each scenario offered-...: the median of `value` of its runs."""
    series = {}
    for result in recorded:
        load = result["workload"]["load"]
        if not result["workload"]["scenario"].startswith("offered-"):
            continue
        for name in result["workload"]["servers"]:
            runs = [run for run in result["runs"] if run["server"] == name]
            series.setdefault(name, []).append(
                (load["rate"] * load["members"], statistics.median(map(value, runs))))
    return plot.lines(title, {name: sorted(each) for name, each in series.items()},
                      "deliveries offered a second", y_label, colours, x_log=True, y_log=y_log)


def bars_of(recorded, key, title, colours, wanted=lambda name: True):
    groups, unit = [], ""
    for result in recorded:
        rows = []
        for name in result["workload"]["servers"]:
            runs = [run for run in result["runs"] if run["server"] == name]
            values = metrics.values_of(runs, key)
            if values:
                rows.append((name, statistics.median(values), min(values), max(values)))
        if rows and wanted(result["workload"]["scenario"]):
            groups.append((result["workload"]["scenario"], rows))
    for metric in metrics.METRICS:
        unit = metric.unit if metric.key == key else unit
    return plot.bars(title, groups, unit, colours)


def plots(recorded, colours):
    def steady(name):
        return not name.startswith("offered-")

    yield bars_of(recorded, "cpu_us_per_delivery", "CPU of the server per delivery", colours, steady)
    yield bars_of(recorded, "cpu_us_per_connection", "CPU of the server per connection", colours)
    yield bars_of(recorded, "cpu_us_per_request", "CPU of the server per request", colours)
    yield bars_of(recorded, "user_bytes.per_member", "Process memory per connection", colours)
    yield bars_of(recorded, "kernel_bytes.per_member",
                  "Kernel memory per connection, both ends", colours)
    yield against_offered(recorded, colours, "Throughput against offered load",
                          "deliveries a second", lambda run: run["deliveries_per_s"], y_log=True)
    yield against_offered(recorded, colours, "p99 against offered load", "ms",
                          lambda run: max(run["latency_ms"]["p99"], 1e-3), y_log=True)
    for result in recorded:
        measured = result["runs"] and all("latency_ms" in run for run in result["runs"])
        if measured and steady(result["workload"]["scenario"]):
            yield by_percentile(result, colours)
            yield over_time(result, colours)


def table_html(result):
    head, _, *body = [[html.escape(cell.strip()) for cell in line.strip("|").split(" | ")]
                      for line in tables.table_of(result)]
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in body)
    return ("<div class=scroll><table><tr>" + "".join(f"<th>{cell}</th>" for cell in head)
            + f"</tr>{rows}</table></div>")


def section(result):
    told = html.escape(results.circumstances(result))
    busy = any(not run["quiet"] for run in result["runs"])
    mark = ' <span class="busy">made on a busy machine</span>' if busy else ""
    workload = result["workload"]
    return (f"<h3>{html.escape(workload['scenario'])}</h3><p>{html.escape(workload['about'])}<br>"
            f"{told}{mark}<br><code>{html.escape(result['command'])}</code></p>"
            + table_html(result))


def circumstances(recorded):
    known = recorded[0]["environment"]
    rows = "".join(f"<tr><td>{html.escape(key)}</td><td>{html.escape(str(value))}</td></tr>"
                   for key, value in known.items() if key != "command")
    return f"<h2>The machine</h2><div class=scroll><table>{rows}</table></div>"


def document(recorded):
    names = list(dict.fromkeys(name for result in recorded
                               for name in result["workload"]["servers"]))
    colours = plot.colour_of(names)
    drawn = "".join(filter(None, plots(recorded, colours)))
    return ("<!doctype html><html lang=en><meta charset=utf-8>"
            '<meta name=viewport content="width=device-width"><title>Starling, measured</title>'
            f"<style>{STYLE}</style><h1>Starling, measured</h1>"
            "<p>Medians; whiskers and brackets are the lowest and the highest run.</p>"
            f"<div class=plots>{drawn}</div><h2>Numbers</h2>"
            + "".join(map(section, recorded)) + circumstances(recorded) + "</html>\n")
