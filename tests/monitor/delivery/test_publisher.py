"""The publisher against a real server: what a subscriber sees."""

import json
import re
import time

import pytest
from alerts import make_draft
from redis_server import RedisServer, wait_until

from monitor.alerts.record import Alert
from monitor.control.access import AccessList, Person, Role, hash_token
from monitor.control.requests import Acknowledge, Pause, Resume
from monitor.delivery.redis_session import SessionEvents
from monitor.delivery.request_reader import CommandOutcome
from monitor.pain.vocabulary import Phase


def read_stream(server: RedisServer) -> list[Alert]:
    return [Alert.model_validate_json(fields["alert"]) for _, fields in server.client().xrange("nicu:alerts")]


def test_alerts_reach_the_stream_in_order_with_their_state(redis_server, make_publisher) -> None:
    ages: list[float | None] = []
    publisher = make_publisher(events=SessionEvents(published=ages.append))
    for i in range(250):
        publisher.submit([make_draft(f"alert-{i}")], {"bed-1": f"state {i}"})
    wait_until(lambda: publisher.stats().published == 250, 10)
    alerts = read_stream(redis_server)
    assert [alert.alert_id for alert in alerts] == [f"alert-{i}" for i in range(250)]
    assert [alert.seq for alert in alerts] == list(range(1, 251))
    assert {alert.producer_id for alert in alerts} == {publisher.producer_id}
    assert all(alert.determined_at <= alert.published_at for alert in alerts)
    assert publisher.load_snapshots() == {"bed-1": "state 249"}
    assert len(ages) == 250
    assert all(age is not None and age >= 0 for age in ages)


def test_an_entry_can_be_filtered_without_parsing_it(redis_server, make_publisher) -> None:
    make_publisher().submit([make_draft("alert-1")])
    client = redis_server.client()
    wait_until(lambda: client.xlen("nicu:alerts"), 5)
    ((_, fields),) = client.xrange("nicu:alerts")
    alert = json.loads(fields.pop("alert"))
    assert fields == {name: str(alert[name]) for name in fields}
    assert set(fields) == {"producer_id", "seq", "alert_id", "phase", "kind", "code", "priority", "bed"}


def test_the_doorbell_of_the_bed_rings(redis_server, make_publisher) -> None:
    client = redis_server.client()
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.psubscribe("nicu:alerts:*")
    listener.get_message(timeout=1)
    publisher = make_publisher()
    publisher.submit([make_draft("of a bed", bed="bed-7")])
    rung: list[dict[str, str]] = []
    wait_until(lambda: rung.append(listener.get_message(timeout=0.1)) or any(rung), 5)
    listener.close()
    (message,) = [item for item in rung if item]
    assert message["channel"] == "nicu:alerts:bed-7"
    assert json.loads(message["data"])["alert_id"] == "of a bed"


def test_a_bed_shows_its_newest_state_and_unknown_values_vanish(redis_server, make_publisher) -> None:
    publisher = make_publisher(redis_server.settings(state_ttl_seconds=1.0))
    client = redis_server.client()
    publisher.update_state("bed-1", {"level": 0.5, "score": 0.6, "face_visible": True})
    wait_until(lambda: client.hget("nicu:state:bed-1", "level"), 5)
    state = client.hgetall("nicu:state:bed-1")
    assert {"level": "0.5", "score": "0.6", "face_visible": "true", "station": "station-1"}.items() <= state.items()
    publisher.update_state("bed-1", {"level": None, "face_visible": False})
    wait_until(lambda: client.hget("nicu:state:bed-1", "face_visible") == "false", 5)
    assert "level" not in client.hgetall("nicu:state:bed-1")
    # Nobody renews it: it goes away instead of growing stale.
    wait_until(lambda: not client.exists("nicu:state:bed-1"), 3, "the end of the state's life")


def test_the_heartbeat_lives_while_the_station_watches(redis_server, make_publisher) -> None:
    watching = [True]
    publisher = make_publisher(redis_server.settings(state_ttl_seconds=2.0), watching=lambda: watching[0])
    client = redis_server.client()
    wait_until(lambda: client.exists("nicu:heartbeat:station-1"), 5)
    time.sleep(2.5)
    assert client.exists("nicu:heartbeat:station-1")
    assert publisher.stats().heartbeat_age_seconds < 2.0
    watching[0] = False
    wait_until(lambda: not client.exists("nicu:heartbeat:station-1"), 6)


def test_a_server_that_is_away_is_said_together_with_what_waits(redis_server, make_publisher) -> None:
    redis_server.stop()
    publisher = make_publisher(start=False)
    publisher.submit([make_draft("waits")])
    publisher.start(lambda _: None)
    seen = []
    wait_until(lambda: seen.append(publisher.stats()) or seen[-1].redis_up is False, 10, "the failure")
    assert seen[-1].backlog_count == 1


def test_the_heartbeat_names_the_beds_as_soon_as_they_change(redis_server, make_publisher) -> None:
    # The next heartbeat would be due after more than four hours.
    publisher = make_publisher(redis_server.settings(state_ttl_seconds=80_000.0))

    def named() -> list[str]:
        return json.loads(redis_server.client().get("nicu:heartbeat:station-1") or "{}").get("beds")

    for bed in ("bed-2", "bed-1"):
        publisher.update_state(bed, {"level": 0.1})
    wait_until(lambda: named() == ["bed-1", "bed-2"], 10)
    publisher.remove_bed("bed-1")
    wait_until(lambda: named() == ["bed-2"], 10)
    wait_until(lambda: not redis_server.client().exists("nicu:state:bed-1"), 10)
    publisher.hand_over("bed-2")
    wait_until(lambda: named() == [], 10)
    assert redis_server.client().exists("nicu:state:bed-2"), "the next station's"


def test_a_clean_end_sends_what_waits_and_takes_the_heartbeat_away(redis_server, make_publisher) -> None:
    publisher = make_publisher()
    client = redis_server.client()
    wait_until(lambda: client.exists("nicu:heartbeat:station-1"), 5)
    publisher.submit([make_draft("last words", Phase.END)])
    publisher.stop()
    assert [alert.alert_id for alert in read_stream(redis_server)] == ["last words"]
    assert not client.exists("nicu:heartbeat:station-1")


def test_the_stream_is_bounded(redis_server, make_publisher) -> None:
    publisher = make_publisher(redis_server.settings(stream_max_length=1000))
    for _ in range(20):
        publisher.submit([make_draft(str(i)) for i in range(100)])
    wait_until(lambda: publisher.stats().published == 2000, 15)
    assert 1000 <= redis_server.client().xlen("nicu:alerts") < 1300
    # Being trimmed is not being lost: nothing is sent again.
    time.sleep(0.5)
    assert publisher.stats().published == 2000


COMMAND = {"action": "acknowledge", "alert_id": "alert-1", "by": "nurse-7"}
ACCESS = AccessList([Person("nurse-7", Role.NURSE, hash_token("n")), Person("guest", Role.VIEWER, hash_token("g"))])


@pytest.mark.parametrize(
    ("fields", "access", "outcome"),
    [
        (COMMAND, None, CommandOutcome.ACCEPTED),
        ({**COMMAND, "token": "n"}, ACCESS, CommandOutcome.ACCEPTED),
        (COMMAND, ACCESS, CommandOutcome.REFUSED),
        ({**COMMAND, "token": "wrong"}, ACCESS, CommandOutcome.REFUSED),
        ({**COMMAND, "by": "somebody-else", "token": "n"}, ACCESS, CommandOutcome.REFUSED),
        ({**COMMAND, "by": "guest", "token": "g"}, ACCESS, CommandOutcome.REFUSED),
        ({**COMMAND, "by": ""}, None, CommandOutcome.MALFORMED),
        ({**COMMAND, "action": "silence_everything"}, None, CommandOutcome.MALFORMED),
        ({**COMMAND, "alert_id": "two\nlines"}, None, CommandOutcome.MALFORMED),
        ({**COMMAND, "extra": "1"}, None, CommandOutcome.MALFORMED),
        ({**COMMAND, "bed": "bed-1"}, None, CommandOutcome.MALFORMED),
        ({"action": b"\xff\xfe", b"\x80": b"\xf0"}, None, CommandOutcome.MALFORMED),
    ],
)
def test_commands_are_checked_and_authorised(redis_server, make_publisher, caplog, fields, access, outcome) -> None:
    client = redis_server.client()
    client.xadd("nicu:commands:station-1", fields)
    accepted: list[Acknowledge] = []
    outcomes: list[CommandOutcome] = []
    make_publisher(access=access, events=SessionEvents(command=outcomes.append), handle=accepted.append)
    wait_until(lambda: outcomes, 5)
    assert outcomes == [outcome]
    assert accepted == ([Acknowledge("alert-1", "nurse-7")] if outcome is CommandOutcome.ACCEPTED else [])
    # No token stays behind, neither in the stream nor in the log.
    assert client.xlen("nicu:commands:station-1") == 0
    assert "wrong" not in caplog.text.replace("wrong fields", "")


@pytest.mark.parametrize(
    ("fields", "named"), [({**COMMAND, "by": ""}, "by"), ({**COMMAND, "of nobody's": "1"}, "unknown fields")]
)
def test_what_is_wrong_with_a_command_is_named_in_this_program_s_own_words(
    redis_server, make_publisher, caplog, fields, named
) -> None:
    redis_server.client().xadd("nicu:commands:station-1", fields)
    outcomes: list[CommandOutcome] = []
    make_publisher(events=SessionEvents(command=outcomes.append))
    wait_until(lambda: outcomes, 5)
    assert f"was dropped: look at {named}\n" in caplog.text


PAUSE = {"action": "pause", "bed": "bed-1", "by": "nurse-7"}


@pytest.mark.parametrize(
    ("fields", "access", "order"),
    [
        (PAUSE, None, Pause("bed-1", "nurse-7")),
        ({**PAUSE, "seconds": "90", "token": "n"}, ACCESS, Pause("bed-1", "nurse-7", 90.0)),
        ({**PAUSE, "bed": "_station"}, None, Pause(None, "nurse-7")),
        ({**PAUSE, "action": "resume"}, None, Resume("bed-1", "nurse-7")),
        (PAUSE, ACCESS, None),
        ({**PAUSE, "token": "g", "by": "guest"}, ACCESS, None),
        ({**PAUSE, "seconds": "0"}, None, None),
        ({**PAUSE, "seconds": "nan"}, None, None),
        ({**PAUSE, "seconds": "-5"}, None, None),
        ({**PAUSE, "bed": "_other"}, None, None),
        ({**PAUSE, "action": "resume", "seconds": "5"}, None, None),
        ({"action": "pause", "by": "nurse-7"}, None, None),
    ],
)
def test_pauses_are_checked_and_authorised_as_acknowledgements_are(
    redis_server, make_publisher, fields, access, order
) -> None:
    redis_server.client().xadd("nicu:commands:station-1", fields)
    accepted: list[object] = []
    outcomes: list[CommandOutcome] = []
    make_publisher(access=access, events=SessionEvents(command=outcomes.append), handle=accepted.append)
    wait_until(lambda: outcomes, 5)
    assert accepted == ([] if order is None else [order])


def test_a_flood_of_commands_is_thrown_away_unread(redis_server, make_publisher, caplog) -> None:
    client = redis_server.client()
    for _ in range(12):
        client.xadd("nicu:commands:station-1", {**COMMAND, "alert_id": "x" * 1_000_000})
    accepted: list[object] = []
    outcomes: list[CommandOutcome] = []
    make_publisher(events=SessionEvents(command=outcomes.append), handle=accepted.append)
    wait_until(lambda: outcomes, 5)
    assert outcomes == [CommandOutcome.MALFORMED]
    assert re.search(r"1\d MB of commands; they were thrown away unread", caplog.text)
    client.xadd("nicu:commands:station-1", COMMAND)
    wait_until(lambda: accepted, 5)


def test_thousands_of_commands_are_dealt_with_in_seconds_and_delay_no_alert(redis_server, make_publisher) -> None:
    client = redis_server.client()
    with client.pipeline(transaction=False) as pipe:
        for _ in range(5000):
            pipe.xadd("nicu:commands:station-1", {"action": "nothing"})
        pipe.execute()
    publisher = make_publisher()
    publisher.submit([make_draft("meanwhile")])
    wait_until(lambda: read_stream(redis_server), 2)
    wait_until(lambda: client.xlen("nicu:commands:station-1") == 0, 20)


def test_a_command_is_carried_out_once_even_over_a_restart(redis_server, make_publisher) -> None:
    client = redis_server.client()
    accepted: list[Acknowledge] = []
    first = make_publisher(events=SessionEvents(), handle=accepted.append)
    client.xadd("nicu:commands:station-1", COMMAND)
    wait_until(lambda: accepted, 5)
    first.stop()
    client.xadd("nicu:commands:station-1", {**COMMAND, "alert_id": "alert-2"})
    make_publisher(events=SessionEvents(), handle=accepted.append)
    wait_until(lambda: len(accepted) == 2, 5)
    assert [item.alert_id for item in accepted] == ["alert-1", "alert-2"]


def test_a_command_is_carried_out_once_where_the_connection_breaks_before_it_is_deleted(
    redis_server, make_publisher
) -> None:
    client = redis_server.client()
    accepted: list[Acknowledge] = []

    def handle(request: Acknowledge) -> None:
        accepted.append(request)
        if len(accepted) == 1:
            client.execute_command("CLIENT", "PAUSE", "1500", "WRITE")

    client.xadd("nicu:commands:station-1", COMMAND)
    publisher = make_publisher(redis_server.settings(timeout_seconds=0.3), handle=handle)
    wait_until(lambda: publisher.stats().redis_up is False, 5)
    client.xadd("nicu:commands:station-1", {**COMMAND, "alert_id": "alert-2"})
    wait_until(lambda: client.xlen("nicu:commands:station-1") == 0, 10, "no token stays behind")
    assert [item.alert_id for item in accepted] == ["alert-1", "alert-2"]


def test_commands_that_cannot_be_deleted_are_not_carried_out_again_by_a_server_that_lost_alerts(
    redis_server, make_publisher
) -> None:
    client = redis_server.client()
    client.acl_setuser("monitor", enabled=True, nopass=True, keys=["*"], channels=["*"], commands=["+@all", "-xdel"])
    accepted: list[Acknowledge] = []
    settings = redis_server.settings(username="monitor", password="any")  # noqa: S106 - this server takes every one
    publisher = make_publisher(settings, handle=accepted.append)
    publisher.submit([make_draft("alert-1")])
    wait_until(lambda: read_stream(redis_server), 5)
    client.xadd("nicu:commands:station-1", COMMAND)
    wait_until(lambda: accepted, 5)
    client.delete("nicu:alerts")
    publisher.submit([make_draft("alert-2")])
    wait_until(lambda: [alert.alert_id for alert in read_stream(redis_server)] == ["alert-1", "alert-2"], 5)
    client.xadd("nicu:commands:station-1", {**COMMAND, "alert_id": "alert-2"})
    wait_until(lambda: len(accepted) >= 2, 5)
    assert [item.alert_id for item in accepted] == ["alert-1", "alert-2"]


def test_a_command_from_long_ago_silences_nothing_and_its_sender_is_told(redis_server, make_publisher) -> None:
    client = redis_server.client()
    seconds, _ = client.time()
    old = client.xadd("nicu:commands:station-1", COMMAND, id=f"{(seconds - 61) * 1000}-0")
    recent = client.xadd("nicu:commands:station-1", {**COMMAND, "alert_id": "alert-2"}, id=f"{(seconds - 5) * 1000}-0")
    accepted: list[Acknowledge] = []
    make_publisher(handle=accepted.append)
    wait_until(lambda: client.xlen("nicu:commands:station-1") == 0, 5)
    assert [item.alert_id for item in accepted] == ["alert-2"]
    wait_until(lambda: client.get(f"nicu:answer:station-1:{recent}"), 5)
    answer = json.loads(client.get(f"nicu:answer:station-1:{old}"))
    assert answer["outcome"] == "refused"
    assert "60 s" in answer["detail"]


def test_a_redis_user_who_may_not_ask_for_the_time_still_gets_commands_and_is_told(
    redis_server, make_publisher, caplog
) -> None:
    client = redis_server.client()
    client.acl_setuser("monitor", enabled=True, nopass=True, keys=["*"], channels=["*"], commands=["+@all", "-time"])
    accepted: list[Acknowledge] = []
    settings = redis_server.settings(username="monitor", password="any")  # noqa: S106 - this server takes every one
    make_publisher(settings, handle=accepted.append)
    for number in (1, 2):
        client.xadd("nicu:commands:station-1", {**COMMAND, "alert_id": f"alert-{number}"})
        wait_until(lambda count=number: len(accepted) == count, 5)
    assert caplog.text.count("+time") == 1


def test_a_read_only_replica_is_named_while_no_alert_waits(redis_server, make_publisher, caplog) -> None:
    """It answers, so that the station said "alerts go to", and then to widen an ACL rule that nobody had."""
    client = redis_server.client()
    client.replicaof("127.0.0.1", "1")
    caplog.set_level("INFO")
    publisher = make_publisher()
    wait_until(lambda: publisher.stats().redis_failure, 5)
    assert "is a read-only replica; give the address of the primary (for " in publisher.stats().redis_failure
    assert "alerts go to" not in caplog.text
    client.replicaof("NO", "ONE")
    wait_until(lambda: publisher.stats().redis_failure is None, 10)
    wait_until(lambda: "alerts go to" in caplog.text, 5)


def test_a_failing_handler_does_not_stop_the_alerts(redis_server, make_publisher) -> None:
    def fail(_: Acknowledge) -> None:
        raise RuntimeError("a mistake in the station")

    outcomes: list[CommandOutcome] = []
    publisher = make_publisher(events=SessionEvents(command=outcomes.append), handle=fail)
    redis_server.client().xadd("nicu:commands:station-1", COMMAND)
    wait_until(lambda: outcomes == [CommandOutcome.FAILED], 5)
    publisher.submit([make_draft("after all")])
    wait_until(lambda: read_stream(redis_server), 5)


def test_a_user_with_few_rights_still_gets_alerts_through(redis_server, make_publisher) -> None:
    """What the rule does not allow (heartbeat, state, commands) is said, and is not fatal."""
    client = redis_server.client()
    word = "secret-word"
    client.acl_setuser(
        "monitor", enabled=True, passwords=[f"+{word}"], keys=["nicu:alerts"], commands=["+@all", "-@dangerous"]
    )
    publisher = make_publisher(redis_server.settings(username="monitor", password=word))
    publisher.submit([make_draft("alert-1")])
    wait_until(lambda: read_stream(redis_server), 5)
    wait_until(lambda: publisher.stats().redis_failure, 5)
    assert "denies a command or a key to this user" in publisher.stats().redis_failure
    assert "(for commands, heartbeat" in publisher.stats().redis_failure
    assert publisher.stats().redis_up
