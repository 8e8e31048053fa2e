"""The installed service under a real systemd."""

import re
import time
import unittest

import machine
import world
from machine import wait

UNIT = "xapi-observer.service"
WATCHDOG = 2
# So that ten periods take seconds. Everything else is as installed.
DROP_IN = "[Service]\nWatchdogSec={}s\nRestartSec=1s\n"
LINE = "{time} host xapi: [debug||{number} |org.xen.xapi.xenops.classic events D:0b5a2c0e4d3f|xenops] line {number}\n"

# Directives that systemd 219 does not know, and the version that brought each. All of them only narrow: without one, a right
# stays, and nothing breaks.
NEWER = {
    "CPUWeight": 232, "IOWeight": 230, "MemoryMax": 231, "StateDirectory": 235, "StateDirectoryMode": 235,
    "ProtectKernelTunables": 232, "ProtectKernelModules": 232, "ProtectKernelLogs": 244, "ProtectControlGroups": 232,
    "ProtectClock": 245, "ProtectHostname": 242, "ProtectProc": 247, "RestrictNamespaces": 233, "RestrictRealtime": 231,
    "RestrictSUIDSGID": 242, "LockPersonality": 235, "MemoryDenyWriteExecute": 231, "RemoveIPC": 232,
    "RestartSteps": 254, "RestartMaxDelaySec": 254,
}
# systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.resource-control(5), systemd.kill(5) of version 219.
KNOWN = set("""
Description Documentation After WantedBy
Type EnvironmentFile ExecStartPre ExecStart ExecReload WatchdogSec Restart RestartSec StartLimitInterval
RestartPreventExitStatus TimeoutStopSec
Nice IOSchedulingPriority OOMScoreAdjust LimitNOFILE LimitCORE CapabilityBoundingSet NoNewPrivileges UMask
RuntimeDirectory RuntimeDirectoryMode PrivateTmp PrivateDevices ProtectHome ProtectSystem ReadWriteDirectories
RestrictAddressFamilies SystemCallArchitectures SystemCallErrorNumber SystemCallFilter
MemoryLimit CPUShares BlockIOWeight
""".split())


class Directives(unittest.TestCase):
    def files(self):
        packaging = world.REPOSITORY / "packaging"
        return [packaging / UNIT, *sorted((packaging / f"{UNIT}.d").glob("*.conf"))]

    def directives(self):
        for file in self.files():
            for line in file.read_text().splitlines():
                if re.match(r"[A-Z][A-Za-z]*=", line):
                    yield file.name, *line.split("=", 1)

    def test_systemd_219_knows_each_or_can_do_without(self):
        found = list(self.directives())
        self.assertGreater(len(found), 40)
        for file, key, _ in found:
            self.assertTrue(key in KNOWN or key in NEWER, f"{file}: {key}")

    def test_values_that_219_would_misread_are_not_there(self):
        values = [(key, value) for _, key, value in self.directives()]
        self.assertLess(values.index(("ProtectSystem", "full")), values.index(("ProtectSystem", "strict")), "219 keeps the first")
        for key, value in values:
            if key == "SystemCallFilter":
                # It would ignore an unknown group: in a list of what is allowed, hardly anything would be left.
                self.assertTrue(value.startswith("~") and "@" not in value, value)
            self.assertNotIn("infinity", value, "of 229 and later")
            self.assertFalse(value.startswith(("+", "!")), "prefixes of Exec lines are of 231 and later")


class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = world.directory()
        cls.path = place.__enter__()
        cls.addClassCleanup(place.__exit__, None, None, None)
        cls.root = machine.copy(cls.path / "root")
        (cls.root / "tmp-rpm").mkdir()
        world.run("cp", world.built(), cls.root / "tmp-rpm/new.rpm")
        cls.machine = machine.Machine(cls.root)
        cls.addClassCleanup(cls.machine.close)
        # Debian's packages provide what the RPM requires, but its rpm does not know.
        cls.machine.run("rpm", "-i", "--nodeps", "/tmp-rpm/new.rpm")
        cls.watchdog(WATCHDOG)
        cls.number = 0

    def setUp(self):
        self.receiver = machine.Receiver()
        self.addCleanup(self.receiver.close)
        self.configure(f'[export]\nendpoint = "{self.receiver.url}"\n')
        self.systemctl("stop", UNIT)
        self.systemctl("reset-failed", check=False)
        self.systemctl("enable", "--now", UNIT)
        self.pid = self.show("MainPID")

    @classmethod
    def watchdog(cls, seconds):
        drop_ins = cls.root / f"etc/systemd/system/{UNIT}.d"
        drop_ins.mkdir(parents=True, exist_ok=True)
        (drop_ins / "test.conf").write_text(DROP_IN.format(seconds))
        cls.machine.run("systemctl", "daemon-reload")

    def systemctl(self, *arguments, check=True):
        return self.machine.run("systemctl", *arguments, check=check)

    def configure(self, text):
        (self.root / world.CONFIG).write_text(text)

    def show(self, what):
        return self.machine.output("systemctl", "show", "-p", what, "--value", UNIT).strip()

    def state(self):
        return self.machine.output("systemctl", "status", "--no-pager", "-n", "50", UNIT) if self.active() else self.journal()

    def journal(self, *arguments):
        return self.machine.output("journalctl", "--no-pager", "-q", "-u", UNIT, *arguments)

    def active(self):
        return self.systemctl("is-active", UNIT, check=False).stdout.strip() == "active"

    def write_line(self):
        type(self).number += 1
        with (self.root / "var/log/xensource.log").open("a") as file:
            file.write(LINE.format(time=time.strftime("%b %d %H:%M:%S", time.gmtime()), number=self.number))

    def wait_shipped(self):
        before = self.receiver.requests.count("/v1/logs")
        self.write_line()
        wait(lambda: self.receiver.requests.count("/v1/logs") > before, self.state)

    def wait_new_process(self):
        wait(lambda: self.active() and self.show("MainPID") not in ["0", self.pid], self.journal)

    def test_it_goes_active_says_how_it_is_and_ships(self):
        self.assertTrue(self.active())
        self.assertEqual(self.show("Type"), "notify")
        self.wait_shipped()
        wait(lambda: re.search(r"logs ok, [1-9]\d* delivered", self.show("StatusText")), lambda: self.show("StatusText"))
        self.assertIn("xapi-observer", self.machine.output("xapi-observer", "status"))
        self.assertNotIn("no progress", self.journal(f"_PID={self.pid}"))

    def test_it_has_no_rights_but_to_read(self):
        status = dict(line.split(":\t", 1) for line in self.machine.output("cat", f"/proc/{self.pid}/status").splitlines() if ":\t" in line)
        read_search = 1 << 2
        for kind in ["CapBnd", "CapPrm", "CapEff"]:
            self.assertEqual(int(status[kind], 16), read_search, kind)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"], status["Umask"]), ("1", "2", "0077"))
        self.assertEqual(self.machine.output("stat", "-c", "%a", "/run/xapi-observer", "/var/lib/xapi-observer").split(), ["700", "700"])
        self.assertEqual(self.show("MemoryLimit"), str(128 << 20))

    def test_it_takes_up_a_new_configuration(self):
        # Two seconds may be too few for an end and a beginning on a machine that is busy.
        self.watchdog(120)
        self.addCleanup(self.watchdog, WATCHDOG)
        self.systemctl("restart", UNIT)
        self.pid = self.show("MainPID")
        other = machine.Receiver()
        self.addCleanup(other.close)
        self.configure(f'[export]\nendpoint = "{other.url}"\n')
        done = self.systemctl("reload", UNIT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + self.journal("-n", "30"))
        self.write_line()
        wait(lambda: "/v1/logs" in other.requests, self.state)
        self.assertTrue(self.active())
        self.assertEqual(self.show("MainPID"), self.pid)

    def test_it_refuses_a_bad_configuration_and_goes_on(self):
        self.configure("[export]\nendpiont = 'x'\n")
        self.assertNotEqual(self.systemctl("reload", UNIT, check=False).returncode, 0)
        self.assertIn("endpiont", self.journal("-n", "20"))
        self.systemctl("kill", "-s", "HUP", "--kill-who=main", UNIT)
        wait(lambda: "the new configuration is refused" in self.journal("-n", "20"), self.journal)
        self.wait_shipped()
        self.assertEqual((self.active(), self.show("MainPID")), (True, self.pid))

    def test_killed_it_comes_back(self):
        self.systemctl("kill", "-s", "KILL", UNIT)
        self.wait_new_process()
        self.wait_shipped()

    def check_restarted(self, thread):
        frozen = machine.Frozen(self.machine.outside(self.pid), thread)
        self.addCleanup(frozen.close)
        self.wait_new_process()
        self.assertIn("Watchdog timeout", self.journal("-n", "40"))
        self.wait_shipped()

    def test_a_hanging_engine_is_restarted(self):
        self.check_restarted("engine")

    def test_a_hanging_checkpoint_store_is_restarted(self):
        self.check_restarted("checkpoints")

    def test_a_hanging_runtime_is_restarted(self):
        self.check_restarted("tokio-rt-worker")

    def check_not_restarted(self):
        time.sleep(10 * WATCHDOG)
        self.assertEqual((self.active(), self.show("MainPID"), self.show("NRestarts")), (True, self.pid, "0"), self.journal())

    def test_ten_periods_idle(self):
        self.check_not_restarted()

    def test_ten_periods_without_a_collector(self):
        self.receiver.close()
        self.write_line()
        self.check_not_restarted()

    def test_it_stops_in_time_though_the_collector_hangs(self):
        self.receiver.release.clear()
        self.write_line()
        wait(lambda: "/v1/logs" in self.receiver.requests, self.state)
        start = time.monotonic()
        self.systemctl("stop", UNIT)
        self.assertLess(time.monotonic() - start, 9)
        self.assertEqual((self.show("Result"), self.show("ExecMainStatus")), ("success", "0"))

    def test_a_bad_configuration_is_not_tried_again(self):
        self.systemctl("stop", UNIT)
        self.configure("[export]\nendpiont = 'x'\n")
        self.assertNotEqual(self.systemctl("start", UNIT, check=False).returncode, 0)
        time.sleep(3)  # three times what it waits before it tries again
        self.assertEqual((self.show("ActiveState"), self.show("ExecMainStatus"), self.show("NRestarts")), ("failed", "2", "0"))
        self.assertIn("endpiont", self.journal("-n", "20"))

    def test_systemd_finds_no_fault_with_the_unit(self):
        said = self.machine.run("env", "SYSTEMD_LOG_LEVEL=warning", "systemd-analyze", "verify", "--man=no", f"/usr/lib/systemd/system/{UNIT}", check=False)
        rest = [line for line in said.stdout.splitlines() if f"{UNIT}.d/" not in line]
        self.assertEqual(rest, [])
        meant = [line for line in said.stdout.splitlines() if not re.search(
            r"uses (MemoryLimit|CPUShares|BlockIOWeight)=|'(RestartSteps|RestartMaxDelaySec)'", line)]
        self.assertEqual(meant, [], "what the drop-ins for others say, and no more")

    def test_backup_and_restore_start_it_again(self):
        self.machine.run("xapi-observer-backup", "save", "/tmp-rpm/saved.tar.gz")
        self.wait_new_process()
        self.machine.run("xapi-observer-backup", "save", "--leave-stopped", "/tmp-rpm/saved.tar.gz")
        self.assertFalse(self.active())
        self.systemctl("disable", UNIT)
        self.machine.run("xapi-observer-backup", "restore", "/tmp-rpm/saved.tar.gz")
        self.wait_new_process()
        self.assertEqual(self.show("UnitFileState"), "enabled")

    def test_an_upgrade_restarts_it_and_a_removal_ends_it(self):
        self.machine.run("rpm", "-U", "--force", "--nodeps", "/tmp-rpm/new.rpm")
        self.wait_new_process()
        self.machine.run("rpm", "-e", "xapi-observer")
        self.assertFalse(self.active())
        self.assertEqual(self.machine.output("find", "/etc/systemd/system", "-lname", f"*{UNIT}"), "")
        self.machine.run("rpm", "-i", "--nodeps", "/tmp-rpm/new.rpm")
        self.assertEqual(self.systemctl("is-enabled", UNIT, check=False).stdout.strip(), "disabled", "neither enabled nor started")
        self.assertFalse(self.active())


if __name__ == "__main__":
    unittest.main()
