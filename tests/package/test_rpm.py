"""What is in the RPM, and how it goes into a root, is upgraded there, and goes out again."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import world

# What rpm 4.11 of EL7 knows.
FEATURES = {"CompressedFileNames", "FileDigests", "PayloadFilesHavePrefix", "PayloadIsXz", "PartialHardlinkSets"}


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def query(what, *more):
    return world.output("rpm", "-qp", *more, "--qf", what, world.built())


class Contents(unittest.TestCase):
    def test_the_binary_needs_no_newer_glibc(self):
        symbols = world.output("objdump", "-T", world.binary())
        versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([0-9.]+)", symbols)}
        self.assertTrue(versions)
        self.assertLessEqual(max(versions), (2, 17))

    def test_requirements_are_dom0s(self):
        requires = world.output("rpm", "-qp", "--requires", world.built()).split("\n")
        for line in requires:
            found = re.search(r"GLIBC_([0-9.]+)", line)
            if found:
                self.assertLessEqual(tuple(map(int, found[1].split("."))), (2, 17), line)
        features = {line.split("(")[1].split(")")[0] for line in requires if line.startswith("rpmlib(")}
        self.assertLessEqual(features, FEATURES)

    def test_an_old_rpm_can_read_it(self):
        self.assertEqual(query("%{PAYLOADCOMPRESSOR} %{FILEDIGESTALGO}"), "xz 8")
        self.assertRegex(query("%{SIGMD5}"), "^[0-9a-f]{32}$")
        self.assertIn("OK", world.output("rpm", "-K", "--nosignature", world.built()))

    def test_configuration_and_state_are_roots_alone(self):
        modes = dict(line.split() for line in query("[%{FILENAMES} %{FILEMODES:octal}\n]").splitlines())
        self.assertEqual(modes["/etc/xapi-observer"], "40700")
        self.assertEqual(modes["/etc/xapi-observer/xapi-observer.toml"], "100600")
        self.assertEqual(modes["/var/lib/xapi-observer"], "40700")
        flags = dict(line.rsplit(" ", 1) for line in query("[%{FILENAMES} %{FILEFLAGS:fflags}\n]").splitlines() if line[-1] != " ")
        self.assertEqual(flags["/etc/xapi-observer/xapi-observer.toml"], "cn", "%config(noreplace)")
        config = world.unpacked() / world.CONFIG
        self.assertEqual(config.read_text(), (world.REPOSITORY / "packaging/xapi-observer.toml").read_text())
        world.run(world.binary(), "check", "--config", config)

    def test_nothing_of_the_building_machine_is_in_it(self):
        data = world.binary().read_bytes()
        for path in [str(world.REPOSITORY), str(world.TARGET), os.path.expanduser("~/.cargo"), os.path.expanduser("~/.rustup")]:
            self.assertFalse(path.encode() in data, path)
        self.assertEqual(query("%{BUILDHOST}"), "localhost")

    def test_the_changelog_is_there(self):
        log = world.output("rpm", "-qp", "--changelog", world.built())
        newest = re.search(r"^## (\S+) ", (world.REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
        self.assertIn(f" - {newest}-1", log)
        self.assertIn("\n- ", log)

    def test_rpmlint_finds_no_error(self):
        done = world.run("rpmlint", "--config", pathlib.Path(__file__).with_name("rpmlint.toml"), world.built(), check=False)
        self.assertRegex(done.stdout, r" 0 errors")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_packaged_again_it_has_the_same_bytes(self):
        with world.directory() as path:
            again = {"BINARY": str(world.binary()), "PACKAGE_OUT": str(path)}
            world.run("packaging/build-rpm", cwd=world.REPOSITORY, env={**os.environ, **again})
            self.assertEqual([digest(rpm) for rpm in path.glob("*.rpm")], [digest(world.built())])
            if os.environ.get("PACKAGE_REBUILD"):
                self.rebuilt(path)

    def rebuilt(self, path):
        """The long form: sources and target elsewhere."""
        source = path / "elsewhere"
        world.run("git", "clone", "--quiet", world.REPOSITORY, source)
        elsewhere = {"CARGO_TARGET_DIR": str(path / "target")}
        world.run("packaging/build-binary", cwd=source, env={**os.environ, **elsewhere})
        binary = path / "target/x86_64-unknown-linux-gnu/dist/xapi-observer"
        self.assertEqual(digest(binary), digest(world.binary()))

    def test_the_pages_are_good_and_current(self):
        pages = world.unpacked() / "usr/share/man/man1"
        for page in ["xapi-observer.1.gz", "xapi-observer-backup.1.gz"]:
            text = subprocess.run(["gzip", "-dc", pages / page], check=True, stdout=subprocess.PIPE).stdout
            done = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=text, stdout=subprocess.PIPE, check=False)
            bad = [line for line in done.stdout.decode().splitlines() if " date" not in line]
            self.assertEqual(bad, [], page)
        shown = world.output("sh", "-c", f"gzip -dc {pages}/xapi-observer.1.gz | mandoc -Tutf8 | col -bx")
        helped = world.output(world.binary(), "--help")
        commands = re.findall(r"^  ([a-z]+) ", helped.split("Commands:")[1].split("Options:")[0], re.MULTILINE)
        self.assertGreater(len(commands), 3)
        for command in commands:
            if command != "help":
                self.assertIn(f"xapi-observer {command}", shown)


class Installation(unittest.TestCase):
    """A root with a shell and no systemd."""

    @classmethod
    def setUpClass(cls):
        cls.place = world.directory()
        cls.path = cls.place.__enter__()
        cls.addClassCleanup(cls.place.__exit__, None, None, None)
        cls.newer = newer_rpm(cls.path)
        world.repository(cls.path / "first", world.built())
        world.repository(cls.path / "second", world.built(), cls.newer)

    def setUp(self):
        place = world.directory()
        self.root = place.__enter__()
        self.addCleanup(place.__exit__, None, None, None)
        world.bare_root(self.root)
        world.dnf(self.root, self.path / "first", "install", "xapi-observer")

    def verify(self):
        return world.rpm(self.root, "-V", "xapi-observer", check=False).stdout

    def test_it_verifies_and_runs(self):
        self.assertEqual(self.verify(), "")
        self.assertIn("xapi-observer ", world.output("chroot", self.root, "/usr/bin/xapi-observer", "--version"))
        self.assertIn("good (/etc/", world.output("chroot", self.root, "/usr/bin/xapi-observer", "check"))

    def test_an_upgrade_keeps_the_edited_configuration_and_the_checkpoints(self):
        config, state = self.root / world.CONFIG, self.root / "var/lib/xapi-observer/positions.json"
        edited = config.read_text() + "\n# by hand\n"
        config.write_text(edited)
        state.write_text("{}")
        self.assertRegex(self.verify(), r"^S\.5\S+ +c /etc/xapi-observer/xapi-observer.toml\n$")
        world.dnf(self.root, self.path / "second", "upgrade", "xapi-observer")
        self.assertIn("-2", world.rpm(self.root, "-q", "xapi-observer").stdout)
        self.assertEqual((config.read_text(), state.read_text()), (edited, "{}"))
        world.dnf(self.root, self.path / "first", "downgrade", "xapi-observer")
        self.assertIn("-1", world.rpm(self.root, "-q", "xapi-observer").stdout)
        self.assertEqual((config.read_text(), state.read_text()), (edited, "{}"))

    def test_it_is_removed_without_a_trace(self):
        world.dnf(self.root, self.path / "first", "remove", "xapi-observer")
        self.assertEqual(self.left(), [])

    def test_what_an_admin_wrote_stays_when_it_is_removed(self):
        with (self.root / world.CONFIG).open("a") as file:
            file.write("# by hand\n")
        (self.root / "var/lib/xapi-observer/positions.json").write_text("{}")
        world.dnf(self.root, self.path / "first", "remove", "xapi-observer")
        self.assertEqual(self.left(), [
            "etc/xapi-observer", "etc/xapi-observer/xapi-observer.toml.rpmsave",
            "var/lib/xapi-observer", "var/lib/xapi-observer/positions.json"])

    def left(self):
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if "xapi-observer" in str(path))

    def backup(self, *arguments, check=True):
        return world.run("chroot", self.root, "/usr/bin/xapi-observer-backup", *arguments, check=check)

    def host(self, uuid):
        (self.root / "etc/xensource-inventory").write_text(f"PRODUCT='x'\nINSTALLATION_UUID='{uuid}'\n")

    def test_saved_before_an_upgrade_by_iso_and_restored_after(self):
        self.host("a")
        config, state = self.root / world.CONFIG, self.root / "var/lib/xapi-observer"
        config.write_text("[export]\nendpoint = 'http://gateway:4318'\n")
        (state / "positions.json").write_text("{}")
        self.backup("save", "/tmp/saved.tar.gz")
        saved = self.root / "tmp/saved.tar.gz"
        self.assertEqual(saved.stat().st_mode & 0o777, 0o600)
        shutil.rmtree(state)
        state.mkdir()
        config.write_text("")
        self.backup("restore", "/tmp/saved.tar.gz")
        self.assertEqual((state / "positions.json").read_text(), "{}")
        self.assertIn("gateway", config.read_text())
        self.assertEqual((config.stat().st_mode & 0o777, state.stat().st_mode & 0o777), (0o600, 0o700))

    def test_a_backup_of_another_host_or_of_nothing_is_refused(self):
        self.host("a")
        (self.root / world.CONFIG).write_text("# of a\n")
        (self.root / "var/lib/xapi-observer/positions.json").write_text("of a")
        self.backup("save", "/tmp/saved.tar.gz")
        self.host("b")
        (self.root / world.CONFIG).write_text("# of b\n")
        (self.root / "var/lib/xapi-observer/positions.json").write_text("of b")
        refused = self.backup("restore", "/tmp/saved.tar.gz", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("this is host b, the backup is of a", refused.stdout)
        self.assertEqual((self.root / world.CONFIG).read_text(), "# of b\n")
        self.backup("restore", "--other-host", "/tmp/saved.tar.gz")
        self.assertEqual((self.root / world.CONFIG).read_text(), "# of a\n")
        self.assertEqual((self.root / "var/lib/xapi-observer/positions.json").read_text(), "of b")
        (self.root / "tmp/bad.tar.gz").write_text("not an archive")
        self.assertEqual(self.backup("restore", "/tmp/bad.tar.gz", check=False).returncode, 1)
        for wrong in [[], ["save"], ["save", "--all", "x"], ["mend", "x"], ["restore", "-x"]]:
            self.assertEqual(self.backup(*wrong, check=False).returncode, 2, wrong)

    def test_checkpoints_that_lie_elsewhere_are_saved_too(self):
        self.host("a")
        for text in ["[limits]\nline = '1MiB'\n[checkpoint] # far\ndirectory = \"/srv/state\"\n", "checkpoint.directory = '/srv/state'\n"]:
            (self.root / world.CONFIG).write_text(text)
            state = self.root / "srv/state"
            state.mkdir(parents=True)
            (state / "positions.json").write_text("{}")
            self.backup("save", "/tmp/saved.tar.gz")
            shutil.rmtree(state)
            self.backup("restore", "/tmp/saved.tar.gz")
            self.assertEqual((state / "positions.json").read_text(), "{}")
            shutil.rmtree(state)

    def test_installed_it_ships_what_the_stand_in_writes(self):
        """An end-to-end test of the crate, with the binary of this root, in this root, in place of the one just built."""
        shared = self.root / "var/tmp/shared"
        shared.mkdir()
        outside = pathlib.Path("/var/tmp") / f"xapi-observer-{self.root.name}"
        outside.mkdir()
        inside = self.root / str(outside).lstrip("/")
        inside.mkdir(parents=True)
        wrapper = shared / "in-root"
        wrapper.write_text(f'#!/bin/sh\nexec chroot {self.root} /usr/bin/xapi-observer "$@"\n')
        wrapper.chmod(0o755)
        (self.root / "proc").mkdir()
        world.run("mount", "-t", "proc", "proc", self.root / "proc")
        self.addCleanup(world.run, "umount", self.root / "proc")
        world.run("mount", "--bind", outside, inside)
        self.addCleanup(outside.rmdir)
        self.addCleanup(world.run, "umount", inside)
        env = {**os.environ, "XAPI_OBSERVER_BINARY": str(wrapper), "TMPDIR": str(outside)}
        done = world.run("cargo", "test", "--locked", "-p", "xapi-observer", "--test", "end_to_end", "--", "bulk::all_arrive_once_over_http",
                         cwd=world.REPOSITORY, env=env)
        self.assertIn("1 passed", done.stdout)


def newer_rpm(path):
    """The same package as a next release, from the same binary."""
    sources = path / "sources"
    sources.mkdir()
    world.run("sh", "-c", "git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t " + str(sources), cwd=world.REPOSITORY)
    spec = sources / "packaging/xapi-observer.spec.in"
    text = spec.read_text()
    changed = re.sub(r"^(Release: +)1", r"\g<1>2", text, flags=re.MULTILINE)
    assert changed != text
    spec.write_text(changed)
    (sources / "packaging/xapi-observer.toml").write_text("# another default\n")
    env = {**os.environ, "BINARY": str(world.binary()), "PACKAGE_OUT": str(path / "newer")}
    world.run("packaging/build-rpm", cwd=sources, env=env)
    return next((path / "newer").glob("*.rpm"))


if __name__ == "__main__":
    unittest.main()
