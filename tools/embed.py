#!/usr/bin/env python3
"""Embeds the browser client: embed.py SOURCE BLOB DEPFILE FOLDER... [--beside FILE...]

The first FOLDER that has an index.html is taken whole, and each FILE beside it. The files go one behind the other into
BLOB, and SOURCE, which is C++, takes BLOB in as it is and says what lies where. A file is served
under its path (a FILE under its name), index.html as "/"; what stands beside it under the same name with .br or .gz is
the same file compressed. What an entity tag names is a form's bytes, by their hash.

The outputs are written only if they change. DEPFILE names every file and folder that was looked
at, so that the build asks again when one of them changes, comes or goes.
"""
import hashlib
import pathlib
import sys

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
# The build puts a hash into the names of what it makes; only those may be kept for ever.
HASHED = "/assets/"
FORMS = ("", ".gz", ".br")

SOURCE = """\
// Made by tools/embed.py.
#include "server/web_client.hpp"

#include <array>

asm(R"(
  .pushsection .rodata
  .global starling_web_client
starling_web_client:
  .incbin "{blob}"
  .popsection
)");
extern "C" const char starling_web_client[];

namespace starling::server {{
namespace {{

api::PageForm form(std::size_t offset, std::size_t size, std::string_view etag) {{
  return {{{{starling_web_client + offset, size}}, etag}};
}}

const std::array<api::Page, {count}> pages{{{{
{pages}
}}}};

}}  // namespace

std::span<const api::Page> web_client_pages() {{ return pages; }}

}}  // namespace starling::server
"""


def choose(folders):
    for folder in folders:
        if (folder / "index.html").is_file():
            return folder
    sys.exit(f"embed: no index.html in {' or '.join(map(str, folders))}")


def url_of(folder, path):
    name = path.relative_to(folder).as_posix()
    return "/" if name == "index.html" else f"/{name}"


def pages_of(folder, paths, blob):
    """A line of C++ for each page; the bytes of its forms are appended to the blob."""
    for path in paths:
        if not path.is_file() or path.suffix in FORMS:
            continue
        if path.suffix not in CONTENT_TYPES:
            sys.exit(f"embed: {path}: it is not known as what to serve {path.suffix}")
        forms = []
        for suffix in FORMS:
            form = path.with_name(path.name + suffix)
            content = form.read_bytes() if form.is_file() else b""
            if suffix and not 0 < len(content) < path.stat().st_size:
                forms.append("{}")  # there is none, or it saves nothing
                continue
            tag = hashlib.sha256(content).hexdigest()[:20]
            forms.append(f'form({len(blob)}, {len(content)}, "\\"{tag}\\"")')
            blob += content
        url = url_of(folder, path)
        immutable = "true" if url.startswith(HASHED) else "false"
        yield (f'    {{"{url}", "{CONTENT_TYPES[path.suffix]}", {immutable},\n     '
               + ",\n     ".join(forms) + "},")


def write_if_changed(path, content):
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)


def main():
    arguments, beside = sys.argv[1:], []
    if "--beside" in arguments:
        at = arguments.index("--beside")
        arguments, beside = arguments[:at], list(map(pathlib.Path, arguments[at + 1:]))
    source, blob_file, depfile, *folders = map(pathlib.Path, arguments)
    folder = choose(folders)
    blob = bytearray()
    pages = list(pages_of(folder, sorted(folder.rglob("*")), blob))
    for path in beside:
        pages += pages_of(path.parent, [path], blob)
    text = SOURCE.format(blob=blob_file, count=len(pages), pages="\n".join(pages))
    # The source has the hashes of all bytes: it changes with the blob, and is compiled anew.
    write_if_changed(blob_file, bytes(blob))
    write_if_changed(source, text.encode())
    # A folder that is not there yet appears in the one above it.
    looked_at = [folder, *folder.rglob("*"), *beside]
    looked_at += [other if other.is_dir() else other.parent for other in folders]
    names = " ".join(str(path).replace(" ", "\\ ") for path in looked_at)
    depfile.write_text(f"{source}: {names}\n")


main()
