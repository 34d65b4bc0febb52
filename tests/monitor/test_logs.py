import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.config import LogSettings
from monitor.errors import ConfigError, without_logins
from monitor.logs import RateLimit, configure, redact


@pytest.fixture
def root_logger():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_line_holds_a_secret_even_in_a_traceback(root_logger, capsys, form):
    configure(LogSettings(format=form), secrets=["s3cr3t"])
    try:
        int("rtsp://nurse:hunter2@camera failed with s3cr3t")
    except ValueError:
        root_logger.exception("lost %s", "redis://:hunter2@host, password=hunter2")
    line = capsys.readouterr().err
    assert "Traceback" in line
    assert "hunter2" not in line
    assert "s3cr3t" not in line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://u:word@camera/x", "rtsp://***@camera/x"),
        ("rtsp:/u:word@camera/x does not exist", "rtsp:/***@camera/x does not exist"),
        ("redis://:word@host", "redis://***@host"),
        ("/etc/nicu@site/x.yaml: no such file", "/etc/nicu@site/x.yaml: no such file"),
    ],
)
def test_addresses_lose_their_logins_also_where_they_were_taken_for_paths(text, shown):
    assert without_logins(text) == shown
    assert str(ConfigError(text)) == shown


def test_json_lines_can_be_read_by_a_machine(root_logger, capsys):
    configure(LogSettings(format="json"))
    logging.getLogger("monitor.test").warning("camera %s is back", "c1", extra={"bed": "bed-1"})
    record = json.loads(capsys.readouterr().err)
    assert (record["level"], record["logger"], record["bed"]) == ("WARNING", "monitor.test", "bed-1")
    assert record["message"] == "camera c1 is back"


@given(secret=st.text(st.characters(categories=["L", "N"]), min_size=4, max_size=20), host=st.just("camera.invalid"))
def test_url_credentials_never_survive(secret, host):
    assert redact(f"cannot open rtsp://user:{secret}@{host}/x") == f"cannot open rtsp://***@{host}/x"


def test_a_flood_becomes_a_few_lines_and_a_count():
    clock = ManualClock()
    limit = RateLimit(burst=3, period_seconds=10, clock=clock)
    records = [logging.LogRecord("a", logging.INFO, "f.py", 1, "again", None, None) for _ in range(101)]
    assert sum(limit.filter(record) for record in records[:100]) == 3
    clock.advance(10)
    assert limit.filter(records[100])
    assert "97 more" in records[100].msg


@pytest.mark.parametrize("name", ["monitor.alerts", "monitor.station.request_handler"])
def test_alarms_and_what_people_do_about_them_are_never_held_back(name):
    limit = RateLimit(burst=3, period_seconds=10, clock=ManualClock())
    assert all(limit.filter(logging.LogRecord(name, logging.INFO, "f.py", 1, "%s", None, None)) for _ in range(100))


def test_the_loggers_that_are_never_held_back_exist():
    import monitor.logs
    import monitor.station.alert_dispatcher
    import monitor.station.request_handler

    used = {monitor.station.alert_dispatcher._log.name, monitor.station.request_handler._log.name}
    assert used == monitor.logs._NEVER_LIMITED
