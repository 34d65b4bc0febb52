"""Alerts at a real mosquitto."""

import json

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from receivers import Broker, drain, make_alert
from redis_server import wait_until

from monitor.clock import ManualClock
from monitor.forwarding.message import DeliveryError, Message
from monitor.forwarding.mqtt import Mqtt
from monitor.forwarding.settings import MqttSettings


@pytest.fixture
def heard(broker):
    """What a subscriber of everything hears."""
    messages, ready = [], []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _d, message: messages.append((message.topic, json.loads(message.payload)))
    client.on_connect = lambda *_: client.subscribe("nicu/#", qos=1)
    client.on_subscribe = lambda *_: ready.append(True)

    def connected():
        try:
            client.connect("127.0.0.1", broker.port)
        except OSError:
            return False
        return True

    wait_until(connected, 20, "the broker answers")
    client.loop_start()
    wait_until(lambda: ready, 20, "the subscription")
    yield messages
    client.disconnect()
    client.loop_stop()


def _message(**changes):
    alert = make_alert(**changes)
    return Message.from_alert(alert, alert.model_dump_json())


def test_every_alert_arrives_under_its_bed_and_code(stream, forward, broker, heard):
    published = [stream.publish() for _ in range(5)]
    drain(forward(type="mqtt", host="127.0.0.1", port=broker.port))
    wait_until(lambda: len(heard) == 5, 20, "five messages")
    assert [topic for topic, _ in heard] == ["nicu/station-1/bed-1/pain_sign"] * 5
    assert [body["alert"]["alert_id"] for _, body in heard] == [alert.alert_id for alert in published]


def test_a_silent_station_is_retained_for_those_who_come_later(forward, stream, broker, heard):
    clock = ManualClock()
    forwarder = forward(clock, type="mqtt", host="127.0.0.1", port=broker.port)
    stream.client.set("nicu:heartbeat:station-1", "1")
    drain(forwarder)
    stream.client.delete("nicu:heartbeat:station-1")
    clock.advance(30.0)
    drain(forwarder)
    wait_until(lambda: heard, 20, "the message")
    assert heard[0][0] == "nicu/station-1/_watching"
    assert heard[0][1]["watching"] is False


def test_a_broker_that_restarts_is_connected_to_again(broker, heard):
    sender = Mqtt(MqttSettings(name="out", type="mqtt", host="127.0.0.1", port=broker.port, timeout_seconds=3.0))
    sender.send(_message())
    broker.stop()
    with pytest.raises(DeliveryError):
        sender.send(_message())
    broker.start()

    def arrives():
        try:
            sender.send(_message(alert_id="later"))
        except DeliveryError:
            return False
        return True

    wait_until(arrives, 20, "the broker takes a message again")
    sender.close()


def test_two_senders_of_one_destination_keep_each_its_session(broker, heard):
    settings = MqttSettings(name="out", type="mqtt", host="127.0.0.1", port=broker.port)
    one, other = Mqtt(settings), Mqtt(settings)
    one.send(_message(alert_id="a0"))
    session = one._client
    for number in range(1, 4):
        other.send(_message(alert_id=f"b{number}"))
        one.send(_message(alert_id=f"a{number}"))
    assert one._client is session, "it was not ended by the other"
    one.close()
    other.close()


def test_a_wrong_password_is_named_as_such(request, tmp_path):
    broker = Broker(tmp_path, "right")
    broker.start()
    request.addfinalizer(broker.stop)
    (tmp_path / "password").write_text("wrong")
    settings = MqttSettings(
        name="out",
        type="mqtt",
        host="127.0.0.1",
        port=broker.port,
        username="nurse",
        password_file=tmp_path / "password",
    )
    sender = Mqtt(settings)
    reasons = []

    def refused():
        try:
            sender.send(_message())
        except DeliveryError as error:
            reasons.append(str(error))
        return "refused" in reasons[-1]

    wait_until(refused, 20, "the broker refuses")
    sender.close()
    assert "wrong" not in reasons[-1]
