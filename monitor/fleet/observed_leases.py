"""How old leases are by this station's own clock, for as long as the server's ages cannot be believed.

A new primary whose clock is ahead makes every lease look old at once; one whose clock is behind makes the leases of a
dead station look fresh, for it says 0 of what was confirmed in its future. What does not depend on the server's clock
is whether a lease was confirmed between two readings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.fleet.lease_table import Lease, TableReading

__all__ = ["ObservedLeases"]

_CONFIRMED_SECONDS = 0.2
"""Two times of confirmation that differ by less are one: a reading takes time itself."""


@dataclass(slots=True)
class _Seen:
    """A lease as it was read last: when it was confirmed, by the server's clock, and when that was seen, by this one's.

    The former is None where the server says an age of 0, which it also says of times that its clock has yet to reach.
    """

    owner: str | None
    epoch: int
    confirmed: float | None
    seen_seconds: float


class ObservedLeases:
    """Follows the leases in every reading; pure, with times of a monotonic clock in seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._until_seconds = float("-inf")
        self._alive_until_seconds = float("-inf")

    def doubt(self, now_seconds: float, for_seconds: float, allowance_seconds: float = 0.0) -> None:
        """Count ages from now on, by this station's clock, for so long.

        Args:
            now_seconds: The moment.
            for_seconds: Afterwards every living station has confirmed its leases, so that the server's ages are right.
            allowance_seconds: Before this has passed no lease counts as older than 0.
        """
        self._until_seconds = max(self._until_seconds, now_seconds + for_seconds)
        self._alive_until_seconds = max(self._alive_until_seconds, now_seconds + allowance_seconds)
        self._seen.clear()

    def ages(self, reading: TableReading, now_seconds: float) -> Mapping[str, Lease]:
        """Return the leases of a reading with the ages that this station goes by."""
        if now_seconds >= self._until_seconds:
            self._seen.clear()
            return reading.leases
        believed = {}
        for bed, lease in reading.leases.items():
            confirmed = reading.server_seconds - lease.age_seconds if lease.age_seconds > 0.0 else None
            seen = self._seen.get(bed)
            if seen is None:
                since = max(now_seconds, self._alive_until_seconds)
            elif (lease.owner, lease.epoch) != (seen.owner, seen.epoch) or _is_later(confirmed, seen.confirmed):
                since = now_seconds
            else:
                since = seen.seen_seconds
            self._seen[bed] = _Seen(lease.owner, lease.epoch, confirmed, since)
            believed[bed] = replace(lease, age_seconds=max(0.0, now_seconds - since))
        return believed


def _is_later(confirmed: float | None, before: float | None) -> bool:
    return confirmed is not None and before is not None and confirmed > before + _CONFIRMED_SECONDS
