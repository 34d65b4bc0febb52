"""Forks programs off a process that has imported them already: for a staged station the imports take longest.

Each program is a process of its own, in which nothing has run before.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[2]
_MESSAGE_BYTES = 1 << 16


class ForkedProgram:
    """A program that was forked, with what tests use of `subprocess.Popen`.

    Args:
        pid: Of the program.
        forker: Its parent, which waits for it.
        stdin: Its standard input.
        stdout: Its standard output.
    """

    def __init__(self, pid: int, forker: "Forker", stdin: IO[str], stdout: IO[str]) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self.returncode: int | None = None
        self._forker = forker

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._forker.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        give_up = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > give_up:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(0.02)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forker:
    """The process that has imported everything.

    Args:
        script: Module with a function `main` that takes the program's arguments.
    """

    def __init__(self, script: Path) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(script), str(other.fileno())],
            pass_fds=[other.fileno()],
            stdin=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "error,ignore::ImportWarning"},
        )
        other.close()

    def ask(self, order: dict, descriptors: tuple[int, ...] = ()) -> int | None:
        socket.send_fds(self._socket, [json.dumps(order).encode()], descriptors)
        return json.loads(self._socket.recv(_MESSAGE_BYTES) or "null")

    def start(self, arguments: list[str], directory: Path, log: IO[bytes]) -> ForkedProgram:
        """Start the program in a directory; its errors go to the log."""
        orders, orders_end = os.pipe()
        words_end, words = os.pipe()
        order = {"arguments": arguments, "directory": str(directory)}
        pid = self.ask(order, (orders, words, log.fileno()))
        os.close(orders)
        os.close(words)
        stdin, stdout = open(orders_end, "w", encoding="utf-8"), open(words_end, encoding="utf-8")  # noqa: PTH123, SIM115
        assert pid is not None, "the forker has ended"
        return ForkedProgram(pid, self, stdin, stdout)

    def close(self) -> None:
        self._socket.close()
        self._process.wait(60)


def _end_of(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def main() -> None:
    """Fork a program for every order; the fork leaves the loop and becomes it."""
    script = Path(sys.argv[1])
    sys.path.insert(0, str(script.parent))
    run_program = importlib.import_module(script.stem).main
    connection = socket.socket(fileno=int(sys.argv[2]))
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, _MESSAGE_BYTES, 3)
        if not message:
            return
        order = json.loads(message)
        if "ended" in order:
            connection.send(json.dumps(_end_of(order["ended"])).encode())
            continue
        pid = os.fork()
        if pid == 0:
            break
        for descriptor in descriptors:
            os.close(descriptor)
        connection.send(json.dumps(pid).encode())
    connection.close()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(order["directory"])
    run_program(order["arguments"])


if __name__ == "__main__":
    main()
