#!/usr/bin/env python3
"""Holds the tree to its layers: layers.py [ROOT]

- A folder includes only folders of lower layers (and itself); equals never include each other.
- A library's headers appear in one folder only.
- Every header compiles alone.
- Every folder of src/ has a row in docs/ARCHITECTURE.md.
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys

LAYERS = {
    "base": 0,
    "io": 1, "proto": 1, "chat": 1,
    "net": 2, "api": 2, "store": 2, "bus": 2,
    "shard": 3,
    "server": 4,
}
LIBRARIES = {
    "liburing.h": "io", "llhttp.h": "proto", "wslay/": "proto", "simdjson.h": "proto",
    "nettle/": "proto", "zlib.h": "proto", "sqlite3.h": "store", "mysql.h": "store", "mysqld_error.h": "store", "errmsg.h": "store", "utf8proc.h": "store", "jwt.h": "api",
    "CLI/": "server", "toml++/": "server", "prometheus/": "server", "spdlog/": "base",
    "fmt/": "base", "absl/": "base", "systemd/": "base", "amqp": "bus",
}
FORBIDDEN = {"linux/io_uring.h": "shadows liburing's own copy and breaks buffer rings"}
ONE_FILE = {"CLI/": "server/command_line.cpp", "toml++/": "server/settings_file.cpp"}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def includes(path):
    return INCLUDE.findall(path.read_text())


def check_direction(root):
    for path in sorted((root / "src").rglob("*.?pp")):
        folder = path.relative_to(root / "src").parts[0]
        if folder not in LAYERS:
            yield f"{path}: folder {folder} has no layer"
            continue
        for name in includes(path):
            other = name.split("/")[0]
            if other in LAYERS and "/" in name and other != folder:
                if LAYERS[other] >= LAYERS[folder]:
                    yield f"{path}: {folder} (layer {LAYERS[folder]}) includes {name}"
            for library, owner in LIBRARIES.items():
                if name.startswith(library) and folder != owner:
                    yield f"{path}: {name} belongs to src/{owner}"
            for library, only in ONE_FILE.items():
                if name.startswith(library) and not str(path).endswith(only):
                    yield f"{path}: {name} is expensive and belongs to src/{only} alone"
            if name in FORBIDDEN:
                yield f"{path}: {name} {FORBIDDEN[name]}"


def compile_alone(root, header):
    done = subprocess.run(
        ["g++", "-std=c++20", "-fsyntax-only", "-w", "-I", root / "src", "-I", root / "include",
         "-x", "c++", header],
        capture_output=True, text=True)
    first = done.stderr.strip().splitlines()
    return None if done.returncode == 0 else f"{header}: does not compile alone: {first[0]}"


def check_headers(root):
    headers = sorted([*(root / "src").rglob("*.hpp"), *(root / "include").rglob("*.hpp")])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield from filter(None, pool.map(lambda header: compile_alone(root, header), headers))


def check_rows(root):
    text = (root / "docs" / "ARCHITECTURE.md").read_text()
    for folder in sorted(entry.name for entry in (root / "src").iterdir() if entry.is_dir()):
        if f"| `src/{folder}`" not in text:
            yield f"docs/ARCHITECTURE.md: no row for src/{folder}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    problems = [*check_direction(root), *check_headers(root), *check_rows(root)]
    print("\n".join(problems) or "the layers hold")
    sys.exit(1 if problems else 0)


main()
