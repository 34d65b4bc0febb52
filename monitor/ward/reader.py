"""The thread that reads the whole ward from Redis, once a second, into a board."""

import logging
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from redis.exceptions import RedisError

from monitor import __version__
from monitor.alerts.record import AlertContext, GenerationMode, compose_alert
from monitor.board.board import Board
from monitor.board.status_records import BedInfo, StationStatus
from monitor.clock import Clock
from monitor.config import StationConfig
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import RedisClient, connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.errors import MonitorError
from monitor.fleet.lease_table import LeaseTable, TableReading
from monitor.loops import run_until_done
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import Code
from monitor.ward.alert_feed import AlertFeed
from monitor.ward.bed_states import camera_of, limits_of, named_beds_of, observation_of, occupancy_of, pause_of

__all__ = ["WardReader", "WardView"]

_log = logging.getLogger(__name__)

_TURN_SECONDS = 1.0
_SCAN_SECONDS = 5.0
_UNWATCHED_SECONDS = 10.0
"""A bed that was unwatched for so long, with every station's chance to take it, is reported here, too."""
_LEFT_SECONDS = 8.0
"""Shorter, so that a bed that left is no alarm; longer than a station that starts takes to name its beds."""


@dataclass(frozen=True, slots=True)
class WardView:
    """Who watches what.

    Attributes:
        beds: Every bed to the station that watches it; None where nobody does.
        stations: Every station that was seen to whether it lives.
        shared: Beds that stations share, and that take commands from any station that watches them.
        failure: One sentence on why this may be old; None while it is not.
    """

    beds: Mapping[str, str | None]
    stations: Mapping[str, bool]
    shared: frozenset[str] = frozenset()
    failure: str | None = None


class WardReader:
    """Reads stations, beds and alerts; nothing of it is kept anywhere else.

    Args:
        config: Where Redis is, and how the ward's own alarms behave.
        board: Takes everything.
        clock: The board's clock.
    """

    def __init__(self, config: StationConfig, board: Board, clock: Clock) -> None:
        self._config = config
        self._board = board
        self._clock = clock
        self._keys = Keys(config.redis.key_prefix, config.station.id)
        self._feed = AlertFeed(self._keys, board)
        self._alarms = StationAlarms(config.alarms, lambda: uuid.uuid4().hex)
        self._context = AlertContext(
            station=config.station.id,
            bed=None,
            camera=None,
            generation_mode=GenerationMode.REAL,
            model=None,
            config_hash="0" * 64,
        )
        self._client: RedisClient | None = None
        self._table: LeaseTable | None = None
        self._scanned_seconds = float("-inf")
        self._scanned: set[str] = set()
        self._known_beds: set[str] = set()
        self._updated: dict[str, str] = {}
        self._heard: dict[str, float] = {}
        self._named_beds: dict[str, frozenset[str] | None] = {}
        self._retired: set[str] = set()
        self._retirements: set[str] = set()
        self._writers: dict[str, str] = {}
        self._stateless_since: dict[str, float] = {}
        self._unwatched_since: dict[str, float] = {}
        self._read_seconds: float | None = None
        self.view = WardView({}, {}, failure="nothing has been read from Redis yet")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ward-reader", daemon=True)

    @property
    def seconds_since_read(self) -> float | None:
        """Time since everything was last read; None before the first time."""
        return None if self._read_seconds is None else self._clock.monotonic() - self._read_seconds

    @property
    def is_alive(self) -> bool:
        """Whether the thread turns."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start to read."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """End the thread; safe to call twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        run_until_done(self._step, "the ward's reader")
        if self._client is not None:
            self._client.close()

    def _step(self) -> bool:
        failure = None
        try:
            self.turn()
        except (RedisError, OSError) as error:
            failure = describe_failure(error, redis_address(self._config.redis))
        except MonitorError as error:
            failure = str(error)
        if failure is not None:
            if failure != self.view.failure:
                _log.warning("%s; what is shown grows old", failure)
            if self._client is not None:
                self._client.close()
            self._client = self._table = None
            self._updated.clear()
            self.view = replace(self.view, failure=failure)
        self._raise_alarms()
        return self._stopping.wait(_TURN_SECONDS)

    def turn(self) -> None:
        """Read everything once.

        Raises:
            redis.exceptions.RedisError: The server does not answer.
            MonitorError: It holds what this version cannot read.
        """
        if self._client is None or self._table is None:
            self._client = connect_redis(self._config.redis)
            self._table = LeaseTable(self._client, self._keys)
            self._feed.notice_loss(self._client)
        client: Any = self._client
        reading = self._table.read()
        states = self._read_states(client, self._list_beds(client, reading))
        self._hear_stations(client, states)
        self._drop_left_beds(reading, states)
        beds = list(states)
        owners = self._owners(reading, states, beds)
        self._show(beds, states, owners)
        self._feed.poll(client)
        lives = {name: self._lives(name) for name in sorted(self._heard)}
        self.view = WardView(owners, lives, frozenset((*reading.beds, *reading.unreadable)))
        self._read_seconds = self._clock.monotonic()

    def _list_beds(self, client: Any, reading: TableReading) -> list[str]:  # noqa: ANN401 - redis-py's clients are untyped
        """Return every shared bed, and every bed of a station of its own that shows a state or did a while ago.

        A shared bed whose entry cannot be read here is a bed, too: perhaps nobody watches it.
        """
        now = self._clock.monotonic()
        if now - self._scanned_seconds >= _SCAN_SECONDS:
            self._scanned_seconds = now
            prefix = self._keys.state("")
            self._scanned |= {str(key).removeprefix(prefix) for key in client.scan_iter(f"{prefix}*", count=1_000)}
            heartbeats = Keys(self._keys.prefix, "").heartbeat
            for key in client.scan_iter(f"{heartbeats}*", count=1_000):
                self._heard.setdefault(str(key).removeprefix(heartbeats), now)
            for name in self._table.stations() if self._table is not None else ():
                self._heard.setdefault(name, now)
            self._forget_retired(client)
        return sorted({*reading.beds, *reading.unreadable, *self._scanned})

    def _forget_retired(self, client: Any) -> None:  # noqa: ANN401 - as above
        """Forget the silent stations that somebody took out of service since they were last heard."""
        silent = sorted(name for name in self._heard if not self._lives(name))
        with client.pipeline(transaction=False) as pipe:
            for name in silent:
                pipe.get(Keys(self._keys.prefix, name).retirement)
            words = pipe.execute()
        for name, word in zip(silent, words, strict=True):
            if word is not None and word not in self._retirements:
                _log.warning("station %s was taken out of service; it is shown no more", name)
                self._retirements.add(word)
                self._retired.add(name)
                del self._heard[name]

    def _read_states(self, client: Any, beds: list[str]) -> dict[str, dict[str, str]]:  # noqa: ANN401 - as above
        with client.pipeline(transaction=False) as pipe:
            for bed in beds:
                pipe.hgetall(self._keys.state(bed))
            return dict(zip(beds, pipe.execute(), strict=True))

    def _drop_left_beds(self, reading: TableReading, states: dict[str, dict[str, str]]) -> None:
        """Forget the beds that left: nobody shares them, and the station that last had them lives and names them not.

        What a station that is silent had stays until that one is retired, and so does what one has whose state does
        not arrive.
        """
        now = self._clock.monotonic()
        for bed, state in list(states.items()):
            if state:
                self._stateless_since.pop(bed, None)
                self._writers[bed] = state.get("station", "")
                continue
            since = self._stateless_since.setdefault(bed, now)
            writer = self._writers.get(bed, "")
            named = self._named_beds.get(writer)
            has_left = writer in self._retired or (self._lives(writer) and named is not None and bed not in named)
            is_shared = bed in reading.beds or bed in reading.unreadable
            if not has_left or is_shared or now - since < _LEFT_SECONDS:
                continue
            _log.info("bed %s left: %s, which watched it, does not name it any more", bed, writer)
            del states[bed]
            self._scanned.discard(bed)
            self._known_beds.discard(bed)
            for known in (self._updated, self._unwatched_since, self._stateless_since, self._writers):
                known.pop(bed, None)

    def _hear_stations(self, client: Any, states: Mapping[str, Mapping[str, str]]) -> None:  # noqa: ANN401 - as above
        now = self._clock.monotonic()
        names = sorted({*self._heard, *(state["station"] for state in states.values() if "station" in state)})
        with client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.get(Keys(self._keys.prefix, name).heartbeat)
            answers = pipe.execute()
        for name, heartbeat in zip(names, answers, strict=True):
            if heartbeat is None:
                if name in self._retired:
                    continue
                self._heard.setdefault(name, now - _UNWATCHED_SECONDS)
                continue
            if name == self._config.station.id:
                # Its alerts would pass for the ward's own, which nobody can acknowledge.
                raise MonitorError(f"a station has the id of this ward, {name}: give the ward a station.id of its own")
            self._heard[name] = now
            self._retired.discard(name)
            self._named_beds[name] = named_beds_of(str(heartbeat))

    def _lives(self, station: str) -> bool:
        return self._clock.monotonic() - self._heard.get(station, float("-inf")) < 2 * _TURN_SECONDS

    def _owners(
        self, reading: TableReading, states: Mapping[str, Mapping[str, str]], beds: list[str]
    ) -> dict[str, str | None]:
        now, lease_seconds = (
            self._clock.monotonic(),
            7.0 if self._config.fleet is None else self._config.fleet.lease_seconds,
        )
        owners: dict[str, str | None] = {}
        for bed in beds:
            lease = reading.leases.get(bed)
            if lease is not None:
                owners[bed] = lease.owner if lease.age_seconds < lease_seconds + _TURN_SECONDS else None
            else:
                station = states[bed].get("station")
                owners[bed] = station if station is not None and self._lives(station) else None
            if owners[bed] is not None:
                self._unwatched_since.pop(bed, None)
            else:
                self._unwatched_since.setdefault(bed, now)
        return owners

    def _show(self, beds: list[str], states: Mapping[str, Mapping[str, str]], owners: Mapping[str, str | None]) -> None:
        now = self._clock.monotonic()
        self._board.watch(
            BedInfo(
                bed,
                states[bed].get("camera") or f"{bed}-camera",
                owners[bed] or self._writers.get(bed, ""),
                limits=limits_of(states[bed]),
            )
            for bed in beds
        )
        for bed in beds:
            if bed not in self._known_beds:
                self._known_beds.add(bed)
                self._feed.show_bed(bed)
            state = states[bed]
            before = self._updated.get(bed)
            if not state or state.get("updated_at") == before:
                continue  # nothing new: what is shown grows old, and says so
            self._updated[bed] = state.get("updated_at", "")
            # How old the first one is, nobody knows: its station may hang since. And one that gives no heartbeat says
            # itself that it does not watch, whatever it writes.
            if before is not None and self._lives(state.get("station", "")):
                self._board.observe(bed, observation_of(state, now))
            self._board.camera(bed, camera_of(state))
            self._board.pause(bed, pause_of(state, now))
            self._board.occupy(bed, occupancy_of(state, now))

    def _raise_alarms(self) -> None:
        """Say on the page which station is silent and which bed nobody watches."""
        now = self._clock.monotonic()
        view = self.view
        unwatched = [bed for bed, since in self._unwatched_since.items() if now - since >= _UNWATCHED_SECONDS]
        silent = [name for name, lives in view.stations.items() if not lives]
        beds = f"No station watches {', '.join(unwatched)}: pain there raises no alert." if unwatched else ""
        stations = f"These stations are silent: {', '.join(silent)}." if silent else ""
        old = f"What is shown here is old: {view.failure}." if view.failure else ""
        reports = (
            (Code.BED_UNWATCHED, beds, unwatched),
            (Code.SELF_CHECK_FAILED, stations, silent),
            (Code.PUBLISHER_BACKLOG, old, ()),
        )
        for code, words, subjects in reports:
            for transition in self._alarms.report(code, bool(words), now, words, None, subjects):
                self._board.transition(None, compose_alert(transition, self._context, self._clock))
        for transition in self._alarms.tick(now):
            self._board.transition(None, compose_alert(transition, self._context, self._clock))
        self._board.station(
            StationStatus(
                station_id=self._config.station.id,
                version=__version__,
                generation_mode=str(GenerationMode.REAL),
                redis_up=view.failure is None,
            )
        )
