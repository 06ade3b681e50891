#!/usr/bin/env python3
"""Writes the web client's files into a C++ source: embed.py OUTPUT FILE...

A file is served under its name, index.html as "/". Its entity tag is a hash of its bytes.
"""
import hashlib
import pathlib
import sys

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def main() -> None:
    output, *files = sys.argv[1:]
    entries = []
    lines = [
        '#include "api/pages.hpp"',
        "#include <array>",
        "namespace starling::api {",
        "namespace {",
    ]
    for number, name in enumerate(files):
        path = pathlib.Path(name)
        content = path.read_bytes()
        numbers = ",".join(str(byte) for byte in content)
        lines.append(f"constexpr unsigned char file_{number}[] = {{{numbers}}};")
        url = "/" if path.name == "index.html" else f"/{path.name}"
        tag = hashlib.sha256(content).hexdigest()[:20]
        entries.append(
            f'Page{{"{url}", "{CONTENT_TYPES[path.suffix]}", '
            f"{{reinterpret_cast<const char*>(file_{number}), sizeof file_{number}}}, "
            f'"\\"{tag}\\""}}'
        )
    lines += [
        "}  // namespace",
        "std::span<const Page> embedded_pages() {",
        f"  static const std::array<Page, {len(entries)}> pages{{{{{', '.join(entries)}}}}};",
        "  return pages;",
        "}",
        "}  // namespace starling::api",
        "",
    ]
    pathlib.Path(output).write_text("\n".join(lines))


main()
