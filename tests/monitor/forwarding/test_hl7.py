"""HL7 v2 messages: their segments, their delimiters, and what a receiver answers."""

import string

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st
from receivers import EndlessSink, drain, make_alert
from redis_server import wait_until

from monitor.clock import SystemClock
from monitor.forwarding.hl7_report import compose_report, escape
from monitor.forwarding.message import DeliveryError, Message, MessageRefusedError
from monitor.forwarding.mllp import Mllp
from monitor.forwarding.settings import Hl7Settings
from monitor.pain.vocabulary import Phase, Priority, Signal


def _settings(**changes):
    return Hl7Settings(name="out", type="hl7", host="127.0.0.1", **changes)


def _parse(settings=None, mode=None, **changes):
    alert = make_alert(**changes)
    if mode is not None:
        alert = alert.model_copy(update={"generation_mode": mode})
    message = Message.from_alert(alert, alert.model_dump_json())
    return hl7.parse(compose_report(message, settings or _settings(), "0123456789", SystemClock().wall()))


def _facet(report, number):
    return report.segments("OBX")[number - 1]


def test_a_report_names_bed_condition_phase_state_priority_and_kind():
    report = _parse(phase=Phase.ESCALATE, priority=Priority.MEDIUM, bed="bed-7")
    assert str(report.segment("MSH")[9]) == "ORU^R40^ORU_R40"
    assert str(report.segment("MSH")[12]) == "2.6"
    assert str(report.segment("PV1")[3][0][2]) == "bed-7"
    assert str(report.segment("OBR")[2]) == "alert-1^NICU_PAIN_MONITOR"
    assert str(_facet(report, 1)[5][0][0]) == "pain_sign"
    assert [str(_facet(report, n)[5]) for n in (3, 4, 5, 6, 7)] == ["escalate", "active", "enabled", "PM", "SP"]


def test_an_acknowledged_alert_says_so():
    report = _parse(phase=Phase.UPDATE, signal=Signal.ACKNOWLEDGED, acknowledged_by="nurse-7")
    assert str(_facet(report, 5)[5]) == "alert-acknowledged"


@pytest.mark.parametrize(
    ("mode", "test_mode", "processing"),
    [("real", False, "P"), ("real", True, "T"), ("demo", False, "T"), ("replay", False, "T"), ("test", False, "T")],
)
def test_only_real_beds_outside_of_test_mode_are_production(mode, test_mode, processing):
    from monitor.alerts.record import GenerationMode

    report = _parse(_settings(test_mode=test_mode), GenerationMode(mode))
    assert str(report.segment("MSH")[11]) == processing


def test_the_default_is_the_test_mode():
    assert _settings().test_mode is True


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"]) | st.sampled_from("|^~\\&\r\n"), max_size=60))
def test_no_text_can_break_the_segments(detail):
    report = _parse(detail=detail)
    assert [str(segment[0]) for segment in report] == ["MSH", "PID", "PV1", "OBR", *["OBX"] * 7]
    assert str(_facet(report, 7)[5]) == "SP"
    assert not set(escape(detail)) & set("|^~&\r\n")


def test_plain_text_is_not_changed():
    assert escape(string.ascii_letters + " é ü 0.60") == string.ascii_letters + " é ü 0.60"


def test_every_alert_arrives_in_order(stream, forward, hl7_sink):
    published = [stream.publish().alert_id for _ in range(5)]
    drain(forward(type="hl7", host="127.0.0.1", port=hl7_sink.port))
    assert [str(m.segment("OBR")[2][0][0]) for m in hl7_sink.messages] == published


def test_a_receiver_that_refuses_gets_three_attempts_and_then_the_next_message(stream, forward, hl7_sink):
    stream.publish()
    good = stream.publish().alert_id
    hl7_sink.answers = ["AE", "AR", "AE"]
    forwarder = forward(type="hl7", host="127.0.0.1", port=hl7_sink.port)
    drain(forwarder)
    assert (forwarder.sent, forwarder.given_up) == (1, 1)
    assert str(hl7_sink.messages[-1].segment("OBR")[2][0][0]) == good
    repeats = {str(message.segment("MSH")[10]) for message in hl7_sink.messages[:3]}
    assert len(repeats) == 1


def test_a_connection_that_breaks_before_the_answer_is_opened_again(stream, forward, hl7_sink):
    published = stream.publish().alert_id
    hl7_sink.answers = ["drop"]
    drain(forward(type="hl7", host="127.0.0.1", port=hl7_sink.port))
    assert [str(m.segment("OBR")[2][0][0]) for m in hl7_sink.messages] == [published]


def test_a_receiver_whose_answer_has_no_end_is_left_in_time():
    sink = EndlessSink(b"\x0bMSH|")
    sender = Mllp(_settings(port=sink.port, timeout_seconds=0.5), SystemClock())
    alert = make_alert()
    with pytest.raises(DeliveryError, match="TimeoutError"):
        sender.send(Message.from_alert(alert, alert.model_dump_json()))
    sink.close()


def test_a_receiver_that_is_not_there_is_tried_again():
    sender = Mllp(_settings(port=9), SystemClock())
    alert = make_alert()
    with pytest.raises(DeliveryError) as raised:
        sender.send(Message.from_alert(alert, alert.model_dump_json()))
    assert not isinstance(raised.value, MessageRefusedError)


def test_a_silent_station_is_a_technical_alert_of_high_priority(forward, stream, hl7_sink):
    from monitor.clock import ManualClock

    clock = ManualClock()
    forwarder = forward(clock, type="hl7", host="127.0.0.1", port=hl7_sink.port)
    stream.client.set("nicu:heartbeat:station-1", "1")
    drain(forwarder)
    stream.client.delete("nicu:heartbeat:station-1")
    clock.advance(30.0)
    drain(forwarder)
    wait_until(lambda: hl7_sink.messages, 20, "the message")
    report = hl7_sink.messages[0]
    assert [str(_facet(report, n)[5]) for n in (3, 4, 6, 7)] == ["start", "active", "PH", "ST"]
