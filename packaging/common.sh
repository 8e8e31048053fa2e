# Shared by the programs of packaging/; to be sourced from the root of the source tree.
#
# What they make depends on the sources alone: times are those of the last commit (SOURCE_DATE_EPOCH), paths of the machine
# are replaced, names are sorted.
# shellcheck shell=bash

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
out=${PACKAGE_OUT:-$target/package}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
name=xapi-observer-$version

# EL7's glibc, which is dom0's.
glibc=2.17
triple=x86_64-unknown-linux-gnu
zig_version=0.17.0
zigbuild_version=0.24.0

if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
fi
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

# Zig, which links against any version of glibc, and cargo's way to it, in an environment of their own.
zig_tools() {
    local venv=$target/zig
    if ! cmp -s <(echo "$zig_version $zigbuild_version") "$venv/versions"; then
        say "installing ziglang $zig_version and cargo-zigbuild $zigbuild_version in $venv"
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            "ziglang==$zig_version" "cargo-zigbuild==$zigbuild_version"
        echo "$zig_version $zigbuild_version" >"$venv/versions"
    fi
    PATH=$venv/bin:$PATH
}

# The files of the source tree, as they are now, sorted, each ended by a zero byte. A copy of the tree within another one's
# target/ is no work tree of its own.
source_files() {
    if [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ]; then
        git ls-files -z --cached --others --exclude-standard | sort -zu | while IFS= read -rd '' file; do
            if [ -e "$file" ]; then printf '%s\0' "$file"; fi
        done
    else
        find . -path ./target -prune -o -path ./.venv -prune -o -type f -printf '%P\0' | sort -z
    fi
}

# tar with nothing of this machine in it.
plain_tar() {
    tar --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX "$@"
}

# source_archive FILE: the source tree as name/….
source_archive() {
    source_files | plain_tar --null --no-recursion --verbatim-files-from -T - --transform "s,^,$name/," -cf - | gzip -9n >"$1"
}
