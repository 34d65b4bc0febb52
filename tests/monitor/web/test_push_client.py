"""One notice to one device: bounded in time, whatever a push service does."""

import ssl
import threading
from types import SimpleNamespace

from push_service import PushService, Subscription
from receivers import EndlessSink

from monitor.clock import SystemClock
from monitor.config import PushSettings
from monitor.web.push.client import PushClient, PushOutcome
from monitor.web.push.devices import PushDevice


def test_an_answer_that_drips_ends_with_the_time_of_one_notice(tmp_path, monkeypatch):
    certified = PushService(tmp_path)
    certified.close()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified.ca_file, tmp_path / "push-key.pem")
    sink = EndlessSink(b"HTTP/1.1 ", context=context)
    host = f"localhost:{sink.port}"
    phone = Subscription(f"https://{host}", "phone")
    device = PushDevice.model_construct(endpoint=phone.endpoint, p256dh=phone.p256dh, auth=phone.auth)
    for name in ("_CONNECT_SECONDS", "_ANSWER_SECONDS"):
        monkeypatch.setattr(f"monitor.web.push.client.{name}", 0.5)
    settings = PushSettings.model_validate(certified.settings(services=[host]))
    client = PushClient(SimpleNamespace(sign=lambda _: {"Authorization": "vapid"}), settings, SystemClock())
    results = []
    sending = threading.Thread(
        target=lambda: results.append(client.send(device, b"{}", "topic", urgent=True)), daemon=True
    )
    sending.start()
    sending.join(20)
    sink.close()
    assert [(result.outcome, str(result.detail)) for result in results] == [
        (PushOutcome.AWAY, "it did not answer in time")
    ]
    assert len(sink.received) == 1, "it was reached"
