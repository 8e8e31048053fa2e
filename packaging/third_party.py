#!/usr/bin/env python3
"""What others have written that is linked into the binary.

    packaging/third_party.py licences > THIRD-PARTY.txt   their licences' texts, each once, and who is under it
    packaging/third_party.py sbom     > x.cdx.json        a bill of materials: CycloneDX 1.5, JSON

Both are of the crates that the program is built of for x86-64 Linux (cargo tree, normal dependencies), and depend on
Cargo.lock alone; the sbom has the time of SOURCE_DATE_EPOCH.
"""

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

TARGET = "x86_64-unknown-linux-gnu"
TEXT = re.compile(r"^(LICEN[SC]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)", re.IGNORECASE)
# C sources within a crate have licences of their own.
INSIDE = ["", "zstd"]


def cargo(*arguments):
    done = subprocess.run(["cargo", *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def linked():
    """(name, version) of each crate that is linked in."""
    tree = cargo("tree", "--locked", "--package", "xapi-observer", "--edges", "normal,no-proc-macro",
                 "--target", TARGET, "--prefix", "none", "--format", "{p}")
    return {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}


def packages():
    """cargo's description of each linked crate, ours among them, sorted."""
    wanted = {(name, version.removeprefix("v")) for name, version in linked()}
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET))
    found = [package for package in metadata["packages"] if (package["name"], package["version"]) in wanted]
    return metadata, sorted(found, key=lambda package: (package["name"], package["version"]))


def texts(package):
    root = pathlib.Path(package["manifest_path"]).parent
    for inside in INSIDE:
        directory = root / inside
        if directory.is_dir() and (inside == "" or package["name"] == "zstd-sys"):
            for path in sorted(directory.iterdir()):
                if path.is_file() and TEXT.match(path.name):
                    yield path.read_text(encoding="utf-8", errors="replace").strip().replace("\r\n", "\n")


def licences():
    _, found = packages()
    under, without = {}, []
    for package in found:
        if package["source"] is None:
            continue
        title = f'{package["name"]} {package["version"]} ({package["license"]})'
        own = list(dict.fromkeys(texts(package)))
        if not own:
            without.append(title)
        for text in own:
            # The same words in other lines are the same text.
            under.setdefault(" ".join(text.split()), (text, []))[1].append(title)
    print("xapi-observer is under the Apache License 2.0. These crates are linked into it, under these licences.\n")
    for text, titles in sorted(under.values(), key=lambda pair: pair[1]):
        print("=" * 100)
        print("\n".join(titles))
        print("-" * 100)
        print(text + "\n")
    if without:
        print("=" * 100)
        print("Named in the crate's description, without a file of their own:")
        print("\n".join(without))


def component(package, checksums):
    name, version = package["name"], package["version"]
    entry = {
        "type": "library",
        "bom-ref": f"pkg:cargo/{name}@{version}",
        "name": name,
        "version": version,
        "licenses": [{"expression": package["license"].replace("/", " OR ")}],
        "purl": f"pkg:cargo/{name}@{version}",
    }
    if (name, version) in checksums:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksums[(name, version)]}]
    if package["repository"]:
        entry["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return entry


def lock_checksums():
    """SHA-256 of each crate as the registry has it, by name and version."""
    with open("Cargo.lock", encoding="utf-8") as file:
        text = file.read()
    found = re.findall(r'name = "(.*)"\nversion = "(.*)"\nsource = ".*"\nchecksum = "(.*)"', text)
    return {(name, version): checksum for name, version, checksum in found}


def sbom():
    metadata, found = packages()
    references = {package["id"]: f'pkg:cargo/{package["name"]}@{package["version"]}' for package in found}
    checksums = lock_checksums()
    main = next(package for package in found if package["name"] == "xapi-observer")
    with open("Cargo.lock", "rb") as file:
        serial = uuid.UUID(hashlib.sha256(file.read() + main["version"].encode()).hexdigest()[:32])
    time = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    nodes = [node for node in metadata["resolve"]["nodes"] if node["id"] in references]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {**component(main, checksums), "type": "application"},
        },
        "components": [component(package, checksums) for package in found if package is not main],
        "dependencies": sorted(
            ({"ref": references[node["id"]],
              "dependsOn": sorted({references[d["pkg"]] for d in node["deps"] if d["pkg"] in references
                                   and any(kind["kind"] is None for kind in d["dep_kinds"])})}
             for node in nodes),
            key=lambda entry: entry["ref"]),
    }
    print(json.dumps(document, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    {"licences": licences, "sbom": sbom}[sys.argv[1]]()
