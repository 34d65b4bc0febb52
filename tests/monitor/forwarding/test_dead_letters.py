"""Messages that were given up: none is lost, sent to somebody else, or stays for ever."""

import json
import resource
import signal

import pytest
from receivers import drain, make_alert

from monitor.clock import ManualClock
from monitor.forwarding.attempts import Attempts
from monitor.forwarding.dead_letters import DeadLetters
from monitor.forwarding.mail import Mail
from monitor.forwarding.message import DeliveryError, Message, MessageRefusedError
from monitor.forwarding.settings import EmailSettings


@pytest.fixture
def letters(tmp_path):
    return DeadLetters(tmp_path / "dead.jsonl", ManualClock())


def _message(alert_id="a1", number=1, **changes):
    alert = make_alert(alert_id, number, **changes)
    return Message.from_alert(alert, alert.model_dump_json())


def test_dead_letters_are_sent_again_and_those_that_fail_stay(tmp_path):
    letters = DeadLetters(tmp_path / "dead.jsonl", ManualClock())
    for number in (1, 2, 3):
        alert = make_alert(f"a{number}", number, detail="by Ann\u2028Lee\x85 and others")
        letters.add(Message.from_alert(alert, alert.model_dump_json()), "HTTP 400")
    arrived = []

    def send(message):
        if message.alert.alert_id == "a2":
            raise DeliveryError("still away")
        arrived.append(message.key)

    assert letters.resend(send) == (2, 1, 0)
    assert arrived == ["a1:1", "a3:3"]
    assert letters.resend(send) == (0, 1, 0)


def test_letters_are_counted_again_only_where_the_file_has_changed(letters, tmp_path, monkeypatch):
    path = tmp_path / "dead.jsonl"
    assert letters.count() == 0
    letters.add(_message("a1"), "HTTP 400")
    assert letters.count() == 1
    with monkeypatch.context() as unchanged:
        unchanged.setattr(type(path), "open", lambda *_, **__: pytest.fail("it is read again"))
        assert letters.count() == 1
    letters.add(_message("a2", 2), "HTTP 400")
    assert letters.count() == 2
    DeadLetters(path, ManualClock()).resend(lambda _: None)  # another process
    assert letters.count() == 0


def test_what_an_earlier_version_left_in_a_second_file_counts_and_is_sent_again(letters, tmp_path):
    path = tmp_path / "dead.jsonl"
    for number in (1, 2):
        letters.add(_message(f"a{number}", number), "HTTP 400")
    path.rename(tmp_path / "dead.jsonl.1")  # as a file of 100 MB was
    assert letters.count() == 2
    letters.add(_message("a3", 3), "HTTP 400")
    assert letters.count() == 3
    arrived = []

    def send(message):
        if message.alert.alert_id == "a2":
            raise DeliveryError("still away")
        arrived.append(message.key)

    assert letters.resend(send) == (2, 1, 0)
    assert arrived == ["a1:1", "a3:3"]
    assert letters.count() == 1
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith(".")] == ["dead.jsonl"]
    assert letters.resend(lambda message: arrived.append(message.key)) == (1, 0, 0)
    assert arrived[2:] == ["a2:2"]


def test_a_message_that_is_given_up_while_others_are_sent_again_stays_and_the_file_stays_private(tmp_path):
    letters = DeadLetters(tmp_path / "dead.jsonl", ManualClock())

    def give_up(number):
        alert = make_alert(f"a{number}", number)
        letters.add(Message.from_alert(alert, alert.model_dump_json()), "HTTP 400")

    give_up(1)
    # The forwarder runs on, and gives up another one to the same destination.
    assert letters.resend(lambda message: give_up(2) if message.key == "a1:1" else None) == (1, 1, 0)
    (left,) = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_text().splitlines()]
    assert left["alert"]["alert_id"] == "a2"
    assert (tmp_path / "dead.jsonl").stat().st_mode & 0o077 == 0


@pytest.fixture
def limited():
    """Sets how large a file may become: the kernel takes what fits and refuses the rest, as a full disk does."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (before[0] if size is None else size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("cut", [1000, 1001])
def test_a_disk_that_takes_half_of_a_line_spoils_no_other(letters, limited, tmp_path, cut):
    path = tmp_path / "dead.jsonl"
    letters.add(_message("a1"), "HTTP 400")
    whole = path.read_bytes()
    limited(len(whole) + cut)
    letters.add(_message("a2", 2, detail="S\u00e4ugling" * 200), "HTTP 400")
    assert (path.read_bytes(), letters.is_stored, letters.count()) == (whole, False, 2)
    limited(None)
    letters.store_held()
    arrived = []
    assert letters.resend(lambda message: arrived.append(message.key)) == (2, 0, 0)
    assert arrived == ["a1:1", "a2:2"]


def test_half_of_a_line_that_a_dead_process_left_stays_and_spoils_no_other(letters, tmp_path):
    half = '{"alert": "S\u00e4'.encode()[:-1]
    (tmp_path / "dead.jsonl").write_bytes(half)
    letters.add(_message(), "HTTP 400")
    assert letters.count() == 2
    assert letters.resend(lambda _: None) == (1, 1, 0)
    assert (tmp_path / "dead.jsonl").read_bytes() == half + b"\n"


def test_a_letter_that_cannot_be_said_in_the_form_of_its_destination_keeps_no_other(letters):
    settings = EmailSettings(
        name="m", type="email", host="127.0.0.1", port=9, security="none", sender="a@b", to=("c@d",)
    )
    mail = Mail(settings, ManualClock())
    for number, bed in enumerate(("bed-1", "bed\n2", "bed-3"), 1):
        letters.add(_message(f"a{number}", number, bed=bed), "HTTP 400")
    arrived = []

    def send(message):
        if message.alert.bed == "bed\n2":
            mail.send(message)
        arrived.append(message.alert.bed)

    assert letters.resend(send) == (2, 1, 0)
    assert letters.resend(send) == (0, 1, 0)
    assert arrived == ["bed-1", "bed-3"]


def test_an_escalation_that_was_given_up_goes_to_those_who_hear_of_escalations(letters):
    settings = EmailSettings(
        name="m", type="email", host="h", sender="a@b", to=("nurses@d",), escalate_to=("doctor@d",), refusals=1
    )

    def refuse(_message):
        raise MessageRefusedError("SMTP 550")

    assert Attempts(_message(), refuse, settings, letters, ManualClock(), is_escalation=True).attempt() is None
    sent, escalated = [], []
    assert letters.resend(sent.append) == (0, 1, 0), "there is nobody to escalate to"
    assert letters.resend(sent.append, escalated.append) == (1, 0, 0)
    assert (len(sent), len(escalated)) == (0, 1)


def test_the_forwarder_marks_the_escalations_that_it_gives_up(stream, forward, mail_sink, tmp_path):
    clock = ManualClock()
    mail = {"type": "email", "host": "127.0.0.1", "port": mail_sink.port, "security": "none", "sender": "a@b.example"}
    forwarder = forward(clock, **mail, to=["c@d.example"], escalate_to=["e@d.example"], refusals=1)
    mail_sink.refusals = ["e@d.example"]
    stream.publish()
    drain(forwarder)
    clock.advance(300.0)
    drain(forwarder)
    (row,) = [json.loads(line) for line in (tmp_path / "out.dead.jsonl").read_text().splitlines()]
    assert row["escalation"] is True


def test_old_news_of_a_station_is_dropped(letters, tmp_path):
    clock = ManualClock()
    letters.add(Message("station-s1-silent-1", clock.wall(), "s1", is_silent=True), "HTTP 403")
    letters.add(_message(), "HTTP 400")
    sent = []
    assert letters.resend(sent.append) == (1, 0, 1)
    assert [message.key for message in sent] == ["a1:1"]
    assert letters.count() == 0
