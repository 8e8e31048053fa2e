"""Roots to install into, and the commands that are run on them.

`bare` has a shell and nothing else, not even systemd; `machine` is a Debian with a real systemd. dom0 itself is not to be had.
What dom0 would give the package is stood in for by an empty package that provides it.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ["CARGO_TARGET_DIR"])
OUT = pathlib.Path(os.environ.get("PACKAGE_OUT", TARGET / "package"))
WORK = TARGET / "package-tests"
CONFIG = "etc/xapi-observer/xapi-observer.toml"
SUITE = "bookworm"


def run(*command, check=True, **options):
    """Runs a command to its end; its output is in the exception if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}")
    return done


def output(*command, **options):
    return run(*command, **options).stdout


def built():
    """The RPM that packaging/build-rpm has made."""
    version = next(line for line in (REPOSITORY / "Cargo.toml").read_text().splitlines() if line.startswith("version = "))
    found = sorted(OUT.glob(f"xapi-observer-{version.split(chr(34))[1]}-*.x86_64.rpm"))
    if len(found) != 1:
        raise AssertionError(f"expected one RPM in {OUT}, found {found}: run packaging/build-rpm first")
    return found[0]


def binary():
    """The binary in it, unpacked."""
    return unpacked() / "usr/bin/xapi-observer"


def unpacked():
    directory = WORK / "unpacked"
    rpm = built()
    mark = directory / ".of"
    identity = f"{rpm} {rpm.stat().st_mtime_ns}"
    if not mark.exists() or mark.read_text() != identity:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        run("sh", "-c", f"rpm2cpio {rpm} | cpio -idm --quiet", cwd=directory)
        mark.write_text(identity)
    return directory


@contextlib.contextmanager
def directory():
    WORK.mkdir(parents=True, exist_ok=True)
    path = pathlib.Path(tempfile.mkdtemp(dir=WORK))
    try:
        yield path
    finally:
        shutil.rmtree(path)


STAND_IN = """
Name: dom0-stand-in
Version: 1
Release: 1
Summary: What dom0 provides
License: Apache-2.0
BuildArch: noarch
{provides}
%description
What dom0 provides, for a root without it.
%files
"""


def repository(path, *rpms):
    """A package repository of these RPMs, and of what dom0 provides: no more than glibc 2.17 and a shell."""
    path.mkdir()
    glibc = ["2.2.5", "2.3", "2.3.2", "2.3.4", "2.4", "2.6", "2.7", "2.9", "2.10", "2.12", "2.14", "2.15", "2.16", "2.17"]
    libraries = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "ld-linux-x86-64.so.2"]
    provides = [f"Provides: {name}({version})(64bit)" for name in libraries
                for version in ["", *(f"GLIBC_{number}" for number in glibc)]]
    provides += ["Provides: /bin/sh", "Provides: /bin/bash", "Provides: rtld(GNU_HASH)"]
    spec = path / "stand-in.spec"
    spec.write_text(STAND_IN.format(provides="\n".join(provides)))
    run("rpmbuild", "--quiet", "--define", f"_topdir {path}/build", "--define", f"_rpmdir {path}", "-bb", spec)
    shutil.rmtree(path / "build", ignore_errors=True)
    for rpm in rpms:
        shutil.copy(rpm, path)
    run("createrepo_c", "--quiet", "--checksum", "sha256", "--compress-type", "gz", path)


def dnf(root, repository_path, *arguments):
    return run("dnf", "-y", "--installroot", root, "--repofrompath", f"here,file://{repository_path}", "--repo", "here",
               "--nogpgcheck", "--setopt=reposdir=/nonexistent", "--setopt=cachedir=/var/cache/dnf-here",
               "--setopt=install_weak_deps=False", "--releasever=7", *arguments)


def rpm(root, *arguments, check=True):
    return run("rpm", "--root", root, *arguments, check=check)


def bare_root(path):
    """A shell, its libraries, /dev/null; no systemd."""
    for name in ["bin", "dev", "etc", "tmp", "usr/bin", "var/tmp", "var/log"]:
        (path / name).mkdir(parents=True)
    programs = ["/bin/sh", "/bin/bash", "/bin/cat", "/bin/tar", "/bin/gzip", "/bin/sed", "/bin/mkdir", "/bin/mktemp", "/bin/mv", "/bin/cp", "/bin/rm",
                "/usr/bin/head", "/usr/bin/dirname", "/usr/bin/id"]
    for program in programs:
        copy_in(path, program)
        for line in output("ldd", program).splitlines():
            library = next((word for word in line.split() if word.startswith("/")), None)
            if library:
                copy_in(path, library)
    # The agent's own.
    for library in ["libm.so.6", "libc.so.6", "libpthread.so.0", "libdl.so.2"]:
        copy_in(path, f"/lib/x86_64-linux-gnu/{library}")
    run("mknod", "-m", "666", path / "dev/null", "c", "1", "3")
    run("mknod", "-m", "444", path / "dev/urandom", "c", "1", "9")
    (path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (path / "etc/group").write_text("root:x:0:\n")


def copy_in(root, file):
    to = root / file.lstrip("/")
    to.parent.mkdir(parents=True, exist_ok=True)
    if not to.exists():
        shutil.copy(os.path.realpath(file), to)


def machine_root():
    """A Debian with systemd and rpm, made once and kept; copy it before use."""
    root = WORK / f"root-{SUITE}"
    if not root.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(f"{root}.part", ignore_errors=True)
        run("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,rpm", SUITE, f"{root}.part")
        shutil.rmtree(f"{root}.part/var/cache/apt/archives", ignore_errors=True)
        os.rename(f"{root}.part", root)
    return root
