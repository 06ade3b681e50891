#!/usr/bin/env python3
"""Shows that a build notices what becomes of the browser client: files that come, change or go,
and a client that was not there, without being configured again; and that nothing is done twice."""
import pathlib
import subprocess
import sys
import tempfile

EMBED = pathlib.Path(__file__).resolve().parents[2] / "tools/embed.py"
BUILD = f"""
rule embed
  command = {sys.executable} {EMBED} $out client.d $folders $beside
  depfile = client.d
  deps = gcc
  restat = 1
build client.cpp client.bin: embed
  folders = ../web/dist ../web/none
"""


def main():
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        web, build = pathlib.Path(folder, "web"), pathlib.Path(folder, "build")
        for place in (web / "none", build):
            place.mkdir(parents=True)
        (web / "none/index.html").write_text("without")
        (build / "build.ninja").write_text(BUILD)

        def ninja():
            return subprocess.run(["ninja", "-C", build], capture_output=True, text=True).stdout

        def expect(what, *names, blob):
            told = ninja()
            source = (build / "client.cpp").read_text().splitlines()
            urls = [line.split('"')[1] for line in source if line.startswith('    {"/')]
            content = (build / "client.bin").read_text()
            if (urls, content) != (list(names), blob):
                failures.append(f"{what}: {urls} {content!r}\n{told}")
            again = ninja()
            if "no work to do" not in again:
                failures.append(f"{what}: done again: {again}")

        dist = web / "dist"
        expect("no client", "/", blob="without")
        (dist / "assets").mkdir(parents=True)
        (dist / "index.html").write_text("page")
        (dist / "assets/a-1.js").write_text("one")
        expect("a client", "/assets/a-1.js", "/", blob="onepage")
        (dist / "assets/a-1.js").rename(dist / "assets/a-2.js")
        expect("another name", "/assets/a-2.js", "/", blob="onepage")
        (dist / "assets/a-2.js").write_text("two")
        expect("another content", "/assets/a-2.js", "/", blob="twopage")
        (dist / "assets/a-2.js.br").write_text("2")
        expect("a compressed form", "/assets/a-2.js", "/", blob="two2page")
        (dist / "icon.svg").write_text("<svg/>")
        expect("a new file", "/assets/a-2.js", "/icon.svg", "/", blob="two2<svg/>page")
        (dist / "icon.svg").unlink()
        expect("a file less", "/assets/a-2.js", "/", blob="two2page")
        made = (build / "client.cpp").stat().st_mtime_ns
        (dist / "index.html").write_text("page")
        expect("the same anew", "/assets/a-2.js", "/", blob="two2page")
        if (build / "client.cpp").stat().st_mtime_ns != made:
            failures.append("what did not change is compiled again")
        (dist / "index.html").unlink()
        expect("a client that is not whole", "/", blob="without")
        (dist / "index.html").write_text("page")
        (web / "api.json").write_text("{}")
        (build / "build.ninja").write_text(BUILD + "  beside = --beside ../web/api.json\n")
        expect("a file beside", "/assets/a-2.js", "/", "/api.json", blob="two2page{}")
        (web / "api.json").write_text("[]")
        expect("the file beside changed", "/assets/a-2.js", "/", "/api.json", blob="two2page[]")
        (dist / "notes.txt").write_text("what is this?")
        if "notes.txt: it is not known" not in ninja():
            failures.append("a kind of file that nobody knows how to serve is not named")
    print("\n".join(failures) or "the build notices every change of the client")
    sys.exit(1 if failures else 0)


main()
