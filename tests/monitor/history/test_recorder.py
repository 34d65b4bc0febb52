"""What the board shows is on the disk: after a restart, a damaged file, a full disk, a clock that was set."""

import itertools
import sqlite3
import stat
import time
from contextlib import closing
from datetime import timedelta

import numpy as np
import pytest
from recorded_board import EPOCH

from monitor.board import BedInfo, BedState, Board
from monitor.clock import SystemClock
from monitor.config import HistorySettings
from monitor.errors import HistoryError
from monitor.history.database import HistoryFile, HistoryView
from monitor.history.handover import bed_handover
from monitor.history.recorder import HistoryRecorder
from monitor.history.samples import WITH_SIGNS, empty_minute, set_sample
from monitor.pain.procedure import ProcedureKind
from monitor.pain.vocabulary import Code


def all_samples(recorded, recorder=None, bed="bed-1"):
    until = recorded.now() + timedelta(days=1)
    recorded.clock.advance(10)  # what is newer than some seconds may still change, and is left out
    return (recorder or recorded.recorder).samples(bed, EPOCH, until)


def test_levels_and_states_are_read_back_every_two_seconds(recorded):
    recorded.show(60, 0.1)
    recorded.show(60, 0.95)
    recorded.recorder.write()
    found = all_samples(recorded)
    assert 56 <= len(found) <= 61
    assert set(np.diff(found.seconds)) == {2.0}
    assert np.nanmin(found.level) < 0.2
    assert np.nanmax(found.level) > 0.9
    assert found.state_at(10) is BedState.NO_SIGN
    assert found.state_at(len(found) - 1) is BedState.PAIN_SUSTAINED
    assert found.coverage[-1] > 0.9
    beside = recorded.recorder.samples("bed-2", EPOCH, recorded.now())
    assert {beside.state_at(n) for n in range(len(beside))} == {BedState.STARTING, BedState.CANNOT_SEE}
    assert np.isnan(beside.level).all()


def test_what_was_not_written_yet_is_read_as_well(recorded):
    recorded.show(30, 0.1)
    assert len(all_samples(recorded)) >= 14


@pytest.mark.parametrize("writes_first", [False, True])
def test_an_answer_misses_nothing_and_has_nothing_twice_that_is_written_meanwhile(recorded, monkeypatch, writes_first):
    recorder, view = recorded.recorder, recorded.recorder._view
    recorded.show(60, 0.1)
    recorder.write()
    recorded.show(200, 0.95)
    since, until = EPOCH, recorded.now() + timedelta(seconds=1)
    minutes = range(int(EPOCH.timestamp() // 60), int(until.timestamp() // 60) + 1)
    expected = recorder.alerts("bed-1", since, until)
    samples = recorder.samples("bed-1", since, until)
    assert expected
    assert len(view.minutes("bed-1", minutes[0], minutes[-1])) < len(recorder._minutes) // 2

    def answers_around_a_write(name):
        read = getattr(view, name)

        def read_around_a_write(*question):
            if writes_first:
                recorder.write()
            answer = read(*question)
            recorder.write()
            return answer

        return read_around_a_write

    with monkeypatch.context() as patch:
        patch.setattr(view, "minutes", answers_around_a_write("minutes"))
        found = recorder.samples("bed-1", since, until)
    np.testing.assert_array_equal(found.seconds, samples.seconds)
    np.testing.assert_array_equal(found.level, samples.level)
    recorded.show(60, 0.05)
    recorder.take(recorded.board.snapshot())
    until = recorded.now() + timedelta(seconds=1)
    expected = recorder.alerts("bed-1", since, until)
    assert recorder._alerts
    with monkeypatch.context() as patch:
        patch.setattr(view, "alerts", answers_around_a_write("alerts"))
        assert recorder.alerts("bed-1", since, until) == expected


def test_another_process_goes_on_where_one_was_killed(recorded):
    recorded.show(45, 0.1)
    recorded.recorder.write()
    again = recorded.recorder = recorded.new_recorder()  # the one before was not stopped, and wrote no more
    recorded.show(2, 0.1)
    before = len(again.samples("bed-1", EPOCH, recorded.now()))
    again.write()
    assert before == len(again.samples("bed-1", EPOCH, recorded.now())) >= 20
    recorded.show(43, 0.1)
    again.write()
    found = all_samples(recorded)
    assert len(found) >= 43
    assert set(np.diff(found.seconds)) <= {2.0, 4.0}


def test_a_minute_that_was_begun_is_kept_also_where_the_disk_comes_later_than_the_station(recorded):
    recorded.show(40, 0.95)
    recorded.recorder.write()
    before = len(all_samples(recorded))
    away = recorded.directory.rename(recorded.directory.with_name("away"))
    recorded.directory.write_text("a file stands where the folder belongs")
    recorded.recorder = recorded.new_recorder()
    recorded.show(4, 0.1)
    recorded.recorder.write()
    assert recorded.recorder.status.fault is not None
    recorded.directory.unlink()
    away.rename(recorded.directory)
    recorded.show(4, 0.1)
    recorded.recorder.write()
    assert recorded.recorder.status.fault is None
    assert len(all_samples(recorded)) >= before + 3


def test_alerts_and_acknowledgements_are_kept(recorded):
    recorded.show(20, 0.95)
    recorded.record(recorded.alarms.acknowledge(None, "nurse 7", recorded.clock.monotonic()))
    recorded.show(40, 0.05)
    recorded.recorder.write()
    entries = recorded.new_recorder().alerts("bed-1", EPOCH, recorded.now())
    codes = {entry.code for entry in entries}
    assert {Code.PAIN_SIGN, Code.PAIN_SUSTAINED} <= codes
    assert {entry.by for entry in entries if entry.by} == {"nurse 7"}
    assert not [entry for entry in entries if entry.code is Code.PAIN_SIGN][-1].is_present
    # Nothing is read twice, also where memory and disk have it.
    assert recorded.recorder.alerts("bed-1", EPOCH, recorded.now()) == entries
    assert recorded.recorder.alerts("bed-2", EPOCH, recorded.now()) == []


@pytest.mark.parametrize(
    "damage",
    [
        "code = 'from_the_future'",
        "kind = 'from_the_future'",
        "phase = 'from_the_future'",
        "priority = 'from_the_future'",
        "signal = 'from_the_future'",
        "code = CAST(x'ff' AS TEXT)",
    ],
)
def test_one_record_that_this_version_cannot_read_takes_no_others_away(recorded, caplog, damage):
    """A newer version wrote it, and the station went back to this one."""
    recorded.show(20, 0.95)
    recorded.show(40, 0.05)
    recorded.recorder.write()
    before = recorded.recorder.alerts("bed-1", EPOCH, recorded.now())
    with closing(sqlite3.connect(recorded.directory / "history.sqlite")) as database, database:
        database.execute(f"UPDATE alerts SET {damage} WHERE id = 1")  # noqa: S608 - of this test
    again = recorded.new_recorder()
    for _ in range(2):
        assert again.alerts("bed-1", EPOCH, recorded.now()) == before[1:]
    assert caplog.text.count("1 records of alerts in") == 1
    assert bed_handover(again, "bed-1", EPOCH, recorded.now()).pain


def test_a_name_or_note_that_is_no_utf8_takes_no_others_away(recorded):
    for who in ("anna", "ben"):
        recorded.recorder.note("admit", {"bed": "bed-1", "by": who, "changed": True})
    recorded.recorder.write()
    with closing(sqlite3.connect(recorded.directory / "history.sqlite")) as database, database:
        database.execute("UPDATE actions SET by = CAST(x'62ff' AS TEXT) WHERE by = 'ben'")
    recorded.clock.advance(1)
    found = recorded.new_recorder().actions("bed-1", EPOCH, recorded.now())
    assert [one.by for one in found] == ["anna", "b\ufffd"]


def test_an_alert_that_was_on_before_the_stretch_is_in_it(recorded):
    recorded.show(20, 0.95)
    since = recorded.now() + timedelta(minutes=5)
    recorded.recorder.write()
    found = recorded.recorder.alerts("bed-1", since, since + timedelta(minutes=5))
    assert {entry.code for entry in found} >= {Code.PAIN_SIGN}
    assert recorded.recorder.alerts("bed-1", since + timedelta(days=8), since + timedelta(days=9)) == []


def test_what_people_asked_is_kept_where_it_changed_something(recorded):
    recorded.recorder.note("admit", {"bed": "bed-1", "by": "anna", "infant": "i-7", "changed": True})
    recorded.recorder.note("discharge", {"bed": "bed-1", "by": "anna", "changed": False})
    recorded.recorder.note("standby", {"bed": "bed-1", "by": "anna", "refused": "too long"})
    recorded.recorder.note(
        "procedure", {"bed": "bed-2", "by": "anna", "kind": ProcedureKind.INJECTION, "changed": True}
    )
    recorded.clock.advance(1)
    before = recorded.recorder.actions("bed-1", EPOCH, recorded.now())
    recorded.recorder.write()
    recorded.recorder.write()
    found = recorded.recorder.actions("bed-1", EPOCH, recorded.now())
    assert found == before
    assert [(one.action, one.by, one.details) for one in found] == [("admit", "anna", '{"infant": "i-7"}')]
    (other,) = recorded.new_recorder().actions("bed-2", EPOCH, recorded.now())
    assert other.details == '{"kind": "injection"}'


@pytest.mark.parametrize("damage", [b"this is no database", b""], ids=["text", "zeros"])
def test_a_damaged_file_is_set_aside_and_said(recorded, caplog, damage):
    recorded.show(60, 0.1)
    recorded.recorder.write()
    recorded.recorder._file.close()  # or SQLite writes its log, and the header with it, once that is collected
    path = recorded.directory / "history.sqlite"
    whole = path.read_bytes()
    path.write_bytes(damage + b"\x01" * (len(whole) + 8192))
    recorded.recorder = recorded.new_recorder()
    recorded.show(30, 0.1)
    recorded.recorder.write()
    assert path.with_name("history.sqlite.damaged-1").exists()
    assert "history.sqlite.damaged-1" in caplog.text
    assert recorded.recorder.status.fault is None
    assert recorded.recorder.status.set_aside.startswith("history.sqlite.damaged-1, 2026-01-31T06:")
    assert len(all_samples(recorded)) >= 14
    # It is said after the next start, too.
    later = recorded.new_recorder()
    later.write()
    assert later.status.set_aside == recorded.recorder.status.set_aside


def test_what_a_file_of_another_version_holds_is_not_lost(recorded):
    recorded.recorder.write()
    with sqlite3.connect(recorded.directory / "history.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    again = recorded.new_recorder()
    again.write()
    assert again.status.fault is None
    with sqlite3.connect(recorded.directory / "history.sqlite.damaged-1") as database:
        assert database.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_disk_that_takes_nothing_loses_nothing_within_an_hour(recorded, caplog):
    recorded.directory.write_text("a file stands where the folder belongs")
    recorded.show(60, 0.1)
    recorded.recorder.write()
    assert "history" in recorded.recorder.status.fault
    recorded.recorder.write()
    assert caplog.text.count("waits in memory") == 1
    recorded.directory.unlink()
    recorded.show(60, 0.1)
    recorded.recorder.write()
    assert recorded.recorder.status.fault is None
    assert len(all_samples(recorded, recorded.new_recorder())) >= 57


def test_memory_is_bounded_while_the_disk_takes_nothing(recorded):
    recorded.directory.write_text("a file stands where the folder belongs")
    for _ in range(80):
        recorded.clock.advance(60)
        recorded.recorder.take(recorded.board.snapshot())
        recorded.recorder.write()
    assert len(recorded.recorder._minutes) <= 2 * 62


def test_a_file_that_somebody_deletes_is_begun_anew(recorded):
    recorded.show(30, 0.1)
    recorded.recorder.write()
    for path in recorded.directory.iterdir():
        path.unlink()
    recorded.show(30, 0.1)
    recorded.recorder.write()
    recorded.recorder.write()
    assert recorded.recorder.status.fault is None
    assert len(all_samples(recorded, recorded.new_recorder())) >= 14


def test_a_clock_that_is_set_back_overwrites_and_hides_nothing(recorded):
    recorded.show(60, 0.1)
    recorded.clock._epoch -= timedelta(seconds=30)
    recorded.show(60, 0.95)
    recorded.recorder.write()
    found = all_samples(recorded)
    assert 43 <= len(found) <= 47
    assert found.state_at(5) is BedState.NO_SIGN
    assert found.is_any(WITH_SIGNS).sum() >= 20


def filled(directory, days, maximum_bytes=64_000_000):
    file = HistoryFile(directory, maximum_bytes)
    minute = empty_minute()
    for slot in range(30):
        set_sample(minute, slot, BedState.NO_SIGN, 0.3, 0.9)
    last = int(EPOCH.timestamp() // 60)
    for bed in ("bed-1", "bed-2"):
        file.write([(bed, last - n, minute) for n in range(days * 1_440)], [], [])
    return file


def test_what_is_older_than_the_limit_goes_a_day_at_a_time(tmp_path):
    file = filled(tmp_path, 4)
    now = EPOCH.timestamp()
    assert HistoryView(tmp_path).begins_seconds() <= now - 3.9 * 86_400
    file.prune(now - 2 * 86_400)
    assert now - 3.1 * 86_400 < HistoryView(tmp_path).begins_seconds() < now - 2.9 * 86_400
    file.prune(now - 2 * 86_400)
    assert now - 2 * 86_400 - 60 <= HistoryView(tmp_path).begins_seconds() <= now - 2 * 86_400 + 60
    file.prune(now - 2 * 86_400)
    assert HistoryView(tmp_path).begins_seconds() <= now - 2 * 86_400 + 60
    # A clock that runs a century ahead for an hour takes one day with it, not all.
    file.prune(now + 100 * 365 * 86_400)
    assert HistoryView(tmp_path).begins_seconds() < now - 0.9 * 86_400


def test_a_file_that_is_full_says_what_to_do_and_has_room_once_the_oldest_is_gone(tmp_path):
    file = filled(tmp_path, 1, maximum_bytes=1_050_000)
    minute = file.stored_minute("bed-1", int(EPOCH.timestamp() // 60))
    newest = begin = int(EPOCH.timestamp() // 60)

    def fill(times=1):
        for _ in range(times):
            fill_half_a_day()

    def fill_half_a_day():
        nonlocal newest
        rows = [(bed, newest + n, minute) for bed in ("bed-1", "bed-2") for n in range(720)]
        file.write(rows, [], [])
        newest += 720

    with pytest.raises(HistoryError, match=r"raise history\.maximum_megabytes"):
        fill(100)
    assert newest > begin + 3 * 1_440
    while file.prune(0.0):
        pass
    file.prune(0.0)
    fill()
    view = HistoryView(tmp_path)
    assert view.begins_seconds() > (begin - 1_440) * 60
    assert view.minutes("bed-1", 0, 10**9)[-1][0] == newest - 1


def test_a_station_whose_record_is_full_writes_again_by_itself(recorded):
    file = filled(recorded.directory, 1, maximum_bytes=1_050_000)
    minute, day = file.stored_minute("bed-1", int(EPOCH.timestamp() // 60)), int(EPOCH.timestamp() // 60)

    def write_until_it_is_full():
        for number in itertools.count(day - 1_440, -1):
            file.write([("bed-1", number, minute)], [], [])

    with pytest.raises(HistoryError, match=r"raise history\.maximum_megabytes"):
        write_until_it_is_full()
    file.close()
    settings = HistorySettings(days=3_650).model_copy(update={"maximum_megabytes": 1})
    recorded.recorder = HistoryRecorder(settings, recorded.directory, recorded.board, recorded.clock)
    faults = []
    for _ in range(20):
        recorded.show(300, 0.1)
        recorded.recorder.write()
        faults.append(recorded.recorder.status.fault)
        if faults[-2:-1] not in ([], [None]):
            break
    assert "raise history.maximum_megabytes" in faults[-2]
    assert faults[-1] is None
    assert len(all_samples(recorded)) >= 145 * len(faults), "nothing that was shown meanwhile is missing"


def test_only_the_owner_reads_it(recorded):
    recorded.show(4, 0.1)
    recorded.recorder.write()
    for path in recorded.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_bed_costs_about_ten_megabytes_in_thirty_days(recorded):
    random = np.random.default_rng(3)
    for _ in range(60):
        recorded.show(30, float(random.uniform(0, 0.5)))
    recorded.recorder.write()
    with sqlite3.connect(recorded.directory / "history.sqlite") as database:
        count, size = database.execute("SELECT count(*), sum(length(samples) + 30) FROM minutes").fetchone()
    assert size / count * 1_440 * 30 < 10e6


def test_the_thread_writes_beats_and_ends(tmp_path):
    board = Board([BedInfo("bed-1", "cam-1")], SystemClock(), on_level=0.6)
    turns = []
    recorder = HistoryRecorder(HistorySettings(), tmp_path, board, SystemClock(), ticked=lambda: turns.append(1))
    recorder.start()
    recorder.note("admit", {"bed": "bed-1", "by": "anna", "changed": True})
    give_up = time.monotonic() + 20
    while not HistoryView(tmp_path).actions("bed-1", 0.0, 1e12):
        assert time.monotonic() < give_up
        time.sleep(0.1)
    recorder.stop()
    recorder.stop()
    assert turns
    assert len(HistoryView(tmp_path).minutes("bed-1", 0, 10**9)) >= 1
