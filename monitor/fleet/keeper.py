"""The thread that keeps a station's leases: it claims beds, confirms them, takes over, and lets go of what it lost.

While Redis is away nothing is let go: two watchers are better than none. When it is back, the higher epoch wins.
"""

import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from redis.exceptions import RedisError

from monitor.backoff import Backoff
from monitor.clock import Clock
from monitor.config import RedisSettings
from monitor.config.fleet import FleetBed
from monitor.control.access import AccessList
from monitor.control.requests import OperatorRequest
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import RedisClient, connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.delivery.request_reader import CommandReader
from monitor.errors import ConfigError, MonitorError
from monitor.fleet.assignment import Situation, decide, is_free, room_of
from monitor.fleet.held_beds import FleetStatus, HeldBed, SharedBeds, read_noted_beds, write_noted_beds
from monitor.fleet.lease_table import SCHEMA, AlarmState, LeaseTable, Shared, TableReading
from monitor.fleet.left_beds import LeftBeds
from monitor.fleet.observed_leases import ObservedLeases
from monitor.fleet.scripts import NOBODY
from monitor.loops import run_until_done

__all__ = ["FleetKeeper"]

_log = logging.getLogger(__name__)

_TURN_SECONDS = 0.5
_REFRESH_SECONDS = 1.0
_SHARE_SECONDS = 2.0
_DOUBT_SECONDS = 15.0
"""After a failover, or a jump of the server's clock, ages of leases count for so long by this station's own clock."""
_RETURN_SECONDS = 3.0
"""After a failover a living station may take so much longer than this one to find the new primary."""
_CLOCK_JUMP_SECONDS = 2.0
_REDIS_AWAY_SECONDS = 5.0
"""A station that starts without Redis waits so long before it watches again what it watched last."""


class FleetKeeper:
    """Keeps the leases of one station.

    Args:
        redis: Where the table is.
        station: Id of this station.
        lease_seconds: Age at which a lease has run out.
        clock: Monotonic time.
        beds: The station's beds.
        limit: Returns how many beds the station may hold now.
        cache: File with the beds that were watched last, for a start without Redis.
        watching: Whether the station really watches; while it says no, its leases are left to run out.
        handle: Does what people ask of a bed.
        access: Who may ask; None lets everybody who may write to a bed's stream of commands.
        ticked: Called at every turn.
    """

    def __init__(
        self,
        redis: RedisSettings,
        station: str,
        lease_seconds: float,
        clock: Clock,
        beds: SharedBeds,
        *,
        limit: Callable[[], int],
        cache: Path,
        watching: Callable[[], bool] = lambda: True,
        handle: Callable[[OperatorRequest], object] = lambda _: None,
        access: AccessList | None = None,
        ticked: Callable[[], None] = lambda: None,
    ) -> None:
        self.status = FleetStatus()
        self._settings = redis
        self._station = station
        self._lease_seconds = lease_seconds
        self._keys = Keys(redis.key_prefix, station)
        self._clock = clock
        self._beds = beds
        self._limit = limit
        self._cache = cache
        self._watching = watching
        self._handle = handle
        self._access = access
        self._ticked = ticked
        self._held: dict[str, HeldBed] = {}
        self._left = LeftBeds(beds, station)
        self._known: dict[str, FleetBed] = {}
        self._version = 0
        self._free_since: dict[str, float] = {}
        self._impossible: dict[str, str] = {}
        self._unreadable: list[str] = []
        self._changed: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._client: RedisClient | None = None
        self._table: LeaseTable | None = None
        self._refreshed_seconds = float("-inf")
        self._server: tuple[str, float] | None = None
        self._leases = ObservedLeases()
        self._was_away = False
        self._began_seconds = clock.monotonic()
        self._backoff = Backoff(0.2, 2.0, factor=2.0)
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)

    def start(self) -> None:
        """Start to claim beds."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Hand every bed back, so that other stations take them at once, and end. Safe to call twice."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def note_change(self, bed: str) -> None:
        """Store the alarm state of a bed soon; returns at once, from any thread."""
        with self._lock:
            self._changed.add(bed)
        self._wake.set()

    def _run(self) -> None:
        run_until_done(self._step, "the fleet's keeper")
        self._leave()

    def _step(self) -> bool:
        self._wake.wait(_TURN_SECONDS)
        self._wake.clear()
        if self._stopping.is_set():
            return True
        try:
            self._turn(self._connect())
            self._backoff.reset()
            self._note_failure(next(iter((*self._impossible.values(), *self._unreadable)), None))
        except (RedisError, OSError) as error:
            self._disconnect(describe_failure(error, redis_address(self._settings)))
        except MonitorError as error:
            self._disconnect(str(error))
        self._ticked()
        return False

    def _connect(self) -> LeaseTable:
        if self._table is None:
            self._client = connect_redis(self._settings)
            self._table = LeaseTable(self._client, self._keys)
            for held in self._held.values():
                held.drop_reader()
        return self._table

    def _disconnect(self, failure: str) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._table = None
        self._was_away = True
        self._note_failure(failure)
        is_new = not self._held and not self._known
        if is_new and self._clock.monotonic() - self._began_seconds >= _REDIS_AWAY_SECONDS:
            self._watch_again()
        self._stopping.wait(self._backoff.next_seconds())

    def _note_failure(self, failure: str | None) -> None:
        if failure is not None and failure != self.status.failure:
            _log.warning("%s; this station goes on with the %d beds that it has", failure, len(self._held))
        self.status.failure = failure

    def _turn(self, table: LeaseTable) -> None:
        now = self._clock.monotonic()
        if now - self._refreshed_seconds < _REFRESH_SECONDS:
            self._share(table)
            self._take_commands()
            return
        reading = table.read()
        self._notice_another_clock(reading)
        self._unreadable = [
            f"bed {bed} in Redis cannot be read here; publish it again, or update this station"
            for bed in reading.unreadable
        ]
        if reading.version == 0 and self._known:
            _log.warning(
                "Redis lost the table of beds; the %d beds that are known here are written again", len(self._known)
            )
            for bed in self._known.values():
                table.publish(bed, only_new=True)
            self._left.look_again()
            reading = table.read()
        if self._watching():
            self._refresh(table, reading)
            self._refreshed_seconds = now
        self._follow_documents(table, reading)
        self._share(table)
        self._left.turn(table, reading, self._held)
        self._introduce(table)
        self._decide(table, reading)
        self._take_commands()

    def _notice_another_clock(self, reading: TableReading) -> None:
        """Count the ages of leases from now on where the server's cannot be believed."""
        now = self._clock.monotonic()
        offset = reading.server_seconds - now
        if self._server is None or self._server[0] != reading.server_id:
            self._left.look_again()
        if self._server is not None:
            server, before = self._server
            if server != reading.server_id or abs(offset - before) > _CLOCK_JUMP_SECONDS:
                _log.warning("another Redis, or another clock of it: leases of other stations count from now on")
                self._leases.doubt(now, _DOUBT_SECONDS, _RETURN_SECONDS)
            elif self._was_away:
                # Others may have been cut off as well: they confirm their leases first.
                self._leases.doubt(now, self._lease_seconds)
        self._server = (reading.server_id, offset)
        self._was_away = False

    def _refresh(self, table: LeaseTable, reading: TableReading) -> None:
        lost = table.refresh({bed: held.epoch for bed, held in self._held.items()})
        for bed, lease in lost.items():
            held, is_known = self._held[bed], bed in reading.beds
            if is_known and lease.owner is None and lease.epoch <= held.epoch:
                continue  # the table was lost a moment ago; the next turn writes it again
            del self._held[bed]
            self.status.lost += lease.owner is not None
            # Where a later station gave it back, it is free, and is taken with the alarms that one left.
            owner = lease.owner or (NOBODY if is_known else None)
            words = {None: "it is no bed any more", NOBODY: "a later station gave it back"}
            _log.warning("bed %s: %s", bed, words.get(owner, f"{owner} watches it now"))
            self._share_one(table, bed, held)
            self._beds.close(bed, owner)
            self._left.add(bed)
            self._write_cache()
            table.refresh({name: item.epoch for name, item in self._held.items()})

    def _follow_documents(self, table: LeaseTable, reading: TableReading) -> None:
        """Take the beds' newest documents; a bed whose document changed is opened again with it."""
        if reading.version == self._version and not reading.is_version_damaged:
            return
        self._version = reading.version
        self._known = dict(reading.beds)
        self._impossible.clear()
        for bed, held in list(self._held.items()):
            document = reading.beds.get(bed)
            if document is None or document == held.bed:
                continue
            _log.info("bed %s has other settings now", bed)
            held.bed = document
            text = self._beds.close(bed, self._station)  # not before: until then people may say something of it
            if not self._open(document, AlarmState(text, self._station, held.epoch, 0.0)):
                del self._held[bed]
                table.share(bed, held.epoch, text)
                table.release(bed, held.epoch)
        self._write_cache()

    def _introduce(self, table: LeaseTable) -> None:
        self.status.limit, self.status.held = self._limit(), len(self._held)
        card: Mapping[str, str | int] = {
            "limit": self.status.limit,
            "held": self.status.held,
            "takeovers": self.status.takeovers,
            "lost": self.status.lost,
            "schema": SCHEMA,
        }
        table.introduce(card, self._lease_seconds)  # a dead station's room vanishes with its leases

    def _decide(self, table: LeaseTable, reading: TableReading) -> None:
        now = self._clock.monotonic()
        read, reading = reading, replace(reading, leases=self._leases.ages(reading, now))
        beds = (*reading.beds, *reading.unreadable)
        free = {bed for bed in beds if bed not in self._held and is_free(reading.leases.get(bed), self._lease_seconds)}
        self._free_since = {bed: self._free_since.get(bed, now) for bed in free}
        rooms = {name: room_of(card) for name, card in table.stations().items()}
        decision = decide(
            Situation(
                station=self._station,
                reading=reading,
                held={bed: now - held.since_seconds for bed, held in self._held.items()},
                limit=self.status.limit,
                rooms=rooms,
                free_for_seconds={bed: now - since for bed, since in self._free_since.items()},
                lease_seconds=self._lease_seconds,
                busy={bed for bed in self._held if self._beds.has_alarm(bed)},
                impossible=self._impossible,
            )
        )
        self._note_unwatched(decision.unwatched)
        if decision.hand_home is not None:
            table.offer(*decision.hand_home)
        offered = [bed for bed, to in table.offers().items() if to == self._station and bed not in self._held]
        if self._watching():
            for bed in dict.fromkeys((*decision.take, *offered[: max(0, self.status.limit - len(self._held))])):
                if bed in reading.beds:
                    # A lease that has run out by our clock may look younger by the server's; confirmed since it was
                    # read it is younger than that, and stays.
                    age_seconds = read.leases[bed].age_seconds if bed in free and bed in read.leases else math.inf
                    self._take(table, reading, bed, min(self._lease_seconds, age_seconds))

    def _take(self, table: LeaseTable, reading: TableReading, bed: str, least_age_seconds: float) -> None:
        document, before = reading.beds[bed], reading.leases.get(bed)
        try:
            document.settings()
        except ConfigError as error:
            self._impossible[bed] = str(error)
            return
        epoch = table.take(bed, least_age_seconds)
        if epoch is None:
            return
        state = table.alarm_state(bed)
        if not self._open(document, state):
            table.release(bed, epoch)
            return
        self._held[bed] = HeldBed(document, epoch, self._clock.monotonic())
        if before is not None and before.owner not in {None, self._station}:
            self.status.takeovers += 1
            _log.warning("bed %s is taken over from %s (epoch %d)", bed, before.owner, epoch)
        else:
            _log.info("bed %s is watched here from now on (epoch %d)", bed, epoch)
        self._write_cache()

    def _open(self, document: FleetBed, state: AlarmState | None) -> bool:
        try:
            self._beds.open(document.settings(), state)
        except MonitorError as error:
            self._impossible[document.id] = str(error)
            return False
        self._left.add(document.id)
        return True

    def _note_unwatched(self, beds: Sequence[str]) -> None:
        if tuple(beds) != self.status.unwatched and beds:
            _log.error("nobody watches %s", ", ".join(beds))
        self.status.unwatched = tuple(beds)

    def _share(self, table: LeaseTable) -> None:
        """Store the alarm states that changed, and every bed's state now and then, for the next station."""
        now = self._clock.monotonic()
        with self._lock:
            changed, self._changed = self._changed, set()
        for bed, held in self._held.items():
            if bed in changed or now - held.shared_seconds >= _SHARE_SECONDS:
                held.shared_seconds = now
                self._share_one(table, bed, held)

    def _share_one(self, table: LeaseTable, bed: str, held: HeldBed) -> None:
        text = self._beds.snapshot(bed)
        if text != held.shared and (outcome := table.share(bed, held.epoch, text)):
            held.shared = text
            if outcome is Shared.DISPUTED:
                self._beds.compare()

    def _take_commands(self) -> None:
        if self._client is None:
            return
        for bed, held in self._held.items():
            if held.reader is None:
                held.reader = CommandReader(
                    self._client,
                    self._keys.bed_commands(bed),
                    self._access,
                    self._handle,
                    held.commands_id,
                    self._keys.answer,
                )
                held.reader.go_back_with_stream()
            held.reader.poll()

    def _write_cache(self) -> None:
        write_noted_beds(self._cache, self._held)

    def _watch_again(self) -> None:
        """Watch what was watched last: Redis cannot say who does, and two watchers are better than none."""
        noted = read_noted_beds(self._cache)
        if noted:
            _log.warning("without Redis this station watches again the %d beds that it had last", len(noted))
        for bed, epoch in noted:
            self._known[bed.id] = bed
            if self._open(bed, None):
                self._held[bed.id] = HeldBed(bed, epoch, self._clock.monotonic())

    def _leave(self) -> None:
        """Hand every bed back with its last alarm state: what it said after that, no other station would know."""
        table = self._table
        if table is not None:
            try:
                for bed, held in self._held.items():
                    table.share(bed, held.epoch, self._beds.leave(bed))
                    table.release(bed, held.epoch)
                table.withdraw()
            except (RedisError, OSError, MonitorError) as error:
                _log.warning("the beds could not be handed back, so others take them a little later: %s", error)
        if self._client is not None:
            self._client.close()
