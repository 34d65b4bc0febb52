"""The spool: what it promises to keep, and what it says when it cannot."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alerts import make_draft
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.delivery.spool import Position, Spool
from monitor.delivery.spool_file import DATABASE_NAME, set_damaged_aside
from monitor.delivery.spool_meta import read_count
from monitor.delivery.spool_salvage import salvage
from monitor.errors import PublishError, SpoolError
from monitor.pain.vocabulary import Code, Phase

MEGABYTE = 1_000_000


def open_spool(directory: Path, clock: ManualClock | None = None, maximum_bytes: int = 16 * MEGABYTE) -> Spool:
    return Spool(directory, maximum_bytes, "station-1", clock or ManualClock())


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = open_spool(tmp_path / "state")
    yield opened
    opened.close()


def test_numbers_begin_at_one_and_go_on_after_a_restart(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    assert spool.append([make_draft("a"), make_draft("b")], {"bed-1": "state 2"}) == [1, 2]
    producer_id = spool.producer_id
    spool.close()
    again = open_spool(tmp_path)
    assert again.producer_id == producer_id
    assert again.append([make_draft("c")]) == [3]
    assert [alert.draft["alert_id"] for alert in again.pending(10)] == ["a", "b", "c"]
    assert again.load_snapshots() == {"bed-1": "state 2"}
    again.close()


def test_the_newest_alerts_can_be_read_back_oldest_first_after_a_restart(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    drafts = [make_draft(name) for name in "abcd"]
    spool.append(drafts)
    spool.close()
    with sqlite3.connect(tmp_path / DATABASE_NAME) as database:
        database.execute('UPDATE alerts SET draft = \'{"schema": "another"}\' WHERE seq = 3')
    database.close()
    again = open_spool(tmp_path)
    assert again.history(3) == [drafts[1], drafts[3]]
    assert again.history(100) == [drafts[0], drafts[1], drafts[3]]
    again.close()


def test_files_are_for_their_owner_only(tmp_path: Path, spool: Spool) -> None:
    old = os.umask(0)
    try:
        spool.append([make_draft()])
    finally:
        os.umask(old)
    state = tmp_path / "state"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()}
    assert modes == dict.fromkeys(("spool.sqlite", "spool.sqlite-wal", "spool.sqlite-shm", "spool.lock"), 0o600)


def test_commits_are_on_the_disk_when_they_return(spool: Spool) -> None:
    # 2 is FULL: in WAL mode SQLite then calls fsync at every commit.
    assert spool._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert spool._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_alerts_and_alarm_state_are_stored_together_or_not_at_all(spool: Spool) -> None:
    spool.append([make_draft("a")], {"bed-1": "one"})
    spool._database.execute("CREATE TRIGGER no BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'no'); END")
    spool._database.execute("CREATE TRIGGER no2 BEFORE INSERT ON meta BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(SpoolError):
        spool.append([make_draft("b")], {"bed-1": "two"})
    spool._database.execute("DROP TRIGGER no")
    spool._database.execute("DROP TRIGGER no2")
    assert spool.load_snapshots() == {"bed-1": "one"}
    assert spool.append([make_draft("c")]) == [2]


def test_a_second_station_is_refused(tmp_path: Path, spool: Spool) -> None:
    with pytest.raises(SpoolError, match="in use by another station") as caught:
        open_spool(tmp_path / "state")
    assert caught.value.in_use


def test_delivered_records_are_pending_no_more_until_redis_loses_them(spool: Spool) -> None:
    spool.append([make_draft(str(i)) for i in range(5)])
    spool.move_to(Position(3, "5-0"))
    assert [alert.seq for alert in spool.pending(10)] == [4, 5]
    spool.move_to(Position(1, "2-0"))
    assert [alert.seq for alert in spool.pending(10)] == [2, 3, 4, 5]


def test_the_time_of_the_first_attempt_is_stored_over_a_restart(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append([make_draft("a"), make_draft("b")])
    spool.stamp([1], "2026-01-01T00:00:00.000Z")
    spool.close()
    again = open_spool(tmp_path)
    assert [alert.published_at for alert in again.pending(10)] == ["2026-01-01T00:00:00.000Z", None]
    again.close()


def test_the_backlog_ages_on_monotonic_time_and_over_a_restart(tmp_path: Path) -> None:
    clock = ManualClock(100.0)
    spool = open_spool(tmp_path, clock)
    spool.append([make_draft()])
    clock.advance(30.0)
    assert spool.backlog().oldest_age_seconds == 30.0
    spool.close()
    clock.advance(12.0)
    again = open_spool(tmp_path, clock)
    clock.advance(3.0)
    backlog = again.backlog()
    assert (backlog.count, backlog.oldest_age_seconds) == (1, 45.0)
    again.move_to(Position(1, "1-0"))
    assert again.backlog().count == 0
    again.close()


def test_a_damaged_file_is_recognised_and_set_aside(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append([make_draft(str(i)) for i in range(200)])
    spool.close()
    path = tmp_path / "spool.sqlite"
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 12] = os.urandom(4096 * 11)
    path.write_bytes(content)
    with pytest.raises(SpoolError, match="is damaged") as caught:
        open_spool(tmp_path)
    assert caught.value.damaged
    aside = set_damaged_aside(tmp_path)
    assert aside.name == "spool.sqlite.damaged-1"
    fresh = open_spool(tmp_path)
    assert fresh.append([make_draft()]) == [1]
    fresh.close()


def test_a_file_that_is_no_database_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "spool.sqlite").write_bytes(b"no database at all" * 1000)
    with pytest.raises(SpoolError, match="is damaged") as caught:
        open_spool(tmp_path)
    assert caught.value.damaged


def test_a_later_layout_is_refused_without_touching_it(tmp_path: Path) -> None:
    open_spool(tmp_path).close()
    database = sqlite3.connect(tmp_path / "spool.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(SpoolError, match="another version") as caught:
        open_spool(tmp_path)
    assert not caught.value.damaged


def test_a_locked_file_is_an_error_of_one_sentence(spool: Spool, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "state" / "spool.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(PublishError, match="locked by another program"):
        spool.append([make_draft()])
    other.execute("ROLLBACK")
    other.close()
    assert spool.append([make_draft()]) == [1]


def test_a_directory_that_cannot_be_made_is_an_error_of_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SpoolError, match=r"make spool\.directory a folder that this user may write"):
        open_spool(tmp_path / "file" / "state")


def test_the_quota_keeps_the_newest_record_of_every_condition_and_reports_what_it_dropped(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, maximum_bytes=MEGABYTE)
    beds = [f"bed-{i}" for i in range(8)]
    for round_number in range(300):
        phase = Phase.START if round_number % 2 == 0 else Phase.END
        spool.append([make_draft(f"{bed}-{round_number // 2}", phase, bed=bed) for bed in beds])
    spool.append([make_draft("running", Phase.START, bed="bed-0", code=Code.CAMERA_LOST)])
    for _ in range(50):
        spool.append([make_draft("noise", Phase.UPDATE, bed="bed-9")] * 10)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= MEGABYTE
    waiting = spool.pending(100_000)
    newest = {(alert.draft["bed"], alert.draft["code"]): alert.draft for alert in waiting}
    for bed in beds:
        assert (newest[bed, "pain_sign"]["alert_id"], newest[bed, "pain_sign"]["phase"]) == (f"{bed}-149", "end")
    assert newest["bed-0", "camera_lost"]["alert_id"] == "running"
    record = spool.record()
    assert spool.backlog().count == len(waiting)
    assert record.dropped == 300 * 8 + 1 + 500 - len(waiting)
    assert record.last_drop is not None
    assert record.last_drop.first_seq <= record.last_drop.last_seq
    assert [alert.seq for alert in waiting] == sorted({alert.seq for alert in waiting})
    spool.close()


def test_the_end_of_an_alert_that_redis_knows_is_never_dropped(tmp_path: Path) -> None:
    """Otherwise a subscriber would show an alarm indefinitely that has long ended."""
    spool = open_spool(tmp_path, maximum_bytes=MEGABYTE)
    spool.append([make_draft("known", Phase.START)])
    spool.move_to(Position(1, "1-0"))
    spool.append([make_draft("known", Phase.END)])
    for i in range(100):
        spool.append([make_draft(f"{i}-{j}", Phase.END) for j in range(10)])
    waiting = spool.pending(10_000)
    assert waiting[0].draft["alert_id"] == "known"
    assert waiting[-1].draft["alert_id"] == "99-9"
    assert spool.record().dropped > 0
    spool.close()


def test_what_redis_has_is_forgotten_before_anything_that_waits(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, maximum_bytes=MEGABYTE)
    for i in range(0, 400, 10):
        numbers = spool.append([make_draft(f"old-{i + j}", Phase.END) for j in range(10)])
        spool.move_to(Position(numbers[-1], f"{numbers[-1]}-0"))
    for i in range(250):
        spool.append([make_draft(f"new-{i}", Phase.START)])
    assert len(spool.pending(10_000)) == 250
    assert spool.record().dropped == 0
    spool.close()


def test_a_full_disk_is_an_error_of_one_sentence_and_uses_no_number(tmp_path: Path) -> None:
    """A child process may write 300 kB per file, so that SQLite meets a disk that takes no more."""
    program = """
import resource, signal, sys
from pathlib import Path
from alerts import make_draft
from hypothesis import given
from hypothesis import strategies as st
from monitor.clock import SystemClock
from monitor.errors import SpoolError
from monitor.delivery.spool import Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(Path(sys.argv[1]), 100_000_000, "station-1", SystemClock())
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
last = 0
try:
    while True:
        last = spool.append([make_draft("x" * 100)])[-1]
except SpoolError as error:
    print(error)
print([alert.seq for alert in spool.pending(100_000)] == list(range(1, last + 1)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "support")},
    )
    message, complete = done.stdout.splitlines()
    assert "spool.sqlite" in message
    assert "free disk space" in message or "look at the system's log" in message
    assert complete == "True"


def test_a_new_producer_begins_at_one_with_what_waits(tmp_path: Path, spool: Spool) -> None:
    spool.append([make_draft("a"), make_draft("b"), make_draft("c")])
    spool.move_to(Position(1, "5-0"))
    spool.stamp([2], "2026-01-01T00:00:00.000Z")
    before = spool.producer_id
    spool.renew_producer()
    assert spool.producer_id != before
    assert (spool.position, spool.last_seq) == (Position(0, "5-0"), 2)
    expected = [("b", 1, None), ("c", 2, None)]
    assert [(alert.draft["alert_id"], alert.seq, alert.published_at) for alert in spool.pending(10)] == expected
    assert spool.append([make_draft("d")]) == [3]
    spool.stamp([1], "2026-01-01T00:00:01.000Z")
    spool.move_to(Position(1, "6-0"))
    spool.close()
    again = Spool(tmp_path / "state", 50_000_000, "station-1", ManualClock())
    assert (again.position, again.last_seq) == (Position(1, "6-0"), 3)
    assert [(alert.draft["alert_id"], alert.seq) for alert in again.pending(10)] == [("c", 2), ("d", 3)]
    again.close()


DAMAGE = {
    "position that is no number": "UPDATE meta SET value = 'x' WHERE key = 'delivered_seq'",
    "position far ahead": "UPDATE meta SET value = '999999' WHERE key = 'delivered_seq'",
    "position of a negative number": "UPDATE meta SET value = '-3' WHERE key = 'delivered_seq'",
    "position without its id in the stream": "UPDATE meta SET value = 'x' WHERE key = 'delivered_id'",
    "no last number": "DELETE FROM meta WHERE key = 'last_seq'",
    "last number of nothing": "UPDATE meta SET value = '' WHERE key = 'last_seq'",
    "no producer": "DELETE FROM meta WHERE key = 'producer_id'",
    "producer that is no name": "UPDATE meta SET value = 'a\tb' WHERE key = 'producer_id'",
    "beginning that is no number": "UPDATE meta SET value = 'x' WHERE key = 'producer_base'",
    "nothing at all": "DELETE FROM meta",
    "time that is no time": "UPDATE alerts SET stored_at = 'x'",
    "count that is no number": "INSERT OR REPLACE INTO meta VALUES ('dropped', 'x')",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_value_stops_nothing_and_loses_nothing(tmp_path: Path, damage: str) -> None:
    directory = tmp_path / "state"
    spool = Spool(directory, 50_000_000, "station-1", ManualClock())
    spool.append([make_draft("a"), make_draft("b"), make_draft("c")], {"bed-1": "s"})
    spool.move_to(Position(2, "5-0"))
    spool.close()
    with closing(sqlite3.connect(directory / "spool.sqlite")) as database, database:
        database.execute(DAMAGE[damage])
    spool = Spool(directory, 50_000_000, "station-1", ManualClock())
    spool.append([make_draft("d")])
    pending = spool.pending(10)
    assert [alert.draft["alert_id"] for alert in pending][-2:] == ["c", "d"]
    numbers = [alert.seq for alert in pending]
    assert numbers == list(range(spool.position.seq + 1, spool.last_seq + 1))
    assert spool.backlog().count == len(pending)
    assert spool.record().dropped == 0
    assert spool.load_snapshots() == {"bed-1": "s"}
    spool.close()


@pytest.mark.parametrize(
    "stored",
    ["{", "[]", '{"schema": "nicu-pain-monitor/alert/0", "alert_id": "old"}', "", "[" * 100_000, b"\xff"],
)
def test_a_draft_that_cannot_be_read_is_set_aside_and_counted(
    tmp_path: Path, spool: Spool, stored: str | bytes
) -> None:
    spool.append([make_draft("a"), make_draft("b"), make_draft("c")])
    with closing(sqlite3.connect(tmp_path / "state" / "spool.sqlite")) as database, database:
        database.execute("UPDATE alerts SET draft = ? WHERE alert_id = 'b'", (stored,))
    assert [(alert.draft["alert_id"], alert.seq) for alert in spool.pending(10)] == [("a", 1), ("c", 3)]
    assert spool.backlog().count == 2
    assert spool.record().dropped == 1
    with closing(sqlite3.connect(tmp_path / "state" / "spool.sqlite")) as database:
        assert database.execute("SELECT seq, draft FROM unreadable").fetchall() == [(2, stored)]


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        (b".*", b"\xff"),
        (b"bed-1-camera", b"bed-\xff"),
        (b'"bed":"bed-1"', rb'"bed":"\\ud800"'),
        (b'"code":"[a-z_]*"', rb'"code":"\\udcff"'),
    ],
    ids=["all", "one byte", "bed with a surrogate", "code with a surrogate"],
)
def test_a_draft_that_is_no_unicode_holds_up_no_other(tmp_path: Path, part: bytes, damage: bytes) -> None:
    spool = open_spool(tmp_path)
    drafts = [make_draft("a"), make_draft("b"), make_draft("c")]
    spool.append(drafts)
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database, database:
        (whole,) = database.execute("SELECT draft FROM alerts WHERE seq = 2").fetchone()
        stored = re.sub(part, damage, whole.encode(), count=1)
        assert stored != whole.encode()
        database.execute("UPDATE alerts SET draft = CAST(? AS TEXT) WHERE seq = 2", (stored,))
    assert spool.history(10) == spool.newest_drafts() == [drafts[0], drafts[2]]
    assert [(alert.draft["alert_id"], alert.seq) for alert in spool.pending(10)] == [("a", 1), ("c", 3)]
    spool.close()
    again = open_spool(tmp_path)
    assert [alert.seq for alert in again.pending(10)] == [1, 3]
    assert again.record().dropped == 1
    again.close()
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database:
        assert database.execute("SELECT seq, CAST(draft AS BLOB) FROM unreadable").fetchall() == [(2, stored)]


NO_UTF8 = {
    "state": "INSERT OR REPLACE INTO snapshots VALUES ('bed-2', CAST(x'7bff7d' AS TEXT))",
    "bed": "INSERT INTO snapshots VALUES (CAST(x'ff' AS TEXT), '{}')",
    "blob": "INSERT OR REPLACE INTO snapshots VALUES ('bed-2', x'ff')",
}


@pytest.mark.parametrize("damage", NO_UTF8)
def test_a_damaged_alarm_state_takes_no_other_beds_away(tmp_path: Path, spool: Spool, damage: str, caplog) -> None:
    spool.append([], {"bed-1": "state 1", "bed-3": "state 3"})
    path = tmp_path / "state" / DATABASE_NAME
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(NO_UTF8[damage])
    assert spool.load_snapshots() == {"bed-1": "state 1", "bed-3": "state 3"}
    assert "the stored alarm state of bed" in caplog.text
    spool.append([], salvage(path).snapshots)  # what is saved can be stored again


def test_a_draft_that_is_no_unicode_does_not_end_the_salvage(tmp_path: Path, spool: Spool) -> None:
    drafts = [make_draft("a"), make_draft("b"), make_draft("c")]
    spool.append(drafts, {"bed-1": "state 1"})
    path = tmp_path / "state" / DATABASE_NAME
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alerts SET draft = CAST(x'ff' AS TEXT) WHERE alert_id = 'a'")
    saved = salvage(path)
    assert (saved.drafts, saved.snapshots) == (drafts[1:], {"bed-1": "state 1"})


def test_a_later_versions_words_are_sent_as_they_are(tmp_path: Path, spool: Spool) -> None:
    spool.append([make_draft("a")])
    with closing(sqlite3.connect(tmp_path / "state" / "spool.sqlite")) as database, database:
        database.execute("UPDATE alerts SET draft = json_set(draft, '$.code', 'of_tomorrow', '$.new', 1)")
    (alert,) = spool.pending(10)
    assert (alert.draft["code"], alert.draft["new"]) == ("of_tomorrow", 1)


def test_no_memory_in_the_middle_of_a_write_is_an_error_of_one_sentence(spool: Spool, monkeypatch) -> None:
    spool.append([make_draft("a")])
    real = spool._remember
    monkeypatch.setattr(spool, "_remember", lambda *_: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(SpoolError, match="memory"):
        spool.append([make_draft("b")])
    monkeypatch.setattr(spool, "_remember", real)
    assert spool.append([make_draft("c")]) == [2]


@given(st.integers(0, 10**18 - 1))
def test_a_stored_count_is_read_back_and_a_damaged_one_is_none(count) -> None:
    assert read_count(str(count)) == count
    assert [read_count(text) for text in (None, "", f"{count}x", f"-{count}", f"{count}.0")] == [0] * 5
