#!/usr/bin/env python3
"""Makes a spec from its template: version, and the changelog from CHANGELOG.md.

    packaging/spec.py packaging/xapi-observer.spec.in VERSION > xapi-observer.spec

A section "## 1.2.3 — 2026-11-21" becomes an entry of that day. "unreleased" has the day of SOURCE_DATE_EPOCH.
Ends with 1 if the newest section is not of VERSION: the changelog is behind.
"""

import datetime
import os
import re
import sys
import textwrap

PACKAGER = "xapi-observer maintainers"
HEAD = re.compile(r"^## (\d+\.\d+\.\d+\S*) — (\S+)$")


def sections(text):
    """(version, day or "unreleased", lines) of each section."""
    found = []
    for line in text.splitlines():
        head = HEAD.match(line)
        if head:
            found.append((head[1], head[2], []))
        elif found:
            found[-1][2].append(line)
    return found


def bullets(lines):
    """The items of a section, each on one line; what is not an item is left out."""
    items = []
    for line in lines:
        if line.startswith("- "):
            items.append(line[2:].strip())
        elif line.startswith("  ") and items:
            items[-1] += " " + line.strip()
    return items


def day(text, epoch):
    if text == "unreleased":
        return datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).date()
    return datetime.date.fromisoformat(text)


def entry(version, date, lines):
    head = f"* {date:%a %b %d %Y} {PACKAGER} - {version}-1"
    # A % is a macro's beginning, in a changelog too.
    items = [item.replace("%", "%%").replace("`", "") for item in bullets(lines)] or [f"Version {version}"]
    text = [textwrap.fill(item, 76, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False) for item in items]
    return "\n".join([head, *text]) + "\n"


def main(template, version):
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    with open("CHANGELOG.md", encoding="utf-8") as file:
        found = sections(file.read())
    if not found or found[0][0] != version:
        newest = found[0][0] if found else "none"
        sys.exit(f"CHANGELOG.md: the newest section is of {newest}, Cargo.toml says {version}")
    log = "\n".join(entry(number, day(date, epoch), lines) for number, date, lines in found)
    with open(template, encoding="utf-8") as file:
        spec = file.read()
    print(spec.replace("@VERSION@", version).replace("@CHANGELOG@\n", log), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
