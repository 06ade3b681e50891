#!/usr/bin/env python3
"""Shows that bench/compare tells made-up results apart, and does not where there is nothing."""
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from harness import comparison, significance  # noqa: E402

SAME, DIFFERENT, USAGE, DATA, NO_INPUT = 0, 1, 64, 65, 66


def result(runs, load="1,000 members", scenario="fanout", **environment):
    """A result whose runs are given by server as lists of numbers of one run."""
    return {
        "format": 1, "began": "2026-01-01T00:00:00Z",
        "workload": {"scenario": scenario, "load": load, "servers": list(runs)},
        "environment": {"revision": "abc", "compiler": "gcc", **environment},
        "runs": [{"server": server, "quiet": True, **run}
                 for server, each in runs.items() for run in each],
    }


def cpu(values):
    return [{"cpu_us_per_delivery": value} for value in values]


class Significance(unittest.TestCase):
    def test_p_is_that_of_the_tables(self):
        # Two groups that do not overlap: two of all divisions are so far apart.
        self.assertAlmostEqual(significance.rank_sum_p([1, 2, 3, 4], [5, 6, 7, 8]), 2 / 70)
        # U = 2 of 4 and 5, and U = 5 of 6 and 6 (the usual tables: 0.064; 0.041).
        self.assertAlmostEqual(
            significance.rank_sum_p([1, 2, 3, 6], [4, 5, 7, 8, 9]), 0.0635, places=4)
        self.assertAlmostEqual(
            significance.rank_sum_p([1, 2, 3, 4, 5, 11], [6, 7, 8, 9, 10, 12]), 0.0411, places=4)

    def test_p_with_ties_is_that_of_all_divisions(self):
        draw = random.Random(5)
        for _ in range(30):
            first = [draw.randint(1, 4) for _ in range(4)]
            second = [draw.randint(1, 4) for _ in range(5)]
            self.assertAlmostEqual(significance.rank_sum_p(first, second),
                                   enumerated_p(first, second))

    def test_equal_groups_say_nothing(self):
        self.assertEqual(significance.rank_sum_p([1, 1, 1], [1, 1, 1]), 1)

    def test_chance_alone_is_rarely_taken_for_a_difference(self):
        draw = random.Random(2)
        found = sum(
            significance.rank_sum_p([draw.gauss(0, 1) for _ in range(6)],
                                    [draw.gauss(0, 1) for _ in range(6)]) <= 0.05
            for _ in range(1_000))
        self.assertLess(found, 65)  # of 1,000; the test promises 50
        self.assertGreater(found, 20)  # and is not just blind

    def test_the_interval_holds_the_ratio(self):
        low, high = significance.ratio_interval([10, 11, 12, 10, 11], [20, 21, 22, 23, 24])
        self.assertLess(low, 2)
        self.assertGreater(high, 2)
        self.assertLess(high - low, 0.5)
        self.assertEqual(significance.ratio_interval([2, 2], [3, 3]), (1.5, 1.5))

    def test_many_questions_need_clearer_answers(self):
        corrected = significance.holm([0.03, 0.01, 0.04])
        for got, expected in zip(corrected, [0.06, 0.03, 0.06]):
            self.assertAlmostEqual(got, expected)


def enumerated_p(first, second):
    values = [*first, *second]

    def advantage(chosen):
        others = [values[i] for i in range(len(values)) if i not in chosen]
        mine = [values[i] for i in chosen]
        wins = sum((a > b) + (a == b) / 2 for a in mine for b in others)
        return abs(wins - len(mine) * len(others) / 2)

    observed = advantage(range(len(first)))
    every = [advantage(chosen)
             for chosen in itertools.combinations(range(len(values)), len(first))]
    return sum(each >= observed - 1e-9 for each in every) / len(every)


class Command(unittest.TestCase):
    def compare(self, before, after):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for name, content in (("before", before), ("after", after)):
                file = pathlib.Path(folder, name)
                file.write_text(content if isinstance(content, str) else json.dumps(content))
                files.append(file)
            done = subprocess.run([ROOT / "bench/compare", *files], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def expect(self, code, part, before, after):
        got, told = self.compare(before, after)
        self.assertEqual(got, code, told)
        self.assertIn(part, told)

    def test_the_same_numbers_are_no_difference(self):
        runs = {"starling": cpu([3.0, 3.1, 3.2, 3.0, 3.1, 3.3])}
        self.expect(SAME, "no difference", result(runs), result(runs))

    def test_a_clear_difference_is_told_with_its_size(self):
        before = result({"starling": cpu([3.0, 3.1, 3.2, 3.0, 3.1, 3.3])})
        after = result({"starling": cpu([1.5, 1.55, 1.6, 1.5, 1.55, 1.65])})
        self.expect(DIFFERENT, "-50.0%, better", before, after)
        self.expect(DIFFERENT, "+100.0%, worse", after, before)

    def test_more_deliveries_are_better(self):
        few = result({"starling": [{"deliveries_per_s": 100 + i} for i in range(6)]})
        many = result({"starling": [{"deliveries_per_s": 200 + i} for i in range(6)]})
        self.expect(DIFFERENT, "better", few, many)

    def test_a_difference_that_repeats_but_is_small_is_none(self):
        before = result({"starling": cpu([3.00, 3.01, 3.02, 3.03, 3.04, 3.05])})
        after = result({"starling": cpu([3.10, 3.11, 3.12, 3.13, 3.14, 3.15])})
        self.expect(SAME, "no difference", before, after)

    def test_a_large_difference_that_may_be_chance_is_none(self):
        before = result({"starling": cpu([3, 9, 4, 8, 5, 7])})
        after = result({"starling": cpu([6, 12, 4.5, 11, 5.5, 10])})
        self.expect(SAME, "no difference", before, after)

    def test_each_server_is_asked_about(self):
        before = result({"starling": cpu([1, 1.01, 1.02] * 2), "ws": cpu([2, 2.01, 2.02] * 2)})
        after = result({"starling": cpu([1, 1.01, 1.02] * 2), "ws": cpu([3, 3.01, 3.02] * 2)})
        self.expect(DIFFERENT, "CPU per delivery of ws", before, after)

    def test_a_missing_number_is_no_answer(self):
        before = result({"starling": cpu([1, 1.01, 1.02] * 2)})
        after = result({"starling": cpu([1, 1.01, 1.02, 1, 1.01]) + [{}]})
        self.expect(DATA, "no server and number in common", before, after)

    def test_each_step_of_a_message_is_asked_about(self):
        before = result({"micro": [{"micro_ns": {"a": 10 + i, "b": 5}} for i in range(6)]})
        after = result({"micro": [{"micro_ns": {"a": 20 + i, "b": 5}} for i in range(6)]})
        self.expect(DIFFERENT, "most of all a of micro", before, after)

    def test_what_cannot_be_told_is_not(self):
        few = result({"starling": cpu([1, 2, 3])})
        self.expect(DATA, "too few", few, few)
        one = result({"starling": cpu([1] * 6)}, load="10 in flight")
        other = result({"starling": cpu([1] * 6)}, load="160 in flight")
        self.expect(DATA, "not the same work", one, other)

    def test_what_is_no_result_is_refused(self):
        good = result({"starling": cpu([1] * 6)})
        self.expect(DATA, "is no JSON", good, "{")
        self.expect(DATA, "is no result", good, {"format": 0})

    def test_arguments(self):
        for arguments, code in (([], USAGE), (["--help"], 0), (["/none", "/none"], NO_INPUT)):
            done = subprocess.run([ROOT / "bench/compare", *arguments], capture_output=True)
            self.assertEqual(done.returncode, code)


if __name__ == "__main__":
    unittest.main()
