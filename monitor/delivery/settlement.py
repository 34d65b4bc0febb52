"""What this station left on in Redis at a bed that another one watches now, set right.

Two stations may watch one bed for a while, where one of them is cut off, and each raises alerts under ids of its own.
The station that lets go of the bed ends those of its alerts that the other one does not know: nobody else would. Of an
alert that both know, the newest record may be its own, written late, although only what the other one says counts. So
it asks that one to compare its alerts with the stream, as soon as everything that it has to say itself is there.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from monitor.alerts.record import AlertDraft
from monitor.delivery.redis_session import RedisSession, shows_as_on

__all__ = ["Settlement"]


@dataclass(frozen=True, slots=True)
class _Matter:
    """What is to be set right at one bed.

    Attributes:
        drafts: This station's newest records of alerts with which nobody goes on.
        end: Ends those of them that Redis shows as on.
        has_successor: Whether another station is to compare its alerts with the stream afterwards.
    """

    drafts: Sequence[AlertDraft]
    end: Callable[[Sequence[AlertDraft]], None]
    has_successor: bool


class Settlement:
    """Beds whose alerts in Redis are to be set right; safe to use from several threads.

    Args:
        signalled: Returns the ids of the alerts that this station's own alarm logic has on: they are never ended here.
    """

    def __init__(self, signalled: Callable[[], Collection[str]]) -> None:
        self._signalled = signalled
        self._lock = threading.Lock()
        self._matters: dict[str, _Matter] = {}

    def note(
        self,
        bed: str,
        drafts: Sequence[AlertDraft],
        end: Callable[[Sequence[AlertDraft]], None],
        *,
        has_successor: bool,
    ) -> None:
        """Set a bed right soon; replaces what was noted of it before.

        Args:
            bed: Its id.
            drafts: This station's newest records of alerts with which no station goes on.
            end: Called with those of them that Redis shows as on, from the publisher's thread.
            has_successor: Whether another station watches the bed, and is to compare its alerts with the stream then.
        """
        with self._lock:
            self._matters[bed] = _Matter(drafts, end, has_successor)

    def cancel(self, bed: str) -> None:
        """End nothing more at a bed: this station watches it again, perhaps with these very alerts."""
        with self._lock:
            self._matters.pop(bed, None)

    def turn(self, session: RedisSession, turned: Callable[[], None] = lambda: None) -> None:
        """Do what can be done now: nothing while own records wait, for the stream does not have the last word yet.

        Args:
            session: The connection.
            turned: Called after every page of the stream that was read.

        Raises:
            redis.exceptions.RedisError: The stream cannot be read; it is tried again at the next turn.
        """
        with self._lock:
            matters = dict(self._matters)
        if not matters:
            return
        session.check_stream()  # what a server has lost waits again
        if not session.has_sent_all():
            return
        ids = {draft.alert_id for matter in matters.values() for draft in matter.drafts}
        known = session.stream.newest_by_alert(ids, turned) if ids else {}
        for bed, matter in matters.items():
            # Held until the ends are handed in: what `cancel` is followed by must come behind them.
            with self._lock:
                if self._matters.get(bed) is not matter:
                    continue
                signalled = self._signalled()
                left = [
                    draft
                    for draft in matter.drafts
                    if draft.alert_id not in signalled and shows_as_on(known.get(draft.alert_id))
                ]
                if left:
                    matter.end(left)
                    self._matters[bed] = replace(matter, drafts=())  # the rest once these ends have arrived
                    continue
            if matter.has_successor:
                session.ask_to_compare(bed)
            with self._lock:
                if self._matters.get(bed) is matter:
                    del self._matters[bed]
