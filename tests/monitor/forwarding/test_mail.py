"""E-mail: who gets it, what it says, and what happens when nobody acknowledges."""

import json
import threading
from email import message_from_string, policy

import pytest
from receivers import EndlessSink, drain, make_alert
from redis_server import wait_until

from monitor.clock import ManualClock, SystemClock
from monitor.errors import ConfigError
from monitor.forwarding.mail import Escalations, Mail
from monitor.forwarding.message import DeliveryError, Message
from monitor.forwarding.settings import EmailSettings
from monitor.pain.vocabulary import Phase, Signal

NURSES, DOCTOR = "nurses@ward.example", "doctor@ward.example"


@pytest.fixture
def mail(forward, mail_sink):
    def make(clock=None, **changes):
        return forward(
            clock,
            type="email",
            host="127.0.0.1",
            port=mail_sink.port,
            security="none",
            sender="nicu@ward.example",
            **{"to": [NURSES], "escalate_to": [DOCTOR], "escalate_after_seconds": 60.0, **changes},
        )

    return make


def _subjects(sink):
    return [message_from_string(text, policy=policy.default)["Subject"].strip() for _, text in sink.mails]


def test_a_mail_names_bed_condition_and_what_it_does_not_mean(stream, mail, mail_sink):
    stream.publish(bed="bed-7")
    drain(mail())
    ((to, text),) = mail_sink.mails
    parsed = message_from_string(text, policy=policy.default)
    assert to == (NURSES,)
    assert parsed["Subject"] == "[NICU] bed-7: signs of pain seen (low priority)"
    assert "No alert does not mean no pain" in parsed.get_content()
    assert "This is no real bed (test)" in parsed.get_content()


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        ("pt-BR", "[NICU] bed-7: sinais de dor vistos (prioridade baixa)", "Sem alerta não significa sem dor."),
        ("es", "[NICU] bed-7: se ven signos de dolor (prioridad baja)", "Sin alerta no significa sin dolor."),
    ],
)
def test_a_mail_is_in_the_language_and_zone_of_its_destination(stream, mail, mail_sink, language, subject, words):
    clock = ManualClock()
    forwarder = mail(clock, language=language, time_zone="America/Sao_Paulo")
    stream.publish(bed="bed-7")
    drain(forwarder)
    clock.advance(61.0)
    drain(forwarder)
    parsed = [message_from_string(text, policy=policy.default) for _, text in mail_sink.mails]
    assert parsed[0]["Subject"] == subject
    body = parsed[0].get_content()
    assert words in body
    assert " -03" in body
    for english in ("Since", "What to do", "Bed:", "priority", "no real bed", "medical device"):
        assert english not in body
    assert parsed[1]["Subject"].endswith(subject.removeprefix("[NICU] "))
    assert "ACKNOWLEDGED" not in parsed[1]["Subject"]


def test_an_unknown_zone_or_language_is_refused():
    given = {"type": "email", "name": "ward", "host": "h", "sender": "a@b", "to": ["c@d"]}
    for wrong, words in (({"time_zone": "Mars/Olympus"}, "no such time zone"), ({"language": "de"}, "pt-BR")):
        with pytest.raises(ValueError, match=words):
            EmailSettings.model_validate({**given, **wrong})


def test_an_alert_that_nobody_acknowledges_is_escalated_once(stream, mail, mail_sink):
    clock = ManualClock()
    forwarder = mail(clock)
    stream.publish("a1")
    drain(forwarder)
    clock.advance(59.0)
    drain(forwarder)
    assert [to for to, _ in mail_sink.mails] == [(NURSES,)]
    clock.advance(2.0)
    drain(forwarder)
    stream.publish("a1", phase=Phase.UPDATE)
    clock.advance(600.0)
    drain(forwarder)
    assert [to for to, _ in mail_sink.mails] == [(NURSES,), (DOCTOR,)]
    assert _subjects(mail_sink)[1].startswith("[NICU] NOT ACKNOWLEDGED for 60 s")


def _acknowledge(stream):
    stream.publish("a1", phase=Phase.UPDATE, signal=Signal.ACKNOWLEDGED, acknowledged_by="nurse-7")


def _with_an_escalation_that_waits(stream, mail, mail_sink):
    """Return a clock, and a forwarder whose mail server is away since it sent an alert that nobody acknowledged."""
    clock = ManualClock()
    forwarder = mail(clock)
    stream.publish("a1")
    drain(forwarder)
    mail_sink.is_busy = True
    clock.advance(61.0)
    drain(forwarder)
    return clock, forwarder


def test_an_alert_that_was_acknowledged_while_the_mail_server_was_away_is_not_escalated(stream, mail, mail_sink):
    clock = ManualClock()
    forwarder = mail(clock)
    mail_sink.is_busy = True
    stream.publish("a1")
    forwarding = threading.Thread(target=forwarder.forward_waiting)
    forwarding.start()
    # Read before the acknowledgement, like all that lies between two looks into the stream.
    wait_until(lambda: clock.advance(0.01) or (forwarder.waiting_seconds or 0) > 0, 20, "the first attempt")
    _acknowledge(stream)
    clock.advance(61.0)
    mail_sink.is_busy = False
    forwarding.join(20)
    drain(forwarder)
    assert [to for to, _ in mail_sink.mails] == [(NURSES,)]


def test_an_alert_that_is_acknowledged_while_its_escalation_waits_is_not_escalated(stream, mail, mail_sink):
    clock, forwarder = _with_an_escalation_that_waits(stream, mail, mail_sink)
    clock.advance(1.0)
    assert forwarder.waiting_seconds == 1.0
    mail_sink.is_busy = False
    _acknowledge(stream)
    drain(forwarder)
    assert forwarder.waiting_seconds == 0.0
    clock.advance(600.0)
    drain(forwarder)
    assert [to for to, _ in mail_sink.mails] == [(NURSES,)]


def test_an_escalation_that_waits_for_the_mail_server_arrives(stream, mail, mail_sink):
    clock, forwarder = _with_an_escalation_that_waits(stream, mail, mail_sink)
    mail_sink.is_busy = False
    clock.advance(30.0)
    drain(forwarder)
    assert [to for to, _ in mail_sink.mails] == [(NURSES,), (DOCTOR,)]


def test_a_disk_that_takes_nothing_holds_up_no_mail_and_escalates_once(stream, mail, mail_sink, tmp_path, caplog):
    clock = ManualClock()
    forwarder = mail(clock)
    (tmp_path / "out.open.json").mkdir()
    stream.publish("a1")
    drain(forwarder)
    clock.advance(61.0)
    drain(forwarder)
    drain(forwarder)
    assert [to for to, _ in mail_sink.mails] == [(NURSES,), (DOCTOR,)]
    assert caplog.text.count("would not know who waits") == 1
    (tmp_path / "out.open.json").rmdir()
    drain(forwarder)
    forwarder.close()
    assert (tmp_path / "out.open.json").stat().st_mode & 0o077 == 0
    drain(mail(clock))
    assert len(mail_sink.mails) == 2, "it was stored once that was possible"


@pytest.mark.parametrize(
    "change",
    [
        {"phase": Phase.UPDATE, "signal": Signal.ACKNOWLEDGED, "acknowledged_by": "nurse-7"},
        {"phase": Phase.END, "signal": Signal.OFF, "condition_present": False},
    ],
)
def test_an_alert_that_is_acknowledged_or_over_is_not_escalated(stream, mail, mail_sink, change):
    clock = ManualClock()
    forwarder = mail(clock)
    stream.publish("a1")
    drain(forwarder)
    stream.publish("a1", **change)
    clock.advance(300.0)
    drain(forwarder)
    assert [to for to, _ in mail_sink.mails] == [(NURSES,)]


def test_a_latched_alert_waits_for_a_person_like_one_that_is_on(stream, mail, mail_sink):
    clock = ManualClock()
    forwarder = mail(clock)
    stream.publish("a1")
    stream.publish("a1", phase=Phase.END, signal=Signal.LATCHED, condition_present=False)
    drain(forwarder)
    clock.advance(61.0)
    drain(forwarder)
    assert [to for to, _ in mail_sink.mails] == [(NURSES,), (DOCTOR,)]


def test_what_waits_for_a_person_survives_a_restart(tmp_path):
    clock = ManualClock(epoch=SystemClock().wall())
    alert = make_alert("a1")
    Escalations(tmp_path / "open.json", 60.0, clock).observe(alert, alert.model_dump_json())
    again = Escalations(tmp_path / "open.json", 60.0, clock)
    assert again.due() == []
    clock.advance(61.0)
    (message,) = again.due()
    assert message.alert.alert_id == "a1"
    again.done(message)
    clock.advance(1000.0)
    assert Escalations(tmp_path / "open.json", 60.0, clock).due() == []


def test_escalations_whose_end_never_comes_are_bounded_and_the_newest_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("monitor.forwarding.mail._MOST_ESCALATED", 2)
    clock = ManualClock(epoch=SystemClock().wall())
    escalations = Escalations(tmp_path / "open.json", 60.0, clock)

    def observe(number):
        alert = make_alert(f"a{number}", number)
        escalations.observe(alert, alert.model_dump_json())

    for number in range(1, 5):
        observe(number)
    clock.advance(61.0)
    for message in escalations.due():
        escalations.done(message)
    assert [row["alert_id"] for row in _open(tmp_path)] == ["a3", "a4"]
    observe(4)
    observe(5)
    clock.advance(61.0)
    assert [message.alert.alert_id for message in escalations.due()] == ["a5"]


def _open(tmp_path):
    return [json.loads(row["alert"]) for row in json.loads((tmp_path / "open.json").read_text())]


@pytest.mark.parametrize("field", ["sender", "to", "escalate_to"])
def test_an_address_that_not_every_mail_server_takes_is_refused(field):
    given = {"type": "email", "name": "ward", "host": "h", "sender": "a@b", "to": ["c@d"]}
    for address in ("j\u00fcrgen@clinic.example", "nurses@kl\u00ednica.example"):
        with pytest.raises(ValueError, match="only ASCII letters"):
            EmailSettings.model_validate({**given, field: address if field == "sender" else [address]})


def test_an_unknown_person_makes_a_dead_letter_and_the_next_mail_goes_on(stream, mail, mail_sink):
    mail_sink.refusals = [NURSES]
    forwarder = mail(refusals=1)
    stream.publish()
    drain(forwarder)
    assert (forwarder.sent, forwarder.given_up) == (0, 1)
    mail_sink.refusals = []
    stream.publish()
    drain(forwarder)
    assert len(mail_sink.mails) == 1


def test_one_of_several_people_whom_the_server_refuses_is_said_and_the_others_get_it(stream, mail, mail_sink, caplog):
    mail_sink.refusals = [DOCTOR]
    forwarder = mail(to=[NURSES, DOCTOR])
    stream.publish()
    drain(forwarder)
    assert [to for to, _ in mail_sink.mails] == [(NURSES,)]
    assert "does not take mail to 1 of 2 people (SMTP 550)" in caplog.text
    assert DOCTOR not in caplog.text


def test_a_password_never_crosses_the_network_in_the_clear(tmp_path):
    (tmp_path / "password").write_text("hunter2")
    settings = EmailSettings(
        name="out",
        type="email",
        host="127.0.0.1",
        security="none",
        sender="a@b.example",
        to=("c@d.example",),
        username="nicu",
        password_file=tmp_path / "password",
    )
    with pytest.raises(ConfigError, match="in the clear") as raised:
        Mail(settings, SystemClock())
    assert "hunter2" not in str(raised.value)


def test_a_server_that_drips_ends_with_the_time_of_one_attempt():
    sink = EndlessSink(b"220 ", speaks_first=True)
    given = {"name": "out", "type": "email", "host": "127.0.0.1", "port": sink.port, "security": "none"}
    settings = EmailSettings.model_validate({**given, "sender": "a@b", "to": ["c@d"], "timeout_seconds": 0.5})
    alert, errors = make_alert(), []

    def send():
        with pytest.raises(DeliveryError) as raised:
            Mail(settings, SystemClock()).send(Message.from_alert(alert, alert.model_dump_json()))
        errors.append(str(raised.value))

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    sending.join(20)
    sink.close()
    assert errors == ["the mail server does not finish in time"]
