"""A machine with a real systemd, booted by systemd-nspawn on control groups of version 1, as dom0 has them.

It shares the network of the host it runs on, so that it reaches a receiver on the loopback.
"""

import http.server
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import world

DEADLINE = 60


def wait(condition, what, deadline=DEADLINE):
    """Waits until the condition holds, and returns what it is then."""
    end = time.monotonic() + deadline
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what() if callable(what) else what}")
        time.sleep(0.1)


class Receiver:
    """Takes every OTLP request over HTTP, and can let them hang."""

    def __init__(self):
        self.requests = []
        self.release = threading.Event()
        self.release.set()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                receiver.requests.append(self.path)
                receiver.release.wait(DEADLINE)
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


class Machine:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.log = self.root.with_suffix(".log").open("w+")
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "0"}
        command = ["systemd-nspawn", "--quiet", "-D", self.root, "-b", "--register=no", "--keep-unit", "--console=pipe",
                   "-M", f"xo{os.getpid()}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment)
        try:
            self.leader = wait(self.find_leader, self.said)
            wait(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ["running", "degraded"], self.said)
        except BaseException:
            self.close()
            raise

    def said(self):
        self.log.flush()
        return f"the machine did not come up: {pathlib.Path(self.log.name).read_text()}"

    def find_leader(self):
        if self.process.poll() is not None:
            raise AssertionError(self.said())
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            status = pathlib.Path(f"/proc/{child}/status").read_text()
            if any(line.split()[1:][-1:] == ["1"] for line in status.splitlines() if line.startswith("NSpid:")):
                return child
        return None

    def run(self, *command, check=True):
        return world.run("nsenter", "-t", self.leader, "-a", *command, check=check)

    def output(self, *command):
        return self.run(*command).stdout

    def outside(self, pid):
        """The number that a process of the machine has outside."""
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            numbers = next((line.split()[1:] for line in text.splitlines() if line.startswith("NSpid:")), [])
            if len(numbers) == 2 and numbers[1] == str(pid) and text.startswith("Name:\txapi-observer\n"):
                return numbers[0]
        raise AssertionError(f"no process {pid}")

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class Frozen:
    """Threads of a process that stand still until it is killed."""

    def __init__(self, pid, thread):
        tool = pathlib.Path(__file__).with_name("freeze.py")
        self.process = subprocess.Popen([sys.executable, tool, pid, thread], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = self.process.stdout.readline()
        if said != "frozen\n":
            raise AssertionError(said + self.process.stdout.read())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def copy(path):
    """A root of one's own."""
    world.run("cp", "-a", "--reflink=auto", world.machine_root(), path)
    shutil.rmtree(path / "var/log/journal", ignore_errors=True)
    return path
