"""What the tests of the ways out share."""

import pytest
from receivers import Broker, Hl7Sink, HttpSink, MailSink, Stream

from monitor.clock import SystemClock
from monitor.forwarding.forwarder import Forwarder
from monitor.forwarding.settings import ForwardSettings


@pytest.fixture
def stream(redis_server):
    return Stream(redis_server)


@pytest.fixture
def forward(redis_server, tmp_path):
    """Makes forwarders to one destination; they are not started, so that a test decides when they work."""
    made = []

    def make(clock=None, **destination):
        settings = ForwardSettings.model_validate(
            {
                "redis": {"url": redis_server.url, "timeout_seconds": 5.0},
                "state_directory": str(tmp_path),
                "from_start": True,
                "destinations": [{"name": "out", **destination}],
            }
        )
        forwarder = Forwarder(settings, settings.destinations[0], clock or SystemClock())
        made.append(forwarder)
        return forwarder

    yield make
    for forwarder in made:
        forwarder.stop()
        if not forwarder.is_running:
            forwarder.close()


@pytest.fixture
def http_sink():
    sink = HttpSink()
    yield sink
    sink.close()


@pytest.fixture
def hl7_sink():
    sink = Hl7Sink()
    yield sink
    sink.close()


@pytest.fixture
def mail_sink():
    sink = MailSink()
    yield sink
    sink.close()


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.stop()
