"""A real RTSP camera in a process of its own, and everything that can go wrong with one."""

import signal
import subprocess
import sys
from pathlib import Path

_SCRIPT = Path(__file__).with_name("rtsp_camera_process.py")


class RtspProcess:
    """A real RTSP server that can be started, killed, hung, resumed and cut; it keeps its port.

    Args:
        options: Options of `rtsp_camera_process.py`, without the dashes.
    """

    def __init__(self, **options: object) -> None:
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        scheme = "rtsps" if "certificate" in self._options else "rtsp"
        return f"{scheme}://127.0.0.1:{self.port}/bed"

    def start(self, **changed: object) -> None:
        """Start it, perhaps with other options, and wait until it listens."""
        assert self._process is None
        self._options |= changed
        options = [f"--{name}={value}" for name, value in (self._options | {"port": self.port}).items()]
        self._process = subprocess.Popen(
            [sys.executable, str(_SCRIPT), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self._answer("ready"))

    def kill(self) -> None:
        """End it at once, as if the power had gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                pipe.close()
            self._process = None

    def hang(self) -> None:
        """Stop it where it is; its connections stay open."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def show(self, state: str) -> None:
        """Let the picture stand still (`freeze`), go dark (`cover`) or move again (`free`); the stream goes on."""
        self._process.stdin.write(f"{state}\n")
        self._process.stdin.flush()

    def cut(self) -> int:
        """Cut all connections and return how many there were."""
        self._process.stdin.write("cut\n")
        self._process.stdin.flush()
        return int(self._answer("cut"))

    def _answer(self, word: str) -> str:
        line = self._process.stdout.readline().split()
        assert line, f"the server ended with {self._process.poll()}"
        assert line[0] == word
        return line[1]
