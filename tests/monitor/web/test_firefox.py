"""The main views in Debian's Firefox: live, without an error, nothing beyond the edge, buttons that work."""

import pytest
from firefox import FIREFOX, firefox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(FIREFOX is None, reason="there is no Firefox: apt-get install firefox-esr"),
]

VIEWS = ["/", "/wall", "/bed/bed-1", "/handover", "/station"]
LIVE = "!!document.getElementById('pulse')?.textContent"


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with firefox(tmp_path_factory.mktemp("firefox")) as opened:
        yield opened


@pytest.fixture(scope="module")
def station(staged_module):
    one = staged_module(beds=6, web={"anonymous_role": "nurse", "preview": "full"})
    one.set_bed("bed-1", score=0.9)
    one.set_bed("bed-2", visibility="no_face")
    one.set_bed("bed-3", camera="lost")
    one.wait_for_phase("bed-1", "escalate")
    return one


@pytest.mark.parametrize("width", [1920, 1366, 390])
@pytest.mark.parametrize("path", VIEWS)
def test_a_view_is_live_and_fits(window, station, tmp_path, path, width):
    height = {1920: 1080, 1366: 768, 390: 844}[width]
    page = window.visit(station.url + path, width, height)
    page.wait_for(LIVE)
    before = page.evaluate("document.getElementById('pulse').textContent")
    page.wait_for(f"document.getElementById('pulse').textContent !== '{before}'")
    page.screenshot(tmp_path / "page.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.errors == []


def test_an_alarm_is_acknowledged_and_that_is_undone(window, station):
    page = window.visit(station.url)
    page.wait_for(LIVE)
    button = "document.querySelector('article[data-bed=bed-1] .ack:not(.unseen)')"
    page.wait_for(f"!!{button}")
    page.evaluate(f"{button}.click() ?? 1")
    page.wait_for("!!document.querySelector('.ack-dialog input')")
    field = "document.querySelector('.ack-dialog input')"
    page.evaluate(f"[{field}.value = 'nurse 7', {field}.dispatchEvent(new Event('input', {{bubbles: true}}))]")
    page.evaluate("document.querySelector('.ack-dialog .ack').click() ?? 1")
    page.wait_for("document.querySelector('.undo-row')?.textContent.includes('acknowledged by nurse 7')")
    page.evaluate("document.querySelector('.undo-row button').click() ?? 1")
    page.wait_for(f"!!{button}")
    assert page.errors == []


def test_a_station_that_stops_is_said_to_be_lost(window, station):
    page = window.visit(f"{station.url}/wall")
    page.wait_for(LIVE)
    station.stop()
    page.wait_for("document.getElementById('link-lost')?.hidden === false")
    assert "Disconnected" in page.evaluate("document.getElementById('link-lost').textContent")
