"""HTTP to a camera that nobody knows yet: an answer ends in time, is whole, and holds no document type declaration."""

import re
import threading
import time
from concurrent.futures import Future

import httpx
from onveef import parsers

__all__ = ["BrokenAnswer", "GuardedTransport"]

_DECLARATION = b"<!DOCTYPE"
# WS-Security, section 12, and gSOAP's own: what they say in words differs from camera to camera.
_REFUSED_TOKEN = re.compile(
    rb">\s*(?:[\w.-]+:)?(?:FailedAuthentication|FailedCheck|InvalidSecurity|InvalidSecurityToken|MessageExpired|"
    rb"UnsupportedSecurityToken)\s*<"
)


class BrokenAnswer(httpx.RemoteProtocolError):
    """A SOAP answer that breaks off, or is no well-formed XML."""


class GuardedTransport(httpx.BaseTransport):
    """What httpx sends through to one camera.

    A login that is refused in another way than with 401 is told as 401: with 403, or with a fault of WS-Security.

    Args:
        longest_seconds: How long one answer may take in all; a camera that sends a byte a second ends here as well.
        largest_bytes: Where reading ends; the answer is then longer than this, and its reader has to refuse it.
        verify: Whether and against what the certificates of https:// are checked, as for `httpx.HTTPTransport`.
    """

    def __init__(self, longest_seconds: float, largest_bytes: int, verify: bool | str = True) -> None:
        self._longest_seconds = longest_seconds
        self._largest_bytes = largest_bytes
        self._inner = httpx.HTTPTransport(verify=verify, trust_env=False)
        self._speaks_soap = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, read whole.

        Raises:
            BrokenAnswer: It is cut off or malformed.
            httpx.HTTPError: It does not come, does not end, or holds a document type declaration.
        """
        request.headers["Accept-Encoding"] = "identity"  # no bomb of another kind, and the declaration is seen
        answer: Future[tuple[httpx.Response, bytes]] = Future()
        # The library's timeouts are between two bytes, in the header, too: who drips them is waited for in a thread.
        threading.Thread(target=self._ask, args=(request, answer), name="onvif-answer", daemon=True).start()
        try:
            response, content = answer.result(self._longest_seconds)
        except TimeoutError:
            self._inner.close()  # ends the thread at its next byte
            raise httpx.ReadTimeout("the answer does not end") from None
        status = response.status_code
        if status == httpx.codes.FORBIDDEN or (b"Fault" in content and _REFUSED_TOKEN.search(content)):
            status = httpx.codes.UNAUTHORIZED
        if status == httpx.codes.OK and len(content) <= self._largest_bytes:
            self._check_whole(content)
        return httpx.Response(
            status, headers=response.headers, stream=httpx.ByteStream(content), extensions=response.extensions
        )

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()

    def _ask(self, request: httpx.Request, answer: "Future[tuple[httpx.Response, bytes]]") -> None:
        try:
            answer.set_result(self._read(request))
        except BaseException as error:  # noqa: BLE001 - raised again by who waits
            answer.set_exception(error)

    def _read(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        end_seconds = time.monotonic() + self._longest_seconds
        response = self._inner.handle_request(request)
        if not isinstance(response.stream, httpx.SyncByteStream):
            raise httpx.ReadError("the answer cannot be read")
        content = bytearray()
        try:
            for chunk in response.stream:
                if time.monotonic() > end_seconds:
                    raise httpx.ReadTimeout("the answer does not end")
                start = max(0, len(content) - len(_DECLARATION))
                content += chunk
                # SOAP 1.2, part 1, section 5: a message must not contain one; entity bombs need one.
                if _DECLARATION in content[start:].upper():
                    raise httpx.DecodingError("the answer holds a document type declaration, which SOAP forbids")
                if len(content) > self._largest_bytes:
                    break
        finally:
            response.stream.close()
        return response, bytes(content)

    def _check_whole(self, content: bytes) -> None:
        if parsers.parse_xml(content) is not None:
            self._speaks_soap = self._speaks_soap or b"Envelope" in content
        elif self._speaks_soap or b"Envelope" in content:
            raise BrokenAnswer("the answer breaks off or is no XML")
