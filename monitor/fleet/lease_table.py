"""The table of beds and leases in Redis, read and written in single steps."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pydantic import ValidationError
from redis import RedisCluster
from redis.exceptions import NoPermissionError, ResponseError

from monitor.config.fleet import FleetBed
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import RedisClient
from monitor.errors import PublishError
from monitor.fleet import scripts

__all__ = ["SCHEMA", "AlarmState", "Lease", "LeaseTable", "Shared", "TableReading"]

SCHEMA = 1
"""Goes up with every change that an older station would misread."""
_MOST_BEDS = 10_000
_RETIREMENT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Lease:
    """Who watches a bed.

    Attributes:
        owner: Id of the station; None where nobody does.
        age_seconds: Since the owner last confirmed it.
        epoch: How often the bed was taken so far.
    """

    owner: str | None
    age_seconds: float
    epoch: int


@dataclass(frozen=True, slots=True)
class TableReading:
    """Everything that the table holds at one moment.

    Attributes:
        beds: By id, in the order of their ids; what cannot be read is left out.
        unreadable: Ids of the beds whose documents cannot be read here, as those of a newer version may be.
        leases: By bed id.
        version: Counts changes of the beds; 0 where the table was never written, or is lost; -1 where it is damaged.
        server_seconds: The server's clock.
        server_id: Differs from server to server.
    """

    beds: Mapping[str, FleetBed]
    leases: Mapping[str, Lease]
    version: int
    server_seconds: float
    server_id: str
    unreadable: tuple[str, ...] = ()

    @property
    def is_version_damaged(self) -> bool:
        """Whether the version says nothing about changes of the beds."""
        return self.version < 0


@dataclass(frozen=True, slots=True)
class AlarmState:
    """The alarm state of a bed as the station that watched it last wrote it; `age_seconds` by the server's clock."""

    text: str
    station: str
    epoch: int
    age_seconds: float


class Shared(IntEnum):
    """What became of an alarm state that was to be stored."""

    REFUSED = 0
    """A later station has written its own."""
    STORED = 1
    DISPUTED = 2
    """Stored; another station has written of the bed's alerts since: they are to be compared with the stream."""


class LeaseTable:
    """Beds and leases over one connection; not thread-safe.

    Args:
        client: The connection; stays the caller's.
        keys: Names of keys.

    Raises:
        PublishError: This kind of Redis cannot hold the table.
    """

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        if isinstance(client, RedisCluster):
            raise PublishError("a fleet needs one Redis, or Sentinel; a cluster brings it nothing")
        self._client: Any = client
        self._keys = keys
        self._table = [keys.beds, keys.leases, keys.entries, keys.meta]

    def read(self) -> TableReading:
        """Return everything.

        Raises:
            PublishError: A newer version of this program writes the table.
            redis.exceptions.RedisError: The server does not answer.
        """
        with self._client.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._keys.beds)
            pipe.hgetall(self._keys.meta)
            pipe.hgetall(self._keys.entries)
            pipe.time()
            pipe.info("server")
            pipe.xpending_range(self._keys.leases, scripts.GROUP, "-", "+", _MOST_BEDS)
            documents, meta, entries, time, server, pending = pipe.execute(raise_on_error=False)
        for answer in (documents, meta, entries, time, server):
            if isinstance(answer, Exception):
                raise answer
        if isinstance(pending, ResponseError):  # no group yet: no bed was ever published
            pending = []
        elif isinstance(pending, Exception):
            raise pending
        schema = str(meta.get("schema", SCHEMA))
        if not schema.isdecimal() or int(schema) > SCHEMA:
            raise PublishError(
                f"a newer version of this program wrote the beds in Redis (schema {schema}, this one reads {SCHEMA}); "
                "update this station"
            )
        beds_of = {str(entry): str(bed) for bed, entry in entries.items()}
        leases = {}
        for item in pending:
            bed = beds_of.get(str(item["message_id"]))
            if bed is not None:
                owner = None if item["consumer"] == scripts.NOBODY else str(item["consumer"])
                leases[bed] = Lease(owner, int(item["time_since_delivered"]) / 1000, int(item["times_delivered"]))
        beds = self._parse(documents)
        return TableReading(
            beds=beds,
            leases=leases,
            version=_version(meta.get("version", "0")),
            server_seconds=time[0] + time[1] / 1e6,
            server_id=str(server.get("run_id", "")),
            unreadable=tuple(sorted(name for name in documents if name not in beds)),
        )

    def publish(self, bed: FleetBed, *, only_new: bool = False) -> bool:
        """Write a bed; return whether it was written. With `only_new` a bed that is there stays as it is."""
        document = bed.model_dump_json(exclude_none=True)
        mode = "new" if only_new else "replace"
        return bool(self._run(scripts.PUBLISH, self._table, bed.id, document, SCHEMA, mode))

    def remove(self, bed: str) -> bool:
        """Take a bed and its alarm state out; return whether it was there."""
        was_there = bool(self._run(scripts.REMOVE, self._table, bed))
        self._client.delete(self._keys.alarm_state(bed))
        return was_there

    def take(self, bed: str, least_age_seconds: float) -> int | None:
        """Claim a bed that nobody watches, or whose lease is this old; return the epoch, None where another has it."""
        keys = [self._keys.leases, self._keys.entries, self._keys.offers]
        won, _, epoch = self._run(scripts.TAKE, keys, bed, self._keys.station, int(least_age_seconds * 1000))
        return int(epoch) if won else None

    def refresh(self, held: Mapping[str, int]) -> dict[str, Lease]:
        """Confirm leases, and return those that are lost: to whom, or to nobody where the table lost the bed.

        Args:
            held: Bed id to the epoch under which it was taken.
        """
        if not held:
            return {}
        words = [str(word) for pair in held.items() for word in pair]
        answers = self._run(scripts.REFRESH, [self._keys.leases, self._keys.entries], self._keys.station, *words)
        return {
            bed: Lease(None if not owner or owner == scripts.NOBODY else str(owner), 0.0, int(epoch))
            for bed, (state, owner, epoch) in zip(held, answers, strict=True)
            if state != 1
        }

    def release(self, bed: str, epoch: int) -> None:
        """Give a bed back, so that another station takes it at once."""
        self._run(scripts.RELEASE, [self._keys.leases, self._keys.entries], bed, self._keys.station, epoch)

    def offer(self, bed: str, to: str) -> None:
        """Let one station take a bed from this one without waiting."""
        self._client.hset(self._keys.offers, bed, to)

    def offers(self) -> dict[str, str]:
        """Return which beds are offered to which station."""
        return dict(self._client.hgetall(self._keys.offers))

    def share(self, bed: str, epoch: int, text: str) -> Shared:
        """Store a bed's alarm state for the next station."""
        return Shared(self._run(scripts.SHARE, [self._keys.alarm_state(bed)], text, self._keys.station, epoch))

    def alarm_state(self, bed: str) -> AlarmState | None:
        """Return the alarm state of a bed; None where nobody stored one."""
        fields = self._client.hgetall(self._keys.alarm_state(bed))
        try:
            seconds, microseconds = self._client.time()
            age_seconds = seconds + microseconds / 1e6 - int(fields["written_ms"]) / 1000
            return AlarmState(fields["state"], fields["station"], int(fields["epoch"]), max(0.0, age_seconds))
        except (KeyError, ValueError):
            return None

    def stations(self) -> dict[str, Mapping[str, str]]:
        """Return what every station of the last minutes says about itself."""
        names = self._client.smembers(self._keys.stations)
        with self._client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hgetall(self._keys.station_card(name))
            cards = pipe.execute()
        return {str(name): card for name, card in zip(names, cards, strict=True) if card}

    def introduce(self, card: Mapping[str, str | int], life_seconds: float) -> None:
        """Say what this station is; the card vanishes when it is not written again in time."""
        key = self._keys.station_card(self._keys.station)
        with self._client.pipeline(transaction=True) as pipe:
            pipe.sadd(self._keys.stations, self._keys.station)
            pipe.hset(key, mapping=dict(card))
            pipe.pexpire(key, int(life_seconds * 1000))
            pipe.execute()

    def withdraw(self) -> None:
        """Take this station's card away."""
        self._client.delete(self._keys.station_card(self._keys.station))

    def retire(self, station: str) -> bool:
        """Announce to every ward that a station was taken out of service.

        Returns:
            False where it lives; then nothing was announced.
        """
        keys = Keys(self._keys.prefix, station)
        if self._client.exists(keys.heartbeat):
            return False
        self._client.srem(keys.stations, station)
        self._client.delete(keys.station_card(station))
        self._client.set(keys.retirement, uuid.uuid4().hex, px=_RETIREMENT_MS)
        return True

    def _run(self, script: str, keys: Sequence[str], *arguments: str | int) -> Any:  # noqa: ANN401 - as the script says
        try:
            return self._client.eval(script, len(keys), *keys, *arguments)
        except NoPermissionError:
            raise PublishError(
                "this Redis user may not run scripts on the keys of the fleet; allow eval in its ACL rule"
            ) from None
        except ResponseError as error:
            if "unknown command" in str(error):
                raise PublishError("this Redis runs no scripts, which a fleet needs; enable EVAL") from None
            raise

    def _parse(self, documents: Mapping[str, str]) -> dict[str, FleetBed]:
        beds = {}
        for name, text in sorted(documents.items()):
            try:
                bed = FleetBed.model_validate_json(text)
            except ValidationError:
                continue
            if bed.id == name:
                beds[name] = bed
        return beds


def _version(text: str) -> int:
    try:
        return max(-1, int(text))
    except ValueError:
        return -1
