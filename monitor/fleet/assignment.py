"""Which beds a station takes, hands home, and reports as watched by nobody: decided from one reading of the table."""

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from monitor.fleet.lease_table import Lease, TableReading

__all__ = ["CLAIMED_SHARE", "Decision", "Situation", "claim_limit", "decide", "is_free", "room_of"]

CLAIMED_SHARE = 0.8
"""Of what a station can watch, so much is claimed; the rest absorbs what beds cost more at times."""
_AT_ONCE = 4
"""Beds that are taken in one turn: a clock that jumps must not move a whole ward at once."""
_HOME_PATIENCE_SECONDS = 3.0
"""So long a bed is left for its home station, where that one lives."""
_UNWATCHED_SECONDS = 2.0
"""So long after a lease ran out nobody took the bed: then nobody will."""
_SETTLED_SECONDS = 30.0
"""A bed is handed home only after so long, lest it goes to and fro."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a station knows when it decides.

    Attributes:
        station: Its id.
        reading: The table.
        held: Beds that it watches, each with the time since it took it.
        limit: Beds that it may hold at most.
        rooms: Every living station, itself included, with the beds that it could still take.
        free_for_seconds: Beds that nobody watches, each with the time for which this station has seen that.
        lease_seconds: Age at which a lease has run out.
        busy: Beds with an alarm that is on; they are not handed home.
        impossible: Beds that this station cannot watch, whatever the reason.
    """

    station: str
    reading: TableReading
    held: Mapping[str, float]
    limit: int
    rooms: Mapping[str, int]
    free_for_seconds: Mapping[str, float]
    lease_seconds: float
    busy: Collection[str] = ()
    impossible: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do: beds to take, one bed to hand home (bed, station), and beds that nobody watches."""

    take: tuple[str, ...]
    hand_home: tuple[str, str] | None
    unwatched: tuple[str, ...]


def claim_limit(capacity_beds: int) -> int:
    """Return how many beds a station claims of those that it can watch; 1 at least."""
    return max(1, math.floor(CLAIMED_SHARE * capacity_beds))


def is_free(lease: Lease | None, lease_seconds: float) -> bool:
    """Return whether nobody watches a bed, as far as the table knows."""
    return lease is None or lease.owner is None or lease.age_seconds >= lease_seconds


def room_of(card: Mapping[str, str]) -> int:
    """Return how many beds a station could still take by its card; none where that is damaged."""
    try:
        return int(card.get("limit", 0)) - int(card.get("held", 0))
    except ValueError:
        return 0


def decide(now: Situation) -> Decision:
    """Return what the station should do."""
    free = [
        bed
        for bed in now.reading.beds
        if bed not in now.held and is_free(now.reading.leases.get(bed), now.lease_seconds)
    ]
    own = [bed for bed in now.reading.beds if bed not in now.held and _is_own(now, bed)]
    open_to_us = [bed for bed in free if bed not in own and _is_for_us(now, bed)]
    # Every station prefers other beds, and takes its share of them first: so they do not all reach for the same.
    open_to_us.sort(key=lambda bed: (now.reading.beds[bed].home != now.station, _preference(bed, now.station)))
    room = max(0, now.limit - len(now.held))
    with_room = max(1, sum(room > 0 for room in now.rooms.values()))
    home = [bed for bed in open_to_us if now.reading.beds[bed].home == now.station]
    share = max(1, math.ceil((len(open_to_us) - len(home)) / with_room))
    wanted = [bed for bed in (*own, *home, *open_to_us[len(home) :][:share]) if bed not in now.impossible]
    unwatched = [
        bed
        for bed in free
        if bed not in own and now.free_for_seconds.get(bed, 0.0) >= _UNWATCHED_SECONDS + _patience(now, bed)
    ]
    unwatched += [bed for bed in now.reading.unreadable if now.free_for_seconds.get(bed, 0.0) >= _UNWATCHED_SECONDS]
    return Decision(tuple(wanted[: min(room, _AT_ONCE)]), _bed_to_hand_home(now), tuple(unwatched))


def _is_own(now: Situation, bed: str) -> bool:
    """Return whether the table says that this station has a bed which it does not watch: it was started again."""
    lease = now.reading.leases.get(bed)
    return lease is not None and lease.owner == now.station


def _patience(now: Situation, bed: str) -> float:
    """Return how long a free bed is left for its home: not at all for one that let its lease run out."""
    home, lease = now.reading.beds[bed].home, now.reading.leases.get(bed)
    is_home_dead = lease is not None and lease.owner == home
    waits = home not in {None, now.station} and not is_home_dead and now.rooms.get(home or "", 0) > 0
    return _HOME_PATIENCE_SECONDS if waits else 0.0


def _is_for_us(now: Situation, bed: str) -> bool:
    return now.free_for_seconds.get(bed, 0.0) >= _patience(now, bed)


def _bed_to_hand_home(now: Situation) -> tuple[str, str] | None:
    for bed, held_seconds in now.held.items():
        document = now.reading.beds.get(bed)
        home = None if document is None else document.home
        if (
            home is not None
            and home != now.station
            and now.rooms.get(home, 0) > 0
            and held_seconds >= _SETTLED_SECONDS
            and bed not in now.busy
        ):
            return bed, home
    return None


def _preference(bed: str, station: str) -> bytes:
    """Return what orders beds differently for every station (rendezvous hashing)."""
    return hashlib.blake2b(f"{bed} {station}".encode(), digest_size=8).digest()
