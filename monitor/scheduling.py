"""Shares the inference workers fairly among the beds.

Each bed has one place for its newest frame. A free worker takes the frame of the bed that was served longest ago, so
that under overload every bed is analysed less often, and none is starved. One bed is never analysed by two workers at
once: its frames stay in order.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["FairQueue"]

Item = TypeVar("Item")


@dataclass(slots=True)
class _Place(Generic[Item]):
    newest: Item | None = None
    busy: bool = False
    last_served: int = 0


class FairQueue(Generic[Item]):
    """The newest item of each of several sources, handed out to several workers.

    Args:
        on_replaced: Called with the source's name whenever a newer item replaces one that nobody took. It runs in the
            thread that puts, and must be quick.
    """

    def __init__(self, on_replaced: Callable[[str], None] | None = None) -> None:
        self._on_replaced = on_replaced
        self._places: dict[str, _Place[Item]] = {}
        self._ready = threading.Condition()
        self._turn = 0
        self._closed = False

    def add(self, source: str) -> None:
        """Make a place for a source."""
        with self._ready:
            self._places.setdefault(source, _Place(last_served=self._turn))

    def remove(self, source: str) -> None:
        """Forget a source and its waiting item."""
        with self._ready:
            self._places.pop(source, None)

    def put(self, source: str, item: Item) -> None:
        """Make `item` the source's newest; items of sources that were removed are ignored."""
        replaced = False
        with self._ready:
            place = self._places.get(source)
            if place is None or self._closed:
                return
            replaced = place.newest is not None
            place.newest = item
            if not place.busy:
                self._ready.notify()
        if replaced and self._on_replaced is not None:
            self._on_replaced(source)

    def take(self, timeout_seconds: float) -> tuple[str, Item] | None:
        """Wait for an item and take that of the source served longest ago; None after the timeout or when closed.

        Whoever takes calls `done` afterwards, whatever happened.
        """
        with self._ready:
            chosen = self._most_overdue()
            if chosen is None and not self._closed:
                self._ready.wait(timeout_seconds)
                chosen = self._most_overdue()
            if chosen is None or self._closed:
                return None
            place = self._places[chosen]
            item, place.newest = place.newest, None
            self._turn += 1
            place.busy, place.last_served = True, self._turn
            assert item is not None  # noqa: S101 - that is how it was chosen
            return chosen, item

    def done(self, source: str) -> None:
        """Say that the source's item was dealt with, so that its next one may be taken."""
        with self._ready:
            place = self._places.get(source)
            if place is not None:
                place.busy = False
                if place.newest is not None:
                    self._ready.notify()

    def close(self) -> None:
        """Wake every waiting worker; nothing is handed out any more."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def _most_overdue(self) -> str | None:
        waiting = [name for name, place in self._places.items() if place.newest is not None and not place.busy]
        return min(waiting, key=lambda name: self._places[name].last_served, default=None)
