#!/usr/bin/env python3
"""Shows that the measuring is fair and honest: turns, ratios, who is absent, busy machines."""
import collections
import contextlib
import io
import pathlib
import sys
import types
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from harness import fleet, machine, page, results, rounds, scenarios, servers, tables  # noqa: E402


def bench(**changed):
    return types.SimpleNamespace(**{"build": ROOT, "port": 1, "seconds": 1, "patience": 0,
                                    "rounds": 2, "only": None, "given": {}, **changed})


def made_up(server, faults=(), **numbers):
    return {"server": server, "quiet": True, "idle_before": 1, "others_share": 0,
            "environment": {"revision": "r", "compiler": "c"}, **dict.fromkeys(faults, 1), **numbers}


class Order(unittest.TestCase):
    def test_everybody_has_every_place(self):
        turns = list(rounds.order(["a", "b", "c"], 3))
        self.assertEqual([name for _, name in turns[:6]], ["a", "b", "c", "c", "b", "a"])
        self.assertEqual(collections.Counter(name for _, name in turns),
                         {"a": 6, "b": 6, "c": 6})
        first = [turns[6 * index][1] for index in range(3)]
        self.assertEqual(sorted(first), ["a", "b", "c"])
        # Each half of a round has everybody once.
        for half in range(6):
            self.assertEqual(sorted(name for at, name in turns if at == half), ["a", "b", "c"])


class Ratios(unittest.TestCase):
    def test_runs_of_the_same_half_are_divided(self):
        runs = [{"round": at, "server": name, "cpu_us_per_delivery": value}
                for at, name, value in ((0, "a", 2), (1, "a", 10), (1, "b", 30), (0, "b", 4))]
        result = {"workload": {"servers": ["a", "b"]}, "runs": runs}
        [(metric, server, ratios)] = results.ratios(result)
        self.assertEqual((metric.key, server), ("cpu_us_per_delivery", "b"))
        self.assertEqual(sorted(ratios), [10 / 30, 2 / 4])


class Chosen(unittest.TestCase):
    def test_by_name_by_group_once_each(self):
        self.assertEqual(scenarios.chosen(["echo", "echo-100"]), ["echo-100", "echo-1000"])
        self.assertEqual(len(scenarios.chosen(["all"])), len(scenarios.SCENARIOS))
        with self.assertRaises(KeyError):
            scenarios.chosen(["fan"])

    def test_every_server_of_a_scenario_is_known(self):
        for scenario in scenarios.SCENARIOS.values():
            for name in scenario.servers:
                self.assertIn(scenario.own.get(name, {}).get("server", name), servers.SERVERS)


class Kept(unittest.TestCase):
    def test_rows_are_compared_with_what_was_accepted(self):
        servers_of_three = fleet.Fleet(3, "none", ROOT, 1, {})
        self.addCleanup(servers_of_three.__exit__)
        servers_of_three._database = types.SimpleNamespace(messages=lambda: 8)
        told = servers_of_three.told({"sent": 11, "refused": 1, "elapsed_s": 2}, {})
        self.assertEqual((told["kept"], told["unkept"], told["kept_per_s"]), (8, 2, 4))
        self.assertIn("unkept 2", rounds.told(made_up("starling-fleet", **told)))


class Absent(unittest.TestCase):
    def measure(self, run_once, name="fanout-100", **changed):
        told = io.StringIO()
        with mock.patch.object(rounds, "run_once", run_once), contextlib.redirect_stdout(told):
            return rounds.measure(name, bench(**changed)), told.getvalue()

    def test_who_is_absent_or_fails_is_said_not_to_have_run(self):
        gone = servers.Server(None, "raw", lambda _build: "it is not here")

        def run_once(_scenario, name, _server, _bench):
            if name == "nats":
                raise servers.Trouble("it fell over")
            return made_up(name, cpu_us_per_delivery=1)

        with mock.patch.dict(servers.SERVERS, {"nchan": gone, "nats": servers.given("nats", ""),
                                               "ws": servers.given("raw", "")}):
            result, told = self.measure(run_once, only=["starling", "ws", "nchan", "nats"])
        self.assertEqual(result["not_run"], {"nchan": "it is not here", "nats": "it fell over"})
        self.assertIn("nchan        not run: it is not here", told)
        self.assertEqual(result["workload"]["servers"], ["starling", "ws"])
        self.assertEqual(len(result["runs"]), 8)

    def test_our_own_failure_ends_the_measurement(self):
        def run_once(*_):
            raise servers.Trouble("it fell over")
        with self.assertRaises(servers.Trouble):
            self.measure(run_once, only=["starling"])

    def test_too_few_open_files_are_said(self):
        with mock.patch.object(machine, "open_files", lambda: 1_000):
            result, _ = self.measure(None, name="idle-100000")
        self.assertIn("open files", result["not_run"]["starling"])
        self.assertEqual(result["runs"], [])

    def test_faults_of_ours_are_found_and_those_of_others_are_theirs(self):
        result, _ = self.measure(lambda _s, name, *_: made_up(name, ["lost"]), given={},
                                 only=["starling"], rounds=1)
        self.assertEqual(rounds.faults_of(result), ["fanout-100: lost 1"] * 2)
        for run in result["runs"]:
            run["server"] = "ws"
        self.assertEqual(rounds.faults_of(result), [])


class Quiet(unittest.TestCase):
    def verdict(self, idle_before, ticks, own_seconds):
        times, children = iter(ticks), iter([0, own_seconds])
        with mock.patch.multiple(machine, wait_until_quiet=lambda _patience: idle_before,
                                 jitter_ms=lambda: 0.1, cpu_times=lambda: next(times),
                                 _children_seconds=lambda: next(children)), \
             mock.patch.object(machine.os, "sysconf", lambda _name: 100):
            return machine.Guard(0).verdict()

    def test_what_is_measured_is_no_noise_and_others_are(self):
        # 1,000 ticks pass; the children used 800 of them in 8 s.
        self.assertTrue(self.verdict(1.0, [(0, 0), (200, 1_000)], 8)["quiet"])
        busy = self.verdict(1.0, [(0, 0), (0, 1_000)], 8)
        self.assertEqual((busy["quiet"], busy["others_share"]), (False, 0.2))
        self.assertFalse(self.verdict(0.5, [(0, 0), (200, 1_000)], 8)["quiet"])


def recorded(scenario, mode, servers_runs, **load):
    return {"began": "now", "command": "bench/run <it>", "not_run": {"nats": "it is not here: why"},
            "environment": {"revision": "r", "compiler": "c"},
            "workload": {"scenario": scenario, "about": "work & more",
                         "load": {"mode": mode, **load}, "servers": list(servers_runs)},
            "runs": [made_up(name, round=place, **run) for name, runs in servers_runs.items()
                     for place, run in enumerate(runs)]}


def opened(p99, cpu):
    times = dict.fromkeys((key for key, _ in page.PERCENTILES), p99)
    return {"latency_ms": times, "deliveries_per_s": 100, "cpu_us_per_delivery": cpu, "lost": 0,
            "series": [{"p99_ms": p99}] * 3}


class Report(unittest.TestCase):
    FOUND = [
        recorded("fanout-100", "open", {"starling": [opened(1, 2), opened(3, 4), opened(2, 3)],
                                        "ws": [opened(9, 4), opened(9, 8), opened(9, 6)]}),
        recorded("idle-10000", "idle", {"starling": [{"user_bytes": {"per_member": 500}}]}),
        *(recorded(f"offered-{rate}", "open", {"starling": [opened(1, 2)]}, rate=rate, members=10)
          for rate in (1, 10)),
        recorded("micro", None, {"micro": [{"micro_ns": {"a step": 7.25}}]}),
    ]

    def test_the_page_needs_nothing_else(self):
        text = page.document(self.FOUND)
        # CPU, memory, throughput and p99 against offered load, percentiles and time of fanout-100.
        self.assertEqual(text.count("<svg"), 6)
        for part in ("src=", "href=", "http", "<script", "url("):
            self.assertNotIn(part, text)
        self.assertIn("bench/run &lt;it&gt;", text)
        self.assertIn("work &amp; more", text)

    def test_a_curve_is_the_run_in_the_middle(self):
        run = page.median_run(self.FOUND[0], "starling")
        self.assertEqual(run["latency_ms"]["p99"], 2)

    def test_tables_stand_between_their_marks(self):
        before = f"head {tables.BEGIN} old {tables.END} tail"
        text = tables.put_into(before, self.FOUND)
        self.assertTrue(text.startswith("head ") and text.endswith(" tail"))
        self.assertNotIn("old", text)
        self.assertIn("| starling | 3.000 (2.000–4.000) |", text)
        self.assertIn("| ws | 6.000 (4.000–8.000); starling 0.50 of it |", text)
        self.assertIn("| nats | not run |", text)
        self.assertIn("| a step | 7.2 (7.2–7.2) |", text)
        self.assertEqual(tables.put_into(text, self.FOUND), text)


if __name__ == "__main__":
    unittest.main()
