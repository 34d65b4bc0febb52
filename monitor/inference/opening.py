"""A thread that opens what may take long to open, or hang: whoever needs it waits only as long as it can."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from monitor.inference.freeing import Closable, free
from monitor.inference.tensors import first_line

__all__ = ["Opening"]

_CLOSE_SECONDS = 2.0


Resource = TypeVar("Resource", bound=Closable)


class Opening(Generic[Resource]):
    """A thread that opens something on a device, and frees it again where nobody wants it any more.

    Args:
        open_resource: Called once, in the thread.
        name: Of what is opened, for the thread's name.

    Attributes:
        reason: Why it could not be opened, once that has ended.
    """

    def __init__(self, open_resource: Callable[[], Resource], name: str) -> None:
        self._open_resource = open_resource
        self._lock = threading.Lock()
        self._resource: Resource | None = None
        self._is_wanted = True
        self._ended = threading.Event()
        self.reason = "it is still being opened"
        self._thread = threading.Thread(target=self._work, name=f"opening of {name}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            resource = self._open_resource()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is why it cannot be had
            self.reason = first_line(error)
        else:
            with self._lock:
                is_wanted = self._is_wanted
                if is_wanted:
                    self._resource = resource
            if not is_wanted:
                self._free(resource)
        finally:
            self._ended.set()

    def has_ended(self, timeout_seconds: float) -> bool:
        """Wait for the end; False where it is not reached in time."""
        return self._ended.wait(timeout_seconds)

    def take(self) -> Resource | None:
        """Return what was opened, which then belongs to the caller; None where it could not be opened."""
        with self._lock:
            resource, self._resource = self._resource, None
        return resource

    def abandon(self) -> None:
        """Free what was opened, now or once it is; a thread that hangs in a driver is left behind."""
        with self._lock:
            self._is_wanted = False
        resource = self.take()
        if resource is not None:
            self._free(resource)
        self._thread.join(_CLOSE_SECONDS)

    def _free(self, resource: Resource) -> None:
        free(resource, f"what {self._thread.name} gave")
