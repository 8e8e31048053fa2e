#!/usr/bin/env bash
# Installs what the tests need on a Debian machine, where it is missing; says what it does; may be run again at will.
#
#   rsyslog, logrotate, zstd, rpm   the programs of dom0 that the end-to-end tests run as processes of their own
#   createrepo_c, dnf, rpmlint,     for tests/package: what the RPM is checked and installed with,
#   mandoc, binutils
#   debootstrap, systemd-container  for tests/package: a machine with a real systemd to run the service in
#   chromium                        opens the page of `show --html`
#   gcc, libc6-dev                  Rust's linker, and zstd's library
#   .venv                           Python with the OpenTelemetry definitions, for tests/decoder
#
# As root, or as a user with sudo. No service is started or left enabled: packages that this script installs find a
# policy that forbids it (invoke-rc.d(8)), and their units are disabled afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

policy=/usr/sbin/policy-rc.d
requirements=tests/decoder/requirements.txt

say() { printf 'setup: %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

missing_packages() {
    command -v rsyslogd >/dev/null || echo rsyslog
    command -v logrotate >/dev/null || echo logrotate
    command -v zstd >/dev/null || echo zstd
    command -v rpmbuild >/dev/null || echo rpm
    command -v createrepo_c >/dev/null || echo createrepo-c
    command -v dnf >/dev/null || echo dnf
    command -v rpmlint >/dev/null || echo rpmlint
    command -v mandoc >/dev/null || echo mandoc
    command -v objdump >/dev/null || echo binutils
    command -v chromium >/dev/null || echo chromium
    command -v debootstrap >/dev/null || echo debootstrap
    command -v systemd-nspawn >/dev/null || echo systemd-container
    command -v cc >/dev/null || echo gcc libc6-dev
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

forbid_services() {
    [ ! -e "$policy" ] || return 0
    trap 'as_root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

install_packages() {
    local packages
    read -ra packages <<<"$(missing_packages | tr '\n' ' ')"
    if [ "${#packages[@]}" -eq 0 ]; then
        say "all packages are there"
        return
    fi
    say "installing ${packages[*]}"
    if ! command -v apt-get >/dev/null || { [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; }; then
        say "can't: this needs apt-get, and root or sudo"
        exit 1
    fi
    forbid_services
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
    disable_units "${packages[@]}"
}

# Only units of packages that were not there before.
disable_units() {
    command -v systemctl >/dev/null || return 0
    local package
    for package in "$@"; do
        case $package in
        rsyslog) as_root systemctl disable --quiet rsyslog.service ;;
        logrotate) as_root systemctl disable --quiet logrotate.timer ;;
        esac
    done
}

make_venv() {
    if cmp -s "$requirements" .venv/requirements.txt && .venv/bin/python -c '' 2>/dev/null; then
        say ".venv is as $requirements says"
        return
    fi
    say "making .venv from $requirements"
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" .venv/requirements.txt
}

install_packages
make_venv
