"""One message on its way to a destination: attempt after attempt, until it has arrived or is given up."""

import logging
from collections.abc import Callable

from monitor.backoff import Backoff
from monitor.clock import Clock
from monitor.forwarding.dead_letters import DeadLetters
from monitor.forwarding.message import DeliveryError, Message, MessageRefusedError
from monitor.forwarding.settings import DestinationSettings

__all__ = ["Attempts"]

_log = logging.getLogger(__name__)

_LONGEST_WAIT_SECONDS = 30.0


class Attempts:
    """Sends one message until it has arrived, is refused for good, or the time is over; then it is a dead letter.

    Args:
        message: What is sent.
        send: Sends it once.
        destination: How often it may be refused, and how long it is tried.
        dead: Where it goes when it is given up.
        clock: Monotonic time.
        is_escalation: Whether it goes to those who hear of what nobody acknowledged.

    Attributes:
        message: As given.
        began_seconds: When it was made.
        has_arrived: Whether the message has arrived.
    """

    def __init__(
        self,
        message: Message,
        send: Callable[[Message], None],
        destination: DestinationSettings,
        dead: DeadLetters,
        clock: Clock,
        *,
        is_escalation: bool = False,
    ) -> None:
        self.message = message
        self.began_seconds = clock.monotonic()
        self.has_arrived = False
        self._send = send
        self._destination = destination
        self._dead = dead
        self._clock = clock
        self._is_escalation = is_escalation
        self._backoff = Backoff(first_seconds=0.5, cap_seconds=_LONGEST_WAIT_SECONDS)
        self._refusals = 0
        self._is_first = True
        self._given_up_for = ""

    def attempt(self) -> float | None:
        """Try once more; return how many seconds to wait before the next attempt, None where none is needed.

        Raises:
            PublishError: It is given up, and its dead letter can neither be stored nor held; the next call tries to
                store it, and sends nothing.
        """
        if self._given_up_for:
            self._give_up()
            return None
        name, key = self._destination.name, self.message.key
        try:
            self._send(self.message)
        except MessageRefusedError as error:
            self._refusals += 1
            reason, is_over = str(error), self._refusals >= self._destination.refusals
        except ValueError as error:
            # Names that no station gives, from an entry that another program wrote: they fit no header or topic.
            reason, is_over = f"it cannot be said in the destination's form ({type(error).__name__})", True
        except DeliveryError as error:
            tried_seconds = self._clock.monotonic() - self.began_seconds
            reason, is_over = str(error), tried_seconds >= self._destination.give_up_seconds
        else:
            self.has_arrived = True
            if not self._is_first:
                _log.info("%s: %s arrived", name, key)
            return None
        if self._is_first:
            _log.warning("%s: %s waits: %s", name, key, reason)
            self._is_first = False
        if not is_over:
            return self._backoff.next_seconds()
        self._given_up_for = reason
        self._give_up()
        return None

    def _give_up(self) -> None:
        self._dead.add(self.message, self._given_up_for, is_escalation=self._is_escalation)
        name, key = self._destination.name, self.message.key
        _log.error("%s: %s is given up and lies with the dead letters: %s", name, key, self._given_up_for)
