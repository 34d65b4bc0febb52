"""Bounds on what a request may bring: the length of its body, and the time that it takes.

The body is read whole before anything else is asked of a request, so that no part of the application waits for a
client that sends a byte a second, and none takes 300 MB into memory.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["LARGEST_BODY_BYTES", "RequestLimits"]

LARGEST_BODY_BYTES = 65_536
"""What people ask takes some hundred bytes, the UI library's messages some thousand."""
_BODY_SECONDS = 10.0


class RequestLimits:
    """ASGI middleware; the outermost.

    Args:
        app: What gets whole requests.
        largest_bytes: Of a body.
        seconds: Until a body must be there.
    """

    def __init__(self, app: ASGIApp, largest_bytes: int = LARGEST_BODY_BYTES, seconds: float = _BODY_SECONDS) -> None:
        self._app = app
        self._largest_bytes = largest_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, or answer why not."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        if _announced_bytes(scope) > self._largest_bytes:
            await self._refuse(413, scope, receive, send)
            return
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    body += message.get("body", b"")
                    if len(body) > self._largest_bytes:
                        await self._refuse(413, scope, receive, send)
                        return
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            await self._refuse(408, scope, receive, send)
            return
        whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def receive_whole() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, receive_whole, send)

    async def _refuse(self, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        detail = (
            f"the body is longer than {self._largest_bytes} bytes"
            if status == 413
            else f"the body was not there within {self._seconds:g} s"
        )
        code = "body_too_large" if status == 413 else "body_too_slow"
        await JSONResponse({"code": code, "detail": detail}, status, {"Connection": "close"})(scope, receive, send)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _announced_bytes(scope: Scope) -> int:
    announced = Headers(scope=scope).get("content-length", "0")
    # The server has refused what is no number; another program's front may not have.
    return int(announced) if announced.isascii() and announced.isdigit() else 0
