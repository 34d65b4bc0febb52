"""The publisher: a thread of its own between the station and Redis.

Nothing that the station calls here waits for the disk or the network. When Redis is away the publisher tries again
with jittered back-off, at most 2 s apart, indefinitely; alerts wait in the spool meanwhile.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from redis.exceptions import RedisClusterException, RedisError, ResponseError

from monitor.alerts.record import AlertDraft, format_time
from monitor.backoff import Backoff
from monitor.clock import Clock
from monitor.config import RedisSettings, SpoolSettings
from monitor.control.access import AccessList
from monitor.control.requests import OperatorRequest
from monitor.delivery.claims import Claims
from monitor.delivery.keys import Keys
from monitor.delivery.orphan_search import OrphanSearch
from monitor.delivery.outbox import Outbox
from monitor.delivery.publisher_stats import PublisherStats
from monitor.delivery.redis_client import connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.delivery.redis_session import RedisSession, SessionEvents, StateValue
from monitor.delivery.settlement import Settlement
from monitor.errors import MonitorError
from monitor.loops import run_until_done

__all__ = ["Publisher", "PublisherStats"]

_log = logging.getLogger(__name__)

_TICK_SECONDS = 0.2
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_STEP_PAUSE_SECONDS = 5.0
_BEATS_PER_LIFE = 5


class Publisher:
    """Stores alerts and brings them to Redis.

    Args:
        redis: Where to.
        spool: Where alerts wait.
        station: Id of this daemon.
        clock: For ages and labels.
        access: Who may acknowledge over Redis; None lets everybody who may write to the commands stream.
        events: What the station is notified of; called from the publisher's thread.
        claims_beds: Whether another station with one of its beds is reported.
        watching: Whether the station really watches; while it says no, the heartbeat is left to lapse.
        ticked: Called at every turn of the loop.
        writer_ticked: Called at every turn of the loop that stores alerts, from its thread.

    Raises:
        ConfigError: The address of Redis or a file that it needs is wrong.
        SpoolError: Another station uses the state directory.
    """

    def __init__(
        self,
        redis: RedisSettings,
        spool: SpoolSettings,
        station: str,
        clock: Clock,
        *,
        access: AccessList | None = None,
        events: SessionEvents | None = None,
        claims_beds: bool = True,
        watching: Callable[[], bool] = lambda: True,
        ticked: Callable[[], None] = lambda: None,
        writer_ticked: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = redis
        self._address = redis_address(redis)
        self._keys = Keys(redis.key_prefix, station)
        self._clock = clock
        self._claims = Claims(self._keys, clock, redis.state_ttl_seconds)
        self._claimed_seconds = float("-inf")
        self._beds: set[str] = set()
        self._access = access
        self._claims_beds = claims_beds
        self._take_left: Callable[[Sequence[AlertDraft]], None] = lambda _: None
        self._orphans = OrphanSearch(station, self._known_alerts, with_beds=claims_beds)
        self._reconciles = False
        self._events = _count_published(events or SessionEvents(), self._note_published)
        self._watching = watching
        self._ticked = ticked
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._outbox = Outbox(spool, station, clock, stored=self._wake.set, ticked=writer_ticked)
        self.settlement = Settlement(self._outbox.signalled.by_id)
        self._mutex = threading.Lock()
        self._states: dict[str, Mapping[str, StateValue]] = {}
        self._hidden: set[str] = set()
        self._published = 0
        self._beat_seconds: float | None = None
        self._said_beds: list[str] = []
        self._refused: dict[str, tuple[float, str]] = {}  # when it is tried again, and why it was refused
        self._session: RedisSession | None = None
        self._stats = PublisherStats()
        self._measure()
        self._thread = threading.Thread(target=self._run, name="redis-publisher", daemon=True)

    @property
    def producer_id(self) -> str | None:
        """Who numbers the alerts; None while the spool cannot be used."""
        spool = self._outbox.spool
        return None if spool is None else spool.producer_id

    def load_snapshots(self) -> dict[str, str]:
        """Return the alarm state of every bed as last handed in, in this run or an earlier one."""
        return self._outbox.load_snapshots()

    def history(self, limit: int) -> list[AlertDraft]:
        """Return the newest alerts that this run or an earlier one stored, oldest first."""
        return self._outbox.history(limit)

    def newest_drafts(self) -> list[AlertDraft]:
        """Return the newest record of every alert that this run or an earlier one stored."""
        return self._outbox.with_spool(lambda spool: spool.newest_drafts()) or []

    def _known_alerts(self) -> set[str]:
        return {draft.alert_id for draft in self.newest_drafts()} | set(self._outbox.signalled.by_id())

    def signalled_of(self, bed: str) -> list[AlertDraft]:
        """Return the newest record of every alert of a bed that is on."""
        return self._outbox.signalled.of_bed(bed)

    def restore(self, signalled: Sequence[AlertDraft]) -> None:
        """Take the newest record of every alert that an earlier run left on, to compare with what Redis says of it."""
        for draft in signalled:
            self._outbox.signalled.note(draft)

    def reconcile(self) -> None:
        """Compare what Redis says of every alert that is on with the alarm logic once more."""
        self._reconciles = True
        self._wake.set()

    def start(
        self,
        handle: Callable[[OperatorRequest], object] = lambda _: None,
        take_left: Callable[[Sequence[AlertDraft]], None] = lambda _: None,
    ) -> None:
        """Start storing and sending.

        Args:
            handle: Takes what people who may do so ask for over Redis; called from the publisher's thread.
            take_left: Takes alerts, if any, that an earlier run left on in Redis and this one does not know; as above.
        """
        self._take_left = take_left
        self._events = replace(self._events, request=handle)
        self._outbox.start()
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Store what waits, try once more to send it, take the heartbeat away, and end. Safe to call twice."""
        self._outbox.wait_until_stored(timeout_seconds / 2)
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        self._outbox.stop(timeout_seconds / 2)

    def submit(self, drafts: Sequence[AlertDraft], snapshots: Mapping[str, str] | None = None) -> None:
        """Hand in alerts, in order, and the alarm state that they come from; returns at once.

        Args:
            drafts: From `compose_alert`.
            snapshots: Bed id ('' for the station) to alarm state; stored in one transaction with the alerts.
        """
        self._outbox.submit(drafts, snapshots)

    def wait_until_stored(self, timeout_seconds: float) -> bool:
        """Wait until everything handed in is on the disk; False when it is not by then."""
        return self._outbox.wait_until_stored(timeout_seconds)

    def update_state(self, bed: str, state: Mapping[str, StateValue]) -> None:
        """Show the newest state of a bed; never waits, and only the newest counts.

        Args:
            bed: Its id.
            state: Field to value. Fields that are None are left out: unknown is absent.
        """
        with self._mutex:
            self._states[bed] = {**state, "station": self._keys.station, "updated_at": format_time(self._clock.wall())}
            self._hidden.discard(bed)
            self._beds.add(bed)

    def remove_bed(self, bed: str) -> None:
        """Forget a bed that left the configuration, with its alarm state, and delete its state in Redis."""
        self.hand_over(bed)
        with self._mutex:
            self._hidden.add(bed)

    def hand_over(self, bed: str) -> None:
        """Forget a bed that another station watches now; what it says of the bed in Redis stays."""
        self._outbox.drop_snapshot(bed)
        self._outbox.signalled.forget(bed)
        with self._mutex:
            self._states.pop(bed, None)
            self._beds.discard(bed)

    def stats(self) -> PublisherStats:
        """Return how publishing goes; never waits."""
        now_seconds = self._clock.monotonic()
        age_seconds = None if self._beat_seconds is None else max(0.0, now_seconds - self._beat_seconds)
        return replace(self._stats, heartbeat_age_seconds=age_seconds, disk_fault=self._outbox.fault)

    def _run(self) -> None:
        backoff = Backoff(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, factor=2.0)

        def turn() -> bool:
            if self._stopping.is_set():
                return True
            self._wake.wait(_TICK_SECONDS)
            self._wake.clear()
            if self._turn():
                backoff.reset()
            else:
                self._stopping.wait(backoff.next_seconds())
            self._measure()
            self._ticked()
            return False

        run_until_done(turn, "the publisher")
        self._clear_heartbeat()

    def _turn(self) -> bool:
        """Do everything that is due over one connection; False when it broke."""
        try:
            if self._session is None:
                self._session = self._connect()
            session = self._session
            self._step("history", lambda: self._orphans.begin(session.stream))
            session.deliver(lambda: self._pass_by(session))
            if self._reconciles:
                self._reconciles = False
                session.distrust()
            self._step("reconcile", lambda: session.reconcile(self._ticked))
            self._step("claims", lambda: self._claim(session))
            self._step("heartbeat", lambda: self._beat(session))
            self._step("state", lambda: self._show(session))
            self._step("commands", lambda: session.take_commands(self._claims))
            self._step("settlement", lambda: self.settlement.turn(session, self._ticked))
            self._step("history", lambda: self._take_left(self._orphans.turn(session.stream, self._claims)))
        except (RedisError, RedisClusterException, OSError) as error:
            self._drop_session(describe_failure(error, self._address))
            return False
        except MonitorError as error:
            self._drop_session(str(error))
            return False
        except Exception:  # noqa: BLE001 - see below
            # The thread must outlive what nobody foresaw: the alerts are in the spool, and the next turn may succeed.
            _log.exception("publishing failed in an unforeseen way")
            self._drop_session("publishing failed in an unforeseen way; see the log")
            return False
        failure = self._step_failure()
        if failure is None and (self._stats.redis_up, self._stats.redis_failure) != (True, None):
            _log.info("alerts go to %s", self._address)
        self._stats = replace(self._stats, redis_up=True, redis_failure=failure)
        return True

    def _pass_by(self, session: RedisSession) -> None:
        """Do between two batches what must not wait for the last of them."""
        self._ticked()
        self._step("heartbeat", lambda: self._beat(session, checks_stream=False))
        self._step("state", lambda: self._show(session))
        self._measure()

    def _connect(self) -> RedisSession:
        client = connect_redis(self._settings)
        try:
            session = RedisSession(
                client, self._settings, self._keys, self._outbox, self._clock, self._access, self._events
            )
            session.check_stream()
        except BaseException:
            client.close()
            raise
        return session

    def _step(self, name: str, act: Callable[[], None]) -> None:
        """Do a lesser thing; a refusal of it must not hold up the alerts."""
        now_seconds = self._clock.monotonic()
        again_seconds, known = self._refused.get(name, (0.0, ""))
        if now_seconds < again_seconds:
            return
        try:
            act()
        except ResponseError as error:
            if (reason := describe_failure(error, self._address)) != known:
                _log.warning("%s: %s", name, reason)
            self._refused[name] = (now_seconds + _STEP_PAUSE_SECONDS, reason)
        else:
            self._refused.pop(name, None)

    def _step_failure(self) -> str | None:
        reasons = sorted({reason for _, reason in self._refused.values()})
        return f"{'; '.join(reasons)} (for {', '.join(sorted(self._refused))})" if reasons else self._claims.failure()

    def _claim(self, session: RedisSession) -> None:
        """Notice another station of the same id or with the same bed; a shared heartbeat would hide a dead station."""
        now_seconds = self._clock.monotonic()
        if now_seconds - self._claimed_seconds < self._settings.state_ttl_seconds / _BEATS_PER_LIFE:
            return
        self._claimed_seconds = now_seconds
        with self._mutex:
            beds = sorted(self._beds) if self._claims_beds else []
        session.renew_claims(self._claims, beds)
        if self._claims.is_id_shared:
            session.clear_heartbeat()

    def _beat(self, session: RedisSession, *, checks_stream: bool = True) -> None:
        now_seconds = self._clock.monotonic()
        life_seconds = self._settings.state_ttl_seconds
        with self._mutex:
            beds = sorted(self._beds)
        if (
            self._claims.is_id_shared
            or not self._watching()
            or (
                self._beat_seconds is not None
                and self._stats.redis_up is True
                and beds == self._said_beds
                and now_seconds - self._beat_seconds < life_seconds / _BEATS_PER_LIFE
            )
        ):
            return
        if checks_stream:
            session.check_stream()
        said: dict[str, object] = {"station": self._keys.station, "producer_id": self.producer_id, "beds": beds}
        said |= {"backlog": self._stats.backlog_count, "disk_fault": self._outbox.fault}
        session.send_heartbeat({**said, "at": format_time(self._clock.wall())}, life_seconds)
        self._beat_seconds, self._said_beds = now_seconds, beds

    def _show(self, session: RedisSession) -> None:
        with self._mutex:
            states, self._states = self._states, {}
            hidden, self._hidden = self._hidden, set()
        session.show(states)
        for bed in hidden:
            session.hide(bed)

    def _clear_heartbeat(self) -> None:
        session = self._session
        if session is None:
            return
        try:
            session.deliver()
            session.clear_heartbeat()
        except (RedisError, RedisClusterException, OSError, MonitorError) as error:
            _log.warning("the last words to Redis failed: %s", describe_failure(error, self._address))
        self._drop_session(None)

    def _drop_session(self, failure: str | None) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
        if failure is not None:
            if failure != self._stats.redis_failure:
                _log.warning("%s; alerts wait in the spool", failure)
            self._measure()  # what waits is known before, or as soon as, Redis is said to be down
            self._stats = replace(self._stats, redis_up=False, redis_failure=failure)

    def _measure(self) -> None:
        record = self._outbox.record()
        backlog = self._outbox.backlog()
        if record.dropped > self._stats.dropped and record.last_drop is not None:
            _log.error(
                "the spool was full: %d alerts are given up so far, last between numbers %d and %d",
                *(record.dropped, record.last_drop.first_seq, record.last_drop.last_seq),
            )
        self._stats = replace(
            self._stats,
            backlog_count=backlog.count,
            backlog_age_seconds=backlog.oldest_age_seconds,
            spool_bytes=record.bytes_on_disk,
            dropped=record.dropped,
            last_drop=record.last_drop,
            published=self._published,
        )

    def _note_published(self) -> None:
        self._published += 1


def _count_published(events: SessionEvents, note: Callable[[], None]) -> SessionEvents:
    def published(age_seconds: float | None) -> None:
        note()
        events.published(age_seconds)

    return replace(events, published=published)
