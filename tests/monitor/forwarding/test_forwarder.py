"""At least once, in order, through everything that a destination does."""

import errno
import json
import pkgutil
import threading

import pytest
from receivers import drain
from redis_server import wait_until

from monitor.clock import ManualClock
from monitor.errors import PublishError


def test_every_alert_arrives_once_and_in_order(stream, forward, http_sink):
    published = [stream.publish().alert_id for _ in range(30)]
    drain(forward(type="webhook", url=http_sink.url))
    assert http_sink.alerts == published


def test_pages_of_repeats_are_read_without_a_pause(stream, forward, http_sink):
    first = stream.publish()
    for _ in range(500):
        stream.client.xadd("nicu:alerts", {"alert": first.model_dump_json()})
    forwarder = forward(type="webhook", url=http_sink.url)
    pages = 1
    while forwarder.forward_waiting():
        pages += 1
    assert pages == 4, "three pages, and one look that finds none"
    assert len(http_sink.alerts) == 1


def test_what_waits_while_redis_does_not_answer_is_not_known(stream, forward, http_sink):
    forwarder = forward(type="webhook", url=http_sink.url)
    assert (forwarder.is_redis_up, forwarder.waiting_seconds) == (False, None), "nothing was read yet"
    drain(forwarder)
    assert (forwarder.is_redis_up, forwarder.waiting_seconds) == (True, 0.0)
    stream.server.stop()
    drain(forwarder)
    assert (forwarder.is_redis_up, forwarder.waiting_seconds) == (False, None)
    stream.server.start()
    drain(forwarder)
    assert (forwarder.is_redis_up, forwarder.waiting_seconds) == (True, 0.0)


def test_a_server_that_fails_and_returns_gets_everything(stream, forward, http_sink):
    published = [stream.publish().alert_id for _ in range(3)]
    http_sink.answers = [503, 429, 200, 500, 200]
    drain(forward(type="webhook", url=http_sink.url))
    assert http_sink.alerts == published


def test_a_new_process_goes_on_where_the_last_one_stopped(stream, forward, http_sink):
    first = stream.publish().alert_id
    forwarder = forward(type="webhook", url=http_sink.url)
    drain(forwarder)
    forwarder.close()
    second = stream.publish().alert_id
    drain(forward(type="webhook", url=http_sink.url))
    assert http_sink.alerts == [first, second]


def test_a_process_that_is_stopped_while_the_server_is_away_loses_nothing(stream, forward, http_sink):
    published = [stream.publish().alert_id for _ in range(3)]
    http_sink.answers = [200] + [503] * 1000
    forwarder = forward(type="webhook", url=http_sink.url)
    forwarder.start()
    wait_until(lambda: forwarder.waiting_seconds and http_sink.alerts, 20, "the second alert waits")
    forwarder.stop()
    assert not forwarder.is_running
    http_sink.answers = []
    drain(forward(type="webhook", url=http_sink.url))
    assert http_sink.alerts == published


def test_what_is_refused_for_good_becomes_a_dead_letter_and_blocks_nothing(stream, forward, http_sink, tmp_path):
    bad, good = stream.publish().alert_id, stream.publish().alert_id
    http_sink.answers = [400, 422]
    forwarder = forward(type="webhook", url=http_sink.url, refusals=2)
    drain(forwarder)
    assert http_sink.alerts == [good]
    assert (forwarder.sent, forwarder.given_up, forwarder.dead_letters) == (1, 1, 1)
    (row,) = [json.loads(line) for line in (tmp_path / "out.dead.jsonl").read_text().splitlines()]
    assert row["alert"]["alert_id"] == bad
    assert "422" in row["reason"]
    assert (tmp_path / "out.dead.jsonl").stat().st_mode & 0o077 == 0


def test_a_destination_that_stays_away_is_given_up_after_its_time(stream, forward, http_sink):
    clock = ManualClock()
    stream.publish()
    forwarder = forward(clock, type="webhook", url=http_sink.url, give_up_seconds=60.0)
    http_sink.answers = [500] * 1000
    forwarding = threading.Thread(target=forwarder.forward_waiting)
    forwarding.start()
    wait_until(lambda: forwarder.given_up == 0 and len(http_sink.answers) < 1000, 20, "the first attempt")
    clock.advance(61.0)
    forwarding.join(20)
    assert (forwarder.sent, forwarder.given_up) == (0, 1)


def test_a_dead_letter_that_cannot_be_written_is_held_and_blocks_nothing(stream, forward, http_sink, tmp_path):
    bad, good = stream.publish().alert_id, stream.publish().alert_id
    http_sink.answers = [400]
    forwarder = forward(type="webhook", url=http_sink.url, refusals=1)
    (tmp_path / "out.dead.jsonl").mkdir()
    drain(forwarder)
    drain(forwarder)
    assert (http_sink.alerts, http_sink.answers) == ([good], []), "each was sent once"
    assert json.loads((tmp_path / "out.progress.json").read_text())["last_id"] == "0-0", "a restart reads it again"
    (tmp_path / "out.dead.jsonl").rmdir()
    drain(forwarder)
    (row,) = [json.loads(line) for line in (tmp_path / "out.dead.jsonl").read_text().splitlines()]
    assert row["alert"]["alert_id"] == bad
    forwarder.close()
    drain(forward(type="webhook", url=http_sink.url))
    assert http_sink.alerts == [good]


def test_a_process_that_ends_with_a_held_dead_letter_sends_that_alert_again(stream, forward, http_sink, tmp_path):
    published = [stream.publish().alert_id for _ in range(3)]
    http_sink.answers = [200, 400]
    (tmp_path / "out.dead.jsonl").mkdir()
    forwarder = forward(type="webhook", url=http_sink.url, refusals=1)
    drain(forwarder)
    forwarder.close()
    drain(forward(type="webhook", url=http_sink.url, refusals=1))
    assert http_sink.alerts == [published[0], published[2], *published[1:]]


@pytest.mark.parametrize("begins", [True, False])
def test_a_state_directory_that_takes_nothing_and_a_refused_alert_repeat_and_lose_nothing(
    stream, forward, http_sink, tmp_path, monkeypatch, caplog, begins
):
    forwarder = forward(type="webhook", url=http_sink.url, refusals=1)
    if begins:
        drain(forwarder)
    is_full = [True]
    for module in ("delivery.progress.replace_private_file", "forwarding.dead_letters.os.open"):
        _fill(monkeypatch, f"monitor.{module}", is_full)
    http_sink.answers = [200, 200, 400]
    published = [stream.publish().alert_id for _ in range(5)]
    for _ in range(10):
        drain(forwarder)
    assert http_sink.alerts == [*published[:2], *published[3:]]
    assert forwarder.dead_letters == 1
    assert caplog.text.count("a restart would send again") == 1
    assert caplog.text.count("held in memory") == 1
    is_full[0] = False
    drain(forwarder)
    assert len((tmp_path / "out.dead.jsonl").read_text().splitlines()) == 1
    forwarder.close()
    drain(forward(type="webhook", url=http_sink.url))
    assert len(http_sink.alerts) == 4


def _fill(monkeypatch, name, is_full):
    real = pkgutil.resolve_name(name)

    def write(path, *rest, **options):
        if is_full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *rest, **options)

    monkeypatch.setattr(name, write)


def test_more_dead_letters_than_memory_holds_wait_and_are_not_sent_again(
    stream, forward, http_sink, tmp_path, monkeypatch
):
    monkeypatch.setattr("monitor.forwarding.dead_letters._MOST_HELD", 1)
    forwarder = forward(type="webhook", url=http_sink.url, refusals=1)
    for _ in range(3):
        stream.publish()
    http_sink.answers = [400] * 5
    (tmp_path / "out.dead.jsonl").mkdir()
    for _ in range(2):
        with pytest.raises(PublishError, match="free some space"):
            drain(forwarder)
    assert len(http_sink.answers) == 3
    (tmp_path / "out.dead.jsonl").rmdir()
    drain(forwarder)
    assert (forwarder.dead_letters, len(http_sink.answers)) == (3, 2)


def test_progress_that_cannot_be_written_repeats_and_holds_up_nothing(stream, forward, http_sink, tmp_path):
    published = [stream.publish().alert_id for _ in range(3)]
    forwarder = forward(type="webhook", url=http_sink.url)
    (tmp_path / "out.progress.json").mkdir()
    drain(forwarder)
    drain(forwarder)
    assert http_sink.alerts == published
    (tmp_path / "out.progress.json").rmdir()
    drain(forwarder)
    forwarder.close()
    drain(forward(type="webhook", url=http_sink.url))
    assert http_sink.alerts == published, "it was stored once that was possible, without another alert"


@pytest.mark.parametrize(
    "changes", [{"bed": "bed\n1"}, {"bed": "\u00e9+#\0"}, {"alert_id": "a\n1"}, {"alert_id": "\u00e91"}]
)
def test_names_that_no_station_gives_hold_up_no_other_alert(
    stream, forward, http_sink, mail_sink, broker, changes
) -> None:
    mail = {"type": "email", "host": "127.0.0.1", "port": mail_sink.port, "security": "none"}
    for number, destination in enumerate(
        (
            {"type": "webhook", "url": http_sink.url},
            {"type": "mqtt", "host": "127.0.0.1", "port": broker.port},
            {**mail, "sender": "nicu@ward.example", "to": ["nurses@ward.example"]},
        )
    ):
        forwarder = forward(name=f"out-{number}", **destination, give_up_seconds=5.0)
        stream.publish(**changes)
        stream.publish()
        drain(forwarder)
        assert forwarder.sent + forwarder.given_up == 2 * (number + 1)
        assert forwarder.sent > number


def test_redis_that_loses_its_data_and_gets_it_back_gives_no_alert_twice(stream, forward, http_sink):
    published = [stream.publish() for _ in range(3)]
    forwarder = forward(type="webhook", url=http_sink.url)
    drain(forwarder)
    stream.client.flushall()
    for alert in published:
        stream.client.xadd("nicu:alerts", {"alert": alert.model_dump_json()})
    further = stream.publish().alert_id
    # What the subscriber does when the connection breaks, as it does when a server loses its data.
    forwarder.close()
    drain(forwarder)
    assert http_sink.alerts == [*(alert.alert_id for alert in published), further]


def test_only_what_was_asked_for_is_forwarded(stream, forward, http_sink):
    stream.publish(bed="bed-2")
    wanted = stream.publish(bed="bed-1").alert_id
    drain(forward(type="webhook", url=http_sink.url, beds=["bed-1"]))
    assert http_sink.alerts == [wanted]


def test_a_station_that_falls_silent_is_news_and_so_is_its_return(stream, forward, http_sink):
    clock = ManualClock()
    forwarder = forward(clock, type="webhook", url=http_sink.url)
    stream.client.set("nicu:heartbeat:station-1", "1")
    drain(forwarder)
    assert http_sink.requests == []
    stream.client.delete("nicu:heartbeat:station-1")
    clock.advance(30.0)
    drain(forwarder)
    stream.client.set("nicu:heartbeat:station-1", "1")
    drain(forwarder)
    bodies = [json.loads(body) for _, body in http_sink.requests]
    assert [(body["event"], body["station"], body["watching"]) for body in bodies] == [
        ("station", "station-1", False),
        ("station", "station-1", True),
    ]


def test_the_return_of_a_silent_station_is_news_after_a_restart_too(stream, forward, http_sink):
    clock = ManualClock()
    forwarder = forward(clock, type="webhook", url=http_sink.url)
    stream.client.set("nicu:heartbeat:station-1", "1")
    drain(forwarder)
    stream.client.delete("nicu:heartbeat:station-1")
    clock.advance(30.0)
    drain(forwarder)
    forwarder.close()
    stream.client.set("nicu:heartbeat:station-1", "1")
    again = forward(clock, type="webhook", url=http_sink.url)
    drain(again)
    again.close()
    drain(forward(clock, type="webhook", url=http_sink.url))
    assert [json.loads(body)["watching"] for _, body in http_sink.requests] == [False, True]


def test_a_station_that_dies_while_the_forwarder_is_restarted_is_news(stream, forward, http_sink):
    clock = ManualClock()
    forwarder = forward(clock, type="webhook", url=http_sink.url)
    stream.client.set("nicu:heartbeat:station-1", "1")
    drain(forwarder)
    forwarder.close()
    stream.client.delete("nicu:heartbeat:station-1")
    for _ in range(2):
        again = forward(clock, type="webhook", url=http_sink.url)
        drain(again)
        clock.advance(30.0)
        drain(again)
        again.close()
    assert [json.loads(body)["watching"] for _, body in http_sink.requests] == [False]


def test_redis_that_is_away_is_waited_for(stream, forward, http_sink, redis_server):
    forwarder = forward(type="webhook", url=http_sink.url)
    drain(forwarder)
    redis_server.stop()
    assert forwarder.forward_waiting() is False
    redis_server.start()
    alert = stream.publish().alert_id
    wait_until(lambda: forwarder.forward_waiting() or http_sink.alerts, 20, "the alert arrives")
    assert http_sink.alerts == [alert]
