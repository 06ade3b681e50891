#!/usr/bin/env python3
"""Shows that layers.py finds each kind of breach, in small trees made for it."""
import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).with_name("layers.py")
ROWS = "".join(f"| `src/{name}` |\n" for name in ("base", "chat", "proto", "net"))

GOOD = {
    "src/base/a.hpp": "#pragma once\nint a();\n",
    "src/chat/b.hpp": '#pragma once\n#include "base/a.hpp"\n',
    "src/net/c.cpp": '#include "chat/b.hpp"\n',
    "docs/ARCHITECTURE.md": ROWS,
}
BREACHES = {
    "a lower layer includes a higher one": {"src/base/a.hpp": '#pragma once\n#include "chat/b.hpp"\n'},
    "equals include each other": {"src/proto/d.cpp": '#include "chat/b.hpp"\n'},
    "a library in another folder": {"src/net/c.cpp": "#include <sqlite3.h>\n"},
    "a header that does not stand alone": {"src/chat/b.hpp": "#pragma once\nstd::string name();\n"},
    "a folder without a row": {"docs/ARCHITECTURE.md": "| `src/base` |\n"},
}


def verdict(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        pathlib.Path(folder, "include").mkdir(exist_ok=True)
        return subprocess.run([sys.executable, CHECK, folder], capture_output=True).returncode


failures = [] if verdict(GOOD) == 0 else ["a good tree was refused"]
failures += [name for name, files in BREACHES.items() if verdict({**GOOD, **files}) == 0]
print("\n".join(f"not found: {name}" for name in failures) or "every breach is found")
sys.exit(1 if failures else 0)
