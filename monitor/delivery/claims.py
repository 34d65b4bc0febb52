"""Who else says that this station's id, or one of its beds, is his: two that do must both be reported at once.

A claim is a key with a short life that its owner writes again and again. Who finds another's value where he had written
his own before shares it with somebody who is alive; a value that a dead process left is found once at most.
"""

import logging
import secrets
from collections.abc import Iterable
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from monitor.clock import Clock
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import RedisClient

__all__ = ["Claims"]

_log = logging.getLogger(__name__)

_REMEMBERED_LIVES = 4
_UNKNOWN_TO_SERVER = ("syntax error", "unknown command")
"""How a Redis before 6.2, and one whose administrator took SET away, answers."""


class Claims:
    """The claims of one process; used from the publisher's thread.

    Args:
        keys: Names of keys.
        clock: For ages.
        life_seconds: How long a claim holds without renewal.
    """

    def __init__(self, keys: Keys, clock: Clock, life_seconds: float) -> None:
        self._keys = keys
        self._clock = clock
        self._life_seconds = life_seconds
        self._value = f"{keys.station} {secrets.token_hex(8)}"
        self._written: set[str] = set()
        self._others: dict[str, tuple[str, float]] = {}
        self._is_known = True
        self._since_seconds: float | None = None

    def renew(self, client: RedisClient, beds: Iterable[str]) -> None:
        """Claim the station's id and these beds again, and notice others who do.

        Raises:
            redis.exceptions.RedisError: The server does not answer, or refuses every write at the moment.
        """
        if not self._is_known:
            return
        redis: Any = client
        for key in (self._keys.claim(None), *(self._keys.claim(bed) for bed in beds)):
            try:
                found = redis.set(key, self._value, px=int(self._life_seconds * 1000), get=True)
            except ResponseError as error:
                if not _is_lasting(error):
                    # Whether it is alone must be checked again: meanwhile no other's claim could be seen.
                    self._since_seconds = None
                    raise
                # Nothing else depends on it.
                _log.info("this Redis cannot say whether two stations share one id or one bed")
                self._is_known = False
                return
            if key in self._written and found is not None and found != self._value:
                if key not in self._others:
                    _log.error("another station uses the same id or bed: %s is claimed by %s, too", key, found)
                self._others[key] = (str(found), self._clock.monotonic())
            self._written.add(key)
        if self._since_seconds is None:
            self._since_seconds = self._clock.monotonic()

    @property
    def is_id_shared(self) -> bool:
        """Whether another process uses this station's id, or did so a short time ago."""
        return self._keys.claim(None) in self._fresh()

    @property
    def is_alone(self) -> bool:
        """Whether it is certain that no other process uses this station's id: one that lives would have claimed it."""
        if not self._is_known or self._since_seconds is None or self.is_id_shared:
            return False
        return self._clock.monotonic() - self._since_seconds >= self._life_seconds

    def failure(self) -> str | None:
        """Return one sentence on who shares what; None while nobody does."""
        others = self._fresh()
        if self._keys.claim(None) in others:
            return (
                f"another station uses the id {self._keys.station} on this Redis, so neither gives a heartbeat; "
                "give each its own station.id and restart both"
            )
        shared = {key.rpartition(":")[2]: other.partition(" ")[0] for key, other in others.items()}
        if not shared:
            return None
        beds = ", ".join(f"{bed} (station {station})" for bed, station in sorted(shared.items()))
        return f"another station watches the same bed: {beds}; give each bed to one station"

    def _fresh(self) -> dict[str, str]:
        since = self._clock.monotonic() - _REMEMBERED_LIVES * self._life_seconds
        self._others = {key: seen for key, seen in self._others.items() if seen[1] >= since}
        return {key: other for key, (other, _) in self._others.items()}


def _is_lasting(error: ResponseError) -> bool:
    """Return whether a server will never take a claim; too few replicas, a full disk and no memory pass."""
    return isinstance(error, NoPermissionError) or str(error).startswith(_UNKNOWN_TO_SERVER)
