#!/usr/bin/env python3
"""What a package of a release build holds: package_test.py BUILD. Nothing is installed, no network is asked."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = "build-test"


def output(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        made = subprocess.run([ROOT / "tools/package", "--build", BUILD], cwd=ROOT, capture_output=True, text=True)
        if made.returncode != 0:
            raise AssertionError(made.stderr)
        cls.file = made.stdout.splitlines()[-1]
        cls.root = pathlib.Path(cls.scratch.name) / "root"
        subprocess.run(["dpkg-deb", "-R", cls.file, cls.root], check=True)
        cls.program = cls.root / "usr/bin/starling"

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_lintian_has_no_error_and_no_warning(self):
        said = subprocess.run(
            ["lintian", "--allow-root", "--fail-on", "error,warning", self.file], capture_output=True, text=True
        )
        self.assertEqual((said.returncode, said.stdout), (0, ""), said.stderr)

    def test_it_holds_what_an_operator_needs(self):
        held = {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}
        for wanted in [
            "usr/bin/starling",
            "etc/starling/starling.toml",
            "lib/systemd/system/starling.service",
            "lib/systemd/system/starling@.service",
            "lib/systemd/system/starling.socket",
            "usr/lib/sysusers.d/starling.conf",
            "usr/share/doc/starling/copyright",
            "usr/share/man/man8/starling.8.gz",
            "usr/share/man/man5/starling.toml.5.gz",
            "usr/share/bash-completion/completions/starling",
            "usr/share/zsh/vendor-completions/_starling",
            "usr/share/fish/vendor_completions.d/starling.fish",
            "usr/share/doc/starling/examples/nginx/starling.conf",
            "usr/share/doc/starling/examples/haproxy/starling.cfg",
            "usr/share/doc/starling/examples/containers/seccomp.json",
        ]:
            self.assertIn(wanted, held)
        everywhere = [name for name in held if not name.startswith(("usr/", "etc/starling/", "lib/systemd/", "DEBIAN/"))]
        self.assertEqual(everywhere, [])

    def test_the_settings_are_the_programs_own_and_the_operators(self):
        default = output(self.program, "config", "default")
        self.assertEqual((self.root / "etc/starling/starling.toml").read_text(), default)
        self.assertEqual((self.root / "DEBIAN/conffiles").read_text(), "/etc/starling/starling.toml\n")

    def test_the_service_is_enabled_and_the_rest_is_not(self):
        postinst = (self.root / "DEBIAN/postinst").read_text()
        enabled = set(re.findall(r"deb-systemd-helper enable '([^']+)'", postinst))
        by_the_operator = set(re.findall(r"if deb-systemd-helper debian-installed '([^']+)'", postinst))
        self.assertEqual(enabled - by_the_operator, {"starling.service"})
        self.assertEqual(re.findall(r"deb-systemd-invoke \$_dh_action '([^']+)'", postinst), ["starling.service"])
        self.assertIn("systemd-sysusers", postinst)
        self.assertIn("rm -rf /var/lib/starling", (self.root / "DEBIAN/postrm").read_text())

    def test_the_page_is_inside(self):
        index = (ROOT / "web/dist/index.html").read_bytes()
        self.assertIn(index, self.program.read_bytes())

    def test_the_program_is_hardened(self):
        headers = output("readelf", "-W", "-h", "-l", "-d", self.program)
        self.assertRegex(headers, r"Type: +DYN \(Position-Independent Executable", "PIE")
        self.assertIn("GNU_RELRO", headers)
        self.assertRegex(headers, r"BIND_NOW|FLAGS_1.*NOW", "the linker's tables are fixed at the start")
        self.assertRegex(headers, r"GNU_STACK +\S+ \S+ \S+ \S+ \S+ RW ", "a stack that is no program")
        self.assertNotRegex(headers, r"RPATH|RUNPATH|TEXTREL")
        symbols = output("readelf", "-W", "--dyn-syms", self.program)
        self.assertIn("__stack_chk_fail", symbols, "guards on the stack")
        self.assertRegex(symbols, r"__(memcpy|snprintf|read|recv|memset|vsnprintf)_chk", "libc's functions know sizes")
        code = output("objdump", "-d", "--no-show-raw-insn", "--section=.text", self.program)
        self.assertGreater(code.count("endbr64"), 1_000, "jumps land where they may")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        BUILD = sys.argv.pop(1)
    os.environ.setdefault("LC_ALL", "C")
    unittest.main()
