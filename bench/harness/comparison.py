"""Two results of the same scenario, question by question."""
import dataclasses
import statistics

from harness import metrics, significance

SIGNIFICANT_P = 0.05


class NotComparable(Exception):
    """Says why."""


@dataclasses.dataclass
class Row:
    server: str
    metric: metrics.Metric
    first: list
    second: list
    p: float = 1.0  # corrected for the number of rows

    @property
    def ratio(self):
        return significance.ratio(self.first, self.second)

    @property
    def differs(self):
        apart = abs(self.ratio - 1) >= self.metric.repeats_within
        return apart and self.p <= SIGNIFICANT_P

    @property
    def verdict(self):
        if not self.differs:
            return "~"
        return "better" if (self.ratio > 1) == self.metric.more_is_better else "worse"


def runs_of(result, server):
    return [run for run in result["runs"] if run["server"] == server]


def compare(first, second):
    """The rows of two results, p-values corrected together."""
    _check(first, second)
    servers = [name for name in first["workload"]["servers"] if runs_of(second, name)]
    rows = [row for server in servers for row in _rows(server, first, second)]
    if not rows:
        raise NotComparable("they have no server and number in common")
    for row, p in zip(rows, significance.holm(
            [significance.rank_sum_p(row.first, row.second) for row in rows])):
        row.p = p
    fewest = min(min(len(row.first), len(row.second)) for row in rows)
    if significance.smallest_p(fewest, fewest) * len(rows) > SIGNIFICANT_P:
        raise NotComparable(f"{fewest} runs of each are too few to tell {len(rows)} numbers apart: "
                            "more --rounds")
    return rows


def _check(first, second):
    for key in ("scenario", "load"):
        one, other = first["workload"][key], second["workload"][key]
        if one != other:
            raise NotComparable(f"they are not the same work: {key} {one}, and {other}")


def _rows(server, first, second):
    one, other = runs_of(first, server), runs_of(second, server)
    for metric in metrics.present(one):
        before, after = metrics.values_of(one, metric.key), metrics.values_of(other, metric.key)
        if after:
            yield Row(server, metric, before, after)


def told(row):
    low, high = significance.ratio_interval(row.first, row.second)
    digits = row.metric.digits
    before, after = statistics.median(row.first), statistics.median(row.second)
    return (f"{row.server:12} {row.metric.title:30} {before:>12,.{digits}f} "
            f"{after:>12,.{digits}f} {row.metric.unit:2} {row.ratio:6.3f} "
            f"({low:.3f} to {high:.3f})  p {row.p:.3f}  {row.verdict}")


def summary(rows):
    """One sentence."""
    changed = [row for row in rows if row.differs]
    if not changed:
        return "no difference"
    worst = max(changed, key=lambda row: abs(row.ratio - 1))
    return (f"{len(changed)} of {len(rows)} numbers differ; most of all {worst.metric.title} of "
            f"{worst.server}: {worst.ratio - 1:+.1%}, {worst.verdict}")
