#!/usr/bin/env python3
"""What tools/coverage ends: everything that a test has started, whatever group or session it is in by
then, and nothing else. Also that the files it must count are there."""
import importlib.machinery
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("coverage", str(ROOT / "tools/coverage"))
coverage = importlib.util.module_from_spec(importlib.util.spec_from_loader("coverage", loader))
loader.exec_module(coverage)

# Starts something in a session of its own, whose parent ends, and which has a child; writes the child's
# process id.
LOST = "(setsid sh -c 'sleep 1000 & echo $! >{pid}; wait' &); while [ ! -s {pid} ]; do :; done; "


def runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class WhatIsEnded(unittest.TestCase):
    def setUp(self):
        coverage.adopt_orphans()
        coverage.TEST_SECONDS = 1
        self.folder = tempfile.TemporaryDirectory(prefix="starling-coverage-")
        self.pid = pathlib.Path(self.folder.name) / "pid"

    def tearDown(self):
        self.folder.cleanup()

    def run_test(self, script):
        code = coverage.Tests().run(["/bin/sh", "-c", LOST.format(pid=self.pid) + script], {}, subprocess.DEVNULL)
        return code, int(self.pid.read_text())

    def test_what_a_test_leaves_behind(self):
        code, lost = self.run_test("exit 3")
        self.assertEqual(code, 3)
        self.assertFalse(runs(lost))

    def test_what_takes_too_long(self):
        code, lost = self.run_test("sleep 1000")
        self.assertEqual(code, "time")
        self.assertFalse(runs(lost))

    def test_what_is_not_its_own(self):
        other = subprocess.Popen(["sleep", "1000"])
        try:
            tests = coverage.Tests()
            tests.running.add(other.pid)  # a test beside it
            self.assertEqual(tests.run(["/bin/true"], {}, subprocess.DEVNULL), 0)
            self.assertTrue(runs(other.pid))
            self.assertTrue(runs(os.getpid()))
        finally:
            other.kill()
            other.wait()


    def test_what_a_test_beside_it_has_lost(self):
        coverage.TEST_SECONDS = 60
        tests, end = coverage.Tests(), self.pid.with_name("end")
        script = LOST.format(pid=self.pid) + f"while [ ! -e {end} ]; do sleep 0.02; done"
        beside = threading.Thread(target=tests.run, args=(["/bin/sh", "-c", script], {}, subprocess.DEVNULL))
        beside.start()
        while not (self.pid.exists() and self.pid.read_text()):
            pass
        lost = int(self.pid.read_text())
        tests.run(["/bin/true"], {}, subprocess.DEVNULL)
        still = runs(lost)
        end.touch()
        beside.join()
        self.assertTrue(still)
        self.assertFalse(runs(lost))


class WhatMustBeReached(unittest.TestCase):
    def test_every_pattern_names_a_file(self):
        for patterns in coverage.MUST_BE_REACHED.values():
            for pattern in patterns:
                self.assertTrue(list((ROOT / "src").glob(pattern)), pattern)


if __name__ == "__main__":
    unittest.main()
