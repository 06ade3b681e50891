#!/usr/bin/env python3
"""What tools/coverage ends: everything that a test has started, whatever group or session it is in by
then, and nothing else; when it goes on with what has been counted; that the files it must count are
there."""
import importlib.machinery
import importlib.util
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

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
        coverage.TEST_SECONDS = 60
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
        coverage.TEST_SECONDS = 3
        code, lost = self.run_test("sleep 1000")
        self.assertEqual(code, "time")
        self.assertFalse(runs(lost))

    def test_all_of_it_where_the_command_ends(self):
        script = LOST.format(pid=self.pid) + "sleep 1000"
        tool = os.fork()
        if tool == 0:
            coverage.adopt_orphans()
            coverage.end_with_us()
            coverage.Tests().run(["/bin/sh", "-c", script], {}, subprocess.DEVNULL)
            os._exit(0)
        while not (self.pid.exists() and self.pid.read_text()):
            pass
        os.kill(tool, signal.SIGTERM)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(tool, 0)[1]), 128 + signal.SIGTERM)
        lost, limit = int(self.pid.read_text()), time.monotonic() + 10
        while runs(lost) and time.monotonic() < limit:
            pass
        still = runs(lost)
        coverage.Tests().end_what_is_left()
        self.assertFalse(still)

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


class WhatIsGoneOnWith(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="starling-coverage-")
        root = pathlib.Path(self.folder.name)
        for name in ("src", "tests", "bench"):
            (root / "build" / name).mkdir(parents=True)
            (root / "build" / name / "one.gcno").touch()
        (root / "build/build.ninja").touch()
        told = subprocess.CompletedProcess([], 0, stdout="a revision\n")
        for patch in (mock.patch.object(coverage, "BUILD", root / "build"), mock.patch.object(coverage, "OUT", root / "out"),
                      mock.patch.object(coverage.subprocess, "run", return_value=told)):
            patch.start()
            self.addCleanup(patch.stop)
        self.addCleanup(self.folder.cleanup)
        coverage.build(None)
        self.done = coverage.OUT / "one.done"
        self.done.touch()

    def compile(self, folder):
        later = time.time() + 10
        os.utime(coverage.BUILD / folder / "one.gcno", (later, later))

    def test_the_same_program(self):
        self.compile("bench")
        coverage.build(None)
        self.assertTrue(self.done.exists())

    def test_another_program(self):
        for folder in ("src", "tests"):
            self.setUp()
            self.compile(folder)
            coverage.build(None)
            self.assertFalse(self.done.exists(), folder)

    def test_what_was_reported(self):
        (coverage.OUT / "folders.txt").touch()
        coverage.build(None)
        self.assertFalse(self.done.exists())


class WhatMustBeReached(unittest.TestCase):
    def test_every_pattern_names_a_file(self):
        for patterns in coverage.MUST_BE_REACHED.values():
            for pattern in patterns:
                self.assertTrue(list((ROOT / "src").glob(pattern)), pattern)


if __name__ == "__main__":
    unittest.main()
