"""What is sent from memory while the disk takes nothing: counted, and not lost where the program ends before that."""

import sqlite3
from contextlib import closing, contextmanager

import pytest
from alerts import make_draft
from redis_server import wait_until

from monitor.clock import ManualClock
from monitor.config import SpoolSettings
from monitor.delivery.outbox import Outbox
from monitor.delivery.spool import Position


@pytest.fixture
def open_outbox(tmp_path):
    """Open the outbox of one directory, time after time."""

    @contextmanager
    def opened(clock=None):
        outbox = Outbox(SpoolSettings(directory=tmp_path / "state"), "station-1", clock or ManualClock(1000.0))
        outbox.start()
        try:
            yield outbox
        finally:
            outbox.stop()

    return opened


@contextmanager
def locked_disk(directory):
    connection = sqlite3.connect(directory / "spool.sqlite", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


def claim_from_memory(outbox, directory, *alert_ids):
    """Let the disk fail, hand alerts in, and claim them."""
    with locked_disk(directory):
        outbox.submit([make_draft(alert_id) for alert_id in alert_ids])
        wait_until(lambda: outbox.fault is not None, 10)
        claims = []
        wait_until(lambda: claims.append(outbox.claim(100)) or claims[-1], 5)
    wait_until(lambda: outbox.fault is None, 10)
    return claims[-1]


def alert_ids(claim):
    return [alert.draft["alert_id"] for alert in claim.alerts]


def test_alerts_that_were_being_sent_from_memory_outlive_a_crash_under_their_numbers(open_outbox, tmp_path):
    """They were in memory only, also after the disk was back; Redis may have some of them, so their numbers stay."""
    with open_outbox() as outbox:
        claim = claim_from_memory(outbox, tmp_path / "state", "during-1", "during-2")
        claim = outbox.stamp(claim, "2026-01-31T12:00:00.000Z")
        outbox.delivered(claim, Position(1, "7-0"))
        outbox.submit([make_draft("after")])
        assert outbox.wait_until_stored(10)
    with open_outbox() as outbox:
        again = outbox.claim(100)
        assert alert_ids(again) == ["during-2"], "before what came later"
        assert (again.durable, again.position, again.last_seq) == (False, Position(1, "7-0"), 2)
        assert again.alerts[0].producer_id == claim.alerts[0].producer_id
        assert (again.alerts[0].seq, again.alerts[0].published_at) == (2, "2026-01-31T12:00:00.000Z")
        outbox.delivered(again, Position(2, "8-0"))
        assert alert_ids(outbox.claim(100)) == ["after"]
    with open_outbox() as outbox:
        assert alert_ids(outbox.claim(100)) == ["after"], "what Redis has is not sent once more"


def test_they_outlive_a_damaged_spool_as_well(open_outbox, tmp_path):
    with open_outbox() as outbox:
        claim = claim_from_memory(outbox, tmp_path / "state", "during-1", "during-2")
        outbox.delivered(claim, Position(1, "7-0"))
        outbox.submit([make_draft("after")])
        assert outbox.wait_until_stored(10)
    damage_index(tmp_path / "state" / "spool.sqlite")
    for _ in range(2):  # the new spool has the note, too
        with open_outbox() as outbox:
            assert outbox.wait_until_stored(10)
            again = outbox.claim(100)
            assert (alert_ids(again), again.position, again.last_seq) == (["during-2"], Position(1, "7-0"), 2)
            assert again.alerts[0].producer_id == claim.alerts[0].producer_id
            wait_until(lambda: not outbox._memory.is_changed, 10)
    assert (tmp_path / "state" / "spool.sqlite.damaged-1").exists()
    with open_outbox() as outbox:
        outbox.delivered(outbox.claim(100), Position(2, "8-0"))
        assert alert_ids(outbox.claim(100)) == ["after"]


def damage_index(path):
    """Let a bad sector hit a page that says nothing of its own."""
    with closing(sqlite3.connect(path)) as database:
        (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'alerts_by_id'").fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def test_the_age_of_what_waits_includes_what_is_being_sent_from_memory(open_outbox, tmp_path):
    clock = ManualClock(1000.0)
    with open_outbox(clock) as outbox:
        claim_from_memory(outbox, tmp_path / "state", "during")
        clock.advance(70.0)
        assert (outbox.backlog().count, outbox.backlog().oldest_age_seconds) == (1, 70.0)


@pytest.mark.parametrize("note", ["{", "[]", '{"producer_id": "x", "alerts": []}', "null"])
def test_a_damaged_note_stops_nothing(open_outbox, note):
    with open_outbox() as outbox:
        outbox.with_spool(lambda spool: spool.set_meta("claimed", note))
    with open_outbox() as outbox:
        assert outbox.claim(100) is None
        outbox.submit([make_draft("next")])
        assert outbox.wait_until_stored(10)
        assert alert_ids(outbox.claim(100)) == ["next"]


def test_what_an_earlier_run_was_sending_comes_before_what_this_one_does(open_outbox, tmp_path):
    with earlier_comes_back(open_outbox, tmp_path) as (outbox, _):
        both = outbox.claim(100)
        assert alert_ids(both) == ["earlier", "now"]
        assert ([alert.seq for alert in both.alerts], both.position) == ([1, 2], Position(0, ""))
        assert len({alert.producer_id for alert in both.alerts}) == 1


def test_a_claim_that_is_being_sent_while_an_earlier_runs_alerts_come_back_takes_none_of_them_away(
    open_outbox, tmp_path
):
    """Its numbers are those of before: number 1, which Redis has of it, is another alert's now."""
    with earlier_comes_back(open_outbox, tmp_path) as (outbox, in_flight):
        stamped = outbox.stamp(in_flight, "2026-01-31T12:00:00.000Z")
        assert alert_ids(stamped) == ["now"], "it is sent under its numbers"
        outbox.delivered(stamped, Position(1, "7-0"))
        both = outbox.claim(100)
        assert alert_ids(both) == ["earlier", "now"]
        assert ([alert.seq for alert in both.alerts], both.position) == ([1, 2], Position(0, ""))
        assert {alert.producer_id for alert in both.alerts}.isdisjoint({in_flight.alerts[0].producer_id})
        outbox.delivered(both, Position(2, "8-0"))
        assert outbox.claim(100) is None


@contextmanager
def earlier_comes_back(open_outbox, tmp_path):
    """Give an outbox that adopted what an earlier run was sending, and what it had claimed itself before that."""
    with open_outbox() as outbox:
        claim_from_memory(outbox, tmp_path / "state", "earlier")
    (tmp_path / "state").rename(tmp_path / "away")
    (tmp_path / "state").write_text("no directory: the disk is not there yet")
    with open_outbox() as outbox:
        outbox.submit([make_draft("now")])
        claim = outbox.claim(100)
        assert alert_ids(claim) == ["now"]
        # At one stroke: between two, the outbox would make a directory of its own.
        (tmp_path / "back").symlink_to(tmp_path / "away")
        (tmp_path / "back").replace(tmp_path / "state")
        wait_until(lambda: len(outbox.claim(100).alerts) == 2, 10)
        yield outbox, claim
