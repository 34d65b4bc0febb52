"""A page that fails to start, or ends, is a fault in a sentence, and is tried again until it answers."""

import contextlib
import time

import httpx
import pytest

from monitor.web import application

pytestmark = pytest.mark.e2e


def _wait(condition, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def _answers(page) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(page.url + "/login", timeout=30, trust_env=False).status_code == 200
    return False


def test_a_page_that_fails_to_start_is_tried_again_on_the_same_port(make_server, monkeypatch):
    build, failures = application.build_application, []

    def fail_twice(site):
        app = build(site)  # what a failed start leaves behind must not keep the next one from starting
        if len(failures) < 2:
            failures.append(app)
            raise RuntimeError("no page today")
        return app

    monkeypatch.setattr(application, "build_application", fail_twice)
    page = make_server()
    port = page.port
    page.start()
    _wait(lambda: page.fault is not None)
    assert "does not work (RuntimeError" in page.fault
    _wait(lambda: _answers(page))
    assert len(failures) == 2
    assert page.port == port
    # The page answers a moment before its server has noticed that it does.
    _wait(lambda: page.fault is None)
    page.stop()
    assert not _answers(page)
