"""HTTP to a camera that nobody knows yet: an answer ends in time, and holds no document type declaration."""

import time
from collections.abc import Iterator

import httpx

__all__ = ["GuardedTransport"]

_DECLARATION = b"<!DOCTYPE"


class _GuardedStream(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, end_seconds: float) -> None:
        self._stream = stream
        self._end_seconds = end_seconds

    def __iter__(self) -> Iterator[bytes]:
        tail = b""
        for chunk in self._stream:
            if time.monotonic() > self._end_seconds:
                raise httpx.ReadTimeout("the answer does not end")
            # SOAP 1.2, part 1, section 5: a message must not contain one; entity bombs need one.
            if _DECLARATION in (tail + chunk).upper():
                raise httpx.DecodingError("the answer holds a document type declaration, which SOAP forbids")
            tail = chunk[-len(_DECLARATION) :]
            yield chunk

    def close(self) -> None:
        self._stream.close()


class GuardedTransport(httpx.BaseTransport):
    """What httpx sends through to one camera.

    Args:
        longest_seconds: How long one answer may take in all; a camera that sends a byte a second ends here as well.
        verify: Whether and against what the certificates of https:// are checked, as for `httpx.HTTPTransport`.
    """

    def __init__(self, longest_seconds: float, verify: bool | str = True) -> None:
        self._longest_seconds = longest_seconds
        self._inner = httpx.HTTPTransport(verify=verify, trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, whose content is guarded while it is read."""
        end_seconds = time.monotonic() + self._longest_seconds
        request.headers["Accept-Encoding"] = "identity"  # no bomb of another kind, and the declaration is seen
        response = self._inner.handle_request(request)
        if not isinstance(response.stream, httpx.SyncByteStream):
            raise httpx.ReadError("the answer cannot be read")
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_GuardedStream(response.stream, end_seconds),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
