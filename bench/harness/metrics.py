"""What a run is judged by, and how well each of these numbers repeats."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Metric:
    key: str  # a path into a run, by dots; "*" stands for every name that is there
    title: str
    unit: str
    digits: int
    more_is_better: bool
    # Differences below this share are called none: so much a run of the same program an hour later
    # may differ, since a build, a boot and a neighbour each have their luck.
    repeats_within: float


METRICS = (
    Metric("cpu_us_per_delivery", "CPU per delivery", "µs", 3, False, 0.05),
    Metric("cpu_us_per_connection", "CPU per connection", "µs", 2, False, 0.05),
    Metric("cpu_us_per_request", "CPU per request", "µs", 2, False, 0.05),
    Metric("user_bytes.per_member", "process memory per connection", "B", 0, False, 0.03),
    Metric("kernel_bytes.per_member", "kernel memory per connection", "B", 0, False, 0.05),
    Metric("user_bytes.growth", "growth of memory", "B", 0, False, 0.5),
    Metric("deliveries_per_s", "deliveries a second", "", 0, True, 0.1),
    Metric("connections_per_s", "connections a second", "", 0, True, 0.1),
    Metric("requests_per_s", "requests a second", "", 0, True, 0.1),
    Metric("kept_per_s", "messages kept a second", "", 0, True, 0.1),
    Metric("database_us_per_message", "database CPU per message", "µs", 1, False, 0.1),
    Metric("broker_us_per_message", "broker CPU per message", "µs", 1, False, 0.1),
    Metric("elsewhere_ms.p50", "p50 to another server", "ms", 2, False, 0.15),
    Metric("elsewhere_ms.p99", "p99 to another server", "ms", 2, False, 0.25),
    Metric("latency_ms.p50", "p50", "ms", 2, False, 0.15),
    Metric("latency_ms.p99", "p99", "ms", 2, False, 0.25),
    Metric("all_back_s", "until all are back", "s", 2, False, 0.15),
    Metric("micro_ns.*", "", "ns", 1, False, 0.05),
)


def values_of(runs, key):
    """The number under `key` of each run; None where a run has none."""
    found = [_look_up(run, key.split(".", 1)) for run in runs]
    return None if not found or None in found else found


def _look_up(value, path):
    if not isinstance(value, dict) or path[0] not in value:
        return None
    value = value[path[0]]
    return value if len(path) == 1 else _look_up(value, path[1:])


def present(runs):
    """The metrics that all of `runs` have, a "*" replaced by each name."""
    for metric in METRICS:
        if not metric.key.endswith(".*"):
            if values_of(runs, metric.key):
                yield metric
            continue
        folder = metric.key[:-2]
        for name in runs[0].get(folder, {}) if runs else ():
            key = f"{folder}.{name}"
            if values_of(runs, key):
                yield dataclasses.replace(metric, key=key, title=name)
