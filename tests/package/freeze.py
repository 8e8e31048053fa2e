"""Stops single threads of a process, by ptrace(2), until it is killed: what a hanging disk or a deadlock looks like.

    freeze.py PID NAME    stops all its threads of this name, says "frozen", and ends with the process

SIGSTOP would stop the whole process, and systemd sees that. A frozen thread is seen by nobody but who waits for it.
"""

import ctypes
import os
import pathlib
import sys

SEIZE, INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        number = ctypes.get_errno()
        sys.exit(f"ptrace of thread {thread}: {os.strerror(number)}")


def main(process, name):
    tasks = pathlib.Path(f"/proc/{process}/task")
    threads = [int(task.name) for task in tasks.iterdir() if (task / "comm").read_text().strip() == name]
    if not threads:
        names = sorted((task / "comm").read_text().strip() for task in tasks.iterdir())
        sys.exit(f"no thread {name} among {names}")
    for thread in threads:
        ptrace(SEIZE, thread)
        ptrace(INTERRUPT, thread)
        os.waitpid(thread, WALL)
    print("frozen", flush=True)
    # Reaped by us, or the process would stay a zombie.
    for thread in threads:
        while True:
            _, status = os.waitpid(thread, WALL)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                break


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
