"""Alerts that are sent from memory because the disk takes none: numbered apart, and remembered until Redis has them."""

import json
import logging
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from monitor.alerts.record import AlertDraft
from monitor.clock import Clock
from monitor.delivery.batch import Batch
from monitor.delivery.spool import Position, Spool, SpooledAlert
from monitor.delivery.spool_meta import CLAIMED
from monitor.errors import SpoolError

__all__ = ["MemoryProducer"]

_log = logging.getLogger(__name__)

_Number = Annotated[int, Field(ge=0, le=10**18)]


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is remembered on the disk; of every alert its number, the label of its first attempt, and the draft."""

    producer_id: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]
    delivered_seq: _Number
    stream_id: Annotated[str, Field(pattern=r"^(\d{1,20}-\d{1,20})?$")]
    last_seq: _Number
    alerts: Annotated[list[tuple[_Number, str | None, AlertDraft]], Field(min_length=1)]


@cache
def _adapter() -> TypeAdapter[_Stored]:
    return TypeAdapter(_Stored)


class MemoryProducer:
    """Numbers alerts of memory from 1 under an id of its own (`<producer>~<random>`).

    One thread claims and sends, another one keeps what is claimed on the disk as soon as that takes it.

    Args:
        durable_id: Of the producer on the disk, with which the id begins.
        clock: For ages.

    Attributes:
        alerts: What was claimed and is not delivered yet, in order.
        is_changed: Whether that differs from what the disk remembers.
    """

    def __init__(self, durable_id: str, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self.alerts: tuple[SpooledAlert, ...] = ()
        self.is_changed = False
        self._id = _new_id(durable_id)
        self._position = Position(0, "")
        self._last_seq = 0

    @property
    def batch(self) -> Batch:
        """What is to be sent."""
        with self._lock:
            return Batch(self.alerts, self._position, durable=False, last_seq=self._last_seq)

    def take(self, drafts: Sequence[tuple[AlertDraft, float]]) -> None:
        """Number alerts, and the monotonic times since which they wait; all before were delivered."""
        with self._lock:
            self._set_alerts(
                [
                    SpooledAlert(self._id, number, draft.model_dump(mode="json"), None, since_seconds)
                    for number, (draft, since_seconds) in enumerate(drafts, self._last_seq + 1)
                ]
            )
            self._last_seq += len(drafts)

    def stamp(self, alerts: Sequence[SpooledAlert]) -> None:
        """Take over the times of the first attempt from a claim's alerts; not where they go on under other numbers."""
        with self._lock:
            if self._is_current(alerts):
                self._set_alerts(alerts)

    def deliver_to(self, claimed: Sequence[SpooledAlert], position: Position) -> None:
        """Note how far Redis has what was claimed; of alerts that go on under other numbers it has none under those."""
        with self._lock:
            if self._is_current(claimed):
                self._position = position
                self._set_alerts([alert for alert in self.alerts if alert.seq > position.seq])

    def _set_alerts(self, alerts: Sequence[SpooledAlert]) -> None:
        self.alerts, self.is_changed = tuple(alerts), True

    def _is_current(self, claimed: Sequence[SpooledAlert]) -> bool:
        """Return whether a claim still stands: the other thread may have adopted alerts since, and renumbered all."""
        return claimed[0].producer_id == self._id

    def renew(self) -> None:
        """Number under a new id, from 1 on."""
        with self._lock:
            self._id = _new_id(self._id.rpartition("~")[0])
            self._position, self._last_seq = Position(0, ""), len(self.alerts)
            self._set_alerts(
                [
                    replace(alert, producer_id=self._id, seq=number, published_at=None)
                    for number, alert in enumerate(self.alerts, 1)
                ]
            )

    def oldest_age_seconds(self) -> float:
        """Return for how long the oldest alert has waited; 0 where there is none."""
        now_seconds = self._clock.monotonic()
        waiting = [now_seconds - alert.stored_seconds for alert in self.alerts if alert.stored_seconds is not None]
        return max(waiting, default=0.0)

    def keep_in(self, spool: Spool) -> None:
        """Note on the disk what is being sent, where it does not know yet: a crash before Redis has it loses nothing.

        Raises:
            SpoolError: The disk does not take it.
        """
        with self._lock:
            if not self.is_changed:
                return
            text, self.is_changed = self._text(), False
        try:
            spool.set_meta(CLAIMED, text)
        except SpoolError:
            self.is_changed = True
            raise

    def adopt_from(self, spool: Spool) -> None:
        """Go on with what an earlier run was sending, under its numbers: what has arrived is not sent twice.

        These alerts come before those that were claimed since, and wait from now on.

        Args:
            spool: One that has just been opened.

        Raises:
            SpoolError: The file cannot be read.
        """
        text = spool.get_meta(CLAIMED) or ""
        with self._lock:
            self.adopt(text)
            self.is_changed = bool(self.alerts or text)

    def adopt(self, text: str) -> None:
        """Do the same with what an earlier run noted in a file that is damaged now; an empty text is no note."""
        stored = _read(text)
        with self._lock:
            if stored is not None and stored.producer_id != self._id:
                _log.warning("%d alerts that an earlier run was sending from memory are sent now", len(stored.alerts))
                self._adopt(stored)

    def _adopt(self, stored: _Stored) -> None:
        since_seconds = self._clock.monotonic()
        earlier = [
            SpooledAlert(stored.producer_id, seq, draft.model_dump(mode="json"), published_at, since_seconds)
            for seq, published_at, draft in stored.alerts
        ]
        if self.alerts:
            self._set_alerts([*earlier, *self.alerts])
            self.renew()
        else:
            self._id, self._last_seq = stored.producer_id, stored.last_seq
            self._position = Position(stored.delivered_seq, stored.stream_id)
            self._set_alerts(earlier)

    def _text(self) -> str:
        """Return what is noted on the disk; empty where nothing is left to be sent."""
        if not self.alerts:
            return ""
        return json.dumps(
            {
                "producer_id": self._id,
                "delivered_seq": self._position.seq,
                "stream_id": self._position.stream_id,
                "last_seq": self._last_seq,
                "alerts": [(alert.seq, alert.published_at, alert.draft) for alert in self.alerts],
            }
        )


def _read(text: str) -> _Stored | None:
    try:
        return _adapter().validate_json(text) if text else None
    except ValidationError:
        _log.error("the spool's note of alerts that were being sent from memory is damaged; it is left out")
        return None


def _new_id(durable_id: str) -> str:
    return f"{durable_id}~{secrets.token_hex(4)}"
