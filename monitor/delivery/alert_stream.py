"""The alert stream in Redis: every record exactly once, as long as the server keeps its data.

A server may go back in time (a restart from an older RDB file, a replica that is promoted), and other stations may
write before this one notices. What counts is therefore what the stream really holds: the record at the last known
position must be this producer's own, and a record that is found under a number must say the same as the one to be sent.

A call that timed out may have succeeded, or may even succeed later, when a hung server wakes up and reads what lies in
its socket. So each delivery is one optimistic transaction: WATCH the stream, look for own records behind the last known
position, add what is missing with MULTI/EXEC. A transaction that arrives late finds the stream changed and is void.
Servers that know idempotent producers (XADD ... IDMP, Redis 8.6) are given the producer and number as well.
"""

import hashlib
import json
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import RedisCluster
from redis.exceptions import RedisError, ResponseError, WatchError

from monitor.delivery.keys import id_after, id_before, id_order
from monitor.delivery.redis_client import RedisClient
from monitor.delivery.spool import Position, SpooledAlert

__all__ = ["AlertStream", "ProducerConflictError", "StreamEntry", "StreamLostError", "parse_record", "stream_entry"]

_PAGE = 500
_MOST_PAGES = 100
_ATTEMPTS = 50
_MAXIMUM_CONTENTION_SECONDS = 0.02
_IDMP_SINCE = (8, 6)
_SEQ_DIGITS = 18


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One record as it goes into the stream: its number, its alert's id, and the fields."""

    seq: int
    alert_id: str
    fields: Mapping[str, str]


def stream_entry(alert: SpooledAlert) -> StreamEntry:
    """Return an alert, which says when it was first sent, as it goes into the stream."""
    document = {
        **alert.draft,
        "producer_id": alert.producer_id,
        "seq": alert.seq,
        "published_at": alert.published_at,
    }
    plain = ("producer_id", "seq", "alert_id", "phase", "kind", "code", "priority", "bed")
    fields = {name: str(document[name]) for name in plain if document[name] is not None}
    fields["alert"] = json.dumps(document, separators=(",", ":"))
    return StreamEntry(alert.seq, fields["alert_id"], fields)


class StreamLostError(Exception):
    """The stream lacks records that it had: the server was emptied or went back in time.

    Attributes:
        position: The newest record of the producer that is still there.
    """

    def __init__(self, position: Position) -> None:
        super().__init__(f"the stream ends before {position}")
        self.position = position


class ProducerConflictError(Exception):
    """The stream holds alerts under this producer's name that it never gave out.

    The spool was restored from an old copy, or somebody forges alerts.
    """


class AlertStream:
    """One connection's view of the stream.

    Args:
        client: The connection.
        key: Of the stream.
        maximum_length: Older entries may be trimmed beyond this; approximate.
    """

    def __init__(self, client: RedisClient, key: str, maximum_length: int) -> None:
        self._client: Any = client
        self._key = key
        self._maximum_length = maximum_length
        self._idempotent = _knows_idmp(self._client)

    @property
    def idempotent(self) -> bool:
        """Whether the server knows idempotent producers."""
        return self._idempotent

    def distrust_idempotence(self) -> None:
        """Stop naming numbers to the server: it may remember numbers whose records it has lost, and swallow repeats."""
        self._idempotent = False

    def tip(self) -> str:
        """Return the id of the newest entry, `0-0` when there is none."""
        newest = self._client.xrevrange(self._key, count=1)
        return str(newest[0][0]) if newest else "0-0"

    def page_until(self, end: str) -> Sequence[tuple[str, Mapping[str, str]]]:
        """Return up to 500 entries with their ids, newest first, that are not behind the id `end` (`+`: all)."""
        page: Sequence[tuple[str, Mapping[str, str]]] = self._client.xrevrange(self._key, max=end, count=_PAGE)
        return page

    def deliver(
        self, producer_id: str, entries: Sequence[StreamEntry], position: Position, last_seq: int | None = None
    ) -> Position:
        """Make sure that the stream has these records, in order, each once.

        Args:
            producer_id: Whose records they are.
            entries: In order of `seq`, all behind `position`.
            position: Last known; its id need not be one of this producer's records.
            last_seq: The highest number that the producer has given out; that of the last record when None.

        Returns:
            The position of the last record.

        Raises:
            StreamLostError: The stream no longer reaches to `position`.
            ProducerConflictError: The numbers are taken by records of other content, or some lie beyond `last_seq`.
            redis.exceptions.RedisError: Outcome unknown; call again with the same records.
        """
        highest = entries[-1].seq if last_seq is None else last_seq
        for _ in range(_ATTEMPTS):
            with self._client.pipeline(transaction=True) as pipe:
                pipe.watch(self._key)
                found = self._newest_own(pipe, producer_id, entries, position, highest)
                missing = [entry for entry in entries if entry.seq > found.seq]
                if not missing:
                    return found
                pipe.multi()
                for entry in missing:
                    idmp = {"idmp": (producer_id, str(entry.seq).encode())} if self._idempotent else {}
                    pipe.xadd(self._key, dict(entry.fields), maxlen=self._maximum_length, approximate=True, **idmp)
                try:
                    ids = pipe.execute()
                except WatchError:
                    time.sleep(random.uniform(0, _MAXIMUM_CONTENTION_SECONDS))  # noqa: S311 - not a secret
                    continue
                except ResponseError:
                    if not self._idempotent:
                        raise
                    # The transaction alone is enough; a server that promises more than it keeps must not hold us up.
                    self._idempotent = False
                    continue
                return Position(missing[-1].seq, str(ids[-1]))
        raise RedisError("the stream is too busy with other producers")

    def check(self, producer_id: str, position: Position) -> None:
        """Make sure that the stream still reaches to a position.

        Raises:
            StreamLostError: It does not.
        """
        with self._client.pipeline(transaction=True) as pipe:
            pipe.watch(self._key)
            page = pipe.xrange(self._key, min=position.stream_id, max=position.stream_id)
            if not _is_at(page, producer_id, position):
                self._check_not_lost(pipe, producer_id, position)

    def newest_own(self, producer_id: str) -> Position:
        """Search the whole stream, newest first, for a producer's newest record."""
        end = "+"
        while page := self.page_until(end):
            for stream_id, fields in page:
                own = _own_record(fields, producer_id)
                if own is not None:
                    return Position(own[0], str(stream_id))
            end = id_before(page[-1][0])
        return Position(0, self.tip())

    def newest_by_alert(
        self, alert_ids: Collection[str], turned: Callable[[], None] = lambda: None
    ) -> dict[str, Mapping[str, object]]:
        """Return the newest record of each of these alerts, whichever producer wrote it.

        What is not there, or further back than a new reader would go, is left out.

        Args:
            alert_ids: The alerts to search for.
            turned: Called after every page.
        """
        wanted = set(alert_ids)
        found: dict[str, Mapping[str, object]] = {}
        end = "+"
        for _ in range(_MOST_PAGES):
            page = self.page_until(end) if wanted else []
            if not page:
                break
            for _, fields in page:
                alert_id = fields.get("alert_id", "")
                if alert_id in wanted and (record := parse_record(fields.get("alert", ""))) is not None:
                    found[alert_id] = record
                    wanted.discard(alert_id)
            end = id_before(page[-1][0])
            turned()
        return found

    def _newest_own(
        self,
        pipe: Any,  # noqa: ANN401 - redis-py's pipelines are untyped
        producer_id: str,
        entries: Sequence[StreamEntry],
        position: Position,
        highest: int,
    ) -> Position:
        """Return the newest record of the producer at or behind `position`, on the watching connection."""
        wanted = {entry.seq: entry for entry in entries}
        found = position
        page = pipe.xrange(self._key, min=position.stream_id, count=_PAGE)
        if not _is_at(page, producer_id, position):
            self._check_not_lost(pipe, producer_id, position)
        while page:
            for stream_id, fields in page:
                own = _own_record(fields, producer_id)
                if own is None:
                    continue
                seq, _ = own
                entry = wanted.get(seq)
                if seq > highest or (entry is not None and not _says_the_same(fields, entry)):
                    raise ProducerConflictError(producer_id)
                # Records beyond these entries are compared when their own turn comes.
                if found.seq < seq <= entries[-1].seq:
                    found = Position(seq, str(stream_id))
            if len(page) < _PAGE:
                break
            page = pipe.xrange(self._key, min=id_after(page[-1][0]), count=_PAGE)
        return found

    def _check_not_lost(self, pipe: Any, producer_id: str, position: Position) -> None:  # noqa: ANN401 - as above
        """Distinguish a stream that was trimmed from one that was emptied or restored.

        An entry that was deleted by hand cannot be distinguished from one that a restored server never had: it is sent
        again.
        """
        oldest = pipe.xrange(self._key, count=1)
        if oldest and id_order(oldest[0][0]) > id_order(position.stream_id):
            # Since Redis 7 the stream itself knows how many entries it ever had.
            info = pipe.xinfo_stream(self._key)
            added, length = info.get("entries-added"), int(info["length"])
            if int(added) > length if added is not None else length >= 0.9 * self._maximum_length:
                return
        raise StreamLostError(self.newest_own(producer_id))


def _own_record(fields: Mapping[str, str], producer_id: str) -> tuple[int, str] | None:
    """Return number and alert id of a producer's record; None for anybody else's, and for what is no record."""
    seq = fields.get("seq", "")
    if fields.get("producer_id") != producer_id or not seq.isascii() or not seq.isdecimal() or len(seq) > _SEQ_DIGITS:
        return None
    return int(seq), fields.get("alert_id", "")


def _is_at(page: Sequence[tuple[str, Mapping[str, str]]], producer_id: str, position: Position) -> bool:
    """Return whether a page that was read from a position on begins with the record that was seen there.

    A position before the first record (number 0) may rest on anybody's entry.
    """
    if position.stream_id == "0-0":
        return True
    if not page or page[0][0] != position.stream_id:
        return False
    own = _own_record(page[0][1], producer_id)
    return position.seq == 0 or (own is not None and own[0] == position.seq)


def _says_the_same(fields: Mapping[str, str], entry: StreamEntry) -> bool:
    """Return whether a record in the stream is the given one; the time of the attempt to send it may differ."""
    if fields.get("alert_id", "") != entry.alert_id:
        return False
    theirs, ours = fields.get("alert", ""), entry.fields.get("alert", "")
    return theirs == ours or _digest(theirs) == _digest(ours)


def _digest(text: str) -> str:
    record = parse_record(text)
    if record is not None:
        plain = {name: value for name, value in record.items() if name != "published_at"}
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parse_record(text: str) -> Mapping[str, object] | None:
    """Return the record that an entry of the stream carries; None where it is none."""
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _knows_idmp(client: Any) -> bool:  # noqa: ANN401 - as above
    """Ask the server who it is; HELLO is allowed to every user, INFO is not."""
    node = client
    if isinstance(client, RedisCluster):  # which sends only commands that it knows
        node = client.get_redis_connection(client.get_default_node())  # type: ignore[no-untyped-call]  # redis-py's
    try:
        answer = node.execute_command("HELLO")
    except ResponseError:  # before Redis 6
        return False
    pairs = dict(answer) if isinstance(answer, Mapping) else dict(zip(answer[::2], answer[1::2], strict=False))
    version = tuple(int(part) for part in str(pairs.get("version", "0")).split(".")[:2] if part.isdecimal())
    return pairs.get("server") == "redis" and version >= _IDMP_SINCE
