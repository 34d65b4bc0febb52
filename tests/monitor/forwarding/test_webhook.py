"""What a web server gets, and how it knows that it comes from here."""

import hashlib
import hmac
import json
import threading

import pytest
from receivers import EndlessSink, drain, make_alert

from monitor.clock import SystemClock
from monitor.forwarding.message import DeliveryError, Message, MessageRefusedError
from monitor.forwarding.settings import WebhookSettings
from monitor.forwarding.webhook import Webhook


def _message():
    alert = make_alert()
    return Message.from_alert(alert, alert.model_dump_json())


def test_a_request_holds_the_published_record_and_is_signed(stream, forward, http_sink, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("between us\n")
    alert = stream.publish()
    drain(forward(type="webhook", url=http_sink.url, secret_file=str(secret)))
    ((headers, body),) = http_sink.requests
    assert json.loads(body)["alert"] == json.loads(alert.model_dump_json())
    assert headers["Idempotency-Key"] == f"{alert.alert_id}:{alert.seq}"
    signed = headers["X-Nicu-Timestamp"].encode() + b"." + body
    assert headers["X-Nicu-Signature"] == "sha256=" + hmac.new(b"between us", signed, hashlib.sha256).hexdigest()
    assert b"between us" not in body


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, DeliveryError),
        (400, MessageRefusedError),
        (401, MessageRefusedError),
        (429, DeliveryError),
        (500, DeliveryError),
    ],
)
def test_an_answer_says_whether_to_try_again(http_sink, status, error):
    webhook = Webhook(WebhookSettings(name="out", type="webhook", url=http_sink.url), SystemClock())
    http_sink.answers = [status]
    with pytest.raises(DeliveryError) as raised:
        webhook.send(_message())
    webhook.close()
    assert type(raised.value) is error
    assert str(status) in str(raised.value)
    assert http_sink.requests == []


def test_an_answer_without_an_end_is_taken_by_its_first_line():
    sink = EndlessSink(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    webhook = Webhook(WebhookSettings(name="out", type="webhook", url=f"http://127.0.0.1:{sink.port}/"), SystemClock())
    sending = threading.Thread(target=lambda: [webhook.send(_message()) for _ in range(2)], daemon=True)
    sending.start()
    sending.join(20)
    assert not sending.is_alive()
    assert len(sink.received) == 2
    webhook.close()
    sink.close()


def test_a_server_that_is_not_there_is_tried_again():
    webhook = Webhook(WebhookSettings(name="out", type="webhook", url="http://127.0.0.1:9/"), SystemClock())
    with pytest.raises(DeliveryError, match="does not answer"):
        webhook.send(_message())
    webhook.close()


def test_an_answer_that_drips_ends_with_the_time_of_one_attempt():
    sink = EndlessSink(b"HTTP/1.1 200 OK\r\nX: ")
    url = f"http://127.0.0.1:{sink.port}/"
    webhook = Webhook(WebhookSettings(name="out", type="webhook", url=url, timeout_seconds=0.5), SystemClock())
    errors = []

    def send():
        for _ in range(2):
            with pytest.raises(DeliveryError) as raised:
                webhook.send(_message())
            errors.append(str(raised.value))

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    sending.join(20)
    webhook.close()
    sink.close()
    assert errors == ["the server does not answer in time"] * 2
