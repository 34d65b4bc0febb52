"""Debian's Firefox, driven over WebDriver BiDi: the browser itself serves it, no other program is needed."""

import base64
import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from ports import free_port
from redis_server import wait_until
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")


class Firefox:
    """One window of a headless Firefox.

    Args:
        socket: Connected to its remote agent.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.errors: list[str] = []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        self._window = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; errors of pages that come meanwhile are noted."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("method") == "log.entryAdded" and answer["params"].get("type") == "javascript":
                self.errors.append(str(answer["params"].get("text")))
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                result: dict[str, Any] = answer["result"]
                return result

    def visit(self, url: str, width: int = 1366, height: int = 768) -> Self:
        """Open a page and wait until it has loaded."""
        size = {"width": width, "height": height}
        self.ask("browsingContext.setViewport", context=self._window, viewport=size)
        self.ask("browsingContext.navigate", context=self._window, url=url, wait="complete")
        return self

    def evaluate(self, expression: str) -> Any:
        """Return a value of the page that JSON can hold."""
        answer = self.ask(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self._window},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"].get("value", "null"))

    def wait_for(self, expression: str) -> None:
        """Wait until an expression of the page is true."""
        wait_until(lambda: bool(self.evaluate(expression)), 60, expression)

    def screenshot(self, path: Path) -> None:
        """Write what is seen as PNG."""
        data = self.ask("browsingContext.captureScreenshot", context=self._window)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def firefox(directory: Path) -> Iterator[Firefox]:
    """Start a Firefox with a profile of its own; it ends with the block."""
    port = free_port()
    profile = directory / "profile"
    profile.mkdir()
    command = [
        str(FIREFOX),
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port",
        str(port),
    ]
    with (directory / "firefox.log").open("wb") as log:
        process = subprocess.Popen([*command, "about:blank"], stdout=log, stderr=log)
        try:
            sockets: list[ClientConnection] = []

            def answers() -> bool:
                try:
                    sockets.append(connect(f"ws://127.0.0.1:{port}/session", max_size=None, proxy=None))
                except (OSError, WebSocketException):
                    return False
                return True

            wait_until(answers, 60, "the start of Firefox")
            with sockets[0] as socket:
                yield Firefox(socket)
        finally:
            process.terminate()
            process.wait(30)
