"""Open pages go on with the alarm settings that a reload has put into force."""

import re
from datetime import datetime

import pytest

pytestmark = [pytest.mark.timeout(120), pytest.mark.browser]

THRESHOLDS = """chart => getElement(document.querySelector(chart)?.id.slice(1))?.chart?.getOption()
    ?.series?.[0]?.markLine.data.map(line => line.yAxis).filter(level => level != null).join()"""
UNTIL = "document.querySelector('[data-bed=bed-1] .status-extra').textContent.slice(-5)"


def test_thresholds_and_the_end_of_an_acknowledgement_change_on_open_pages(stage, visit):
    station = stage()
    beds, bed = visit(station.url), visit(f"{station.url}/bed/bed-1")
    station.set_bed("bed-1", score=0.95)
    station.wait_for_phase("bed-1", "escalate")
    bed.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")
    bed.get_by_role("button", name="Acknowledge bed-1").click()
    bed.get_by_label("Who acknowledges?").fill("nurse 7")
    bed.get_by_role("dialog").get_by_role("button", name="Acknowledge", exact=True).click()
    bed.wait_for_function(f"/^..:..$/.test({UNTIL})")
    for chart in (".bed-columns .chart", ".trend .chart"):
        bed.wait_for_function(f"chart => ({THRESHOLDS})(chart) === '0.6,0.4'", arg=chart)
    before = bed.evaluate(UNTIL)
    line = "document.querySelector('[data-bed=bed-1] .spark-on').getAttribute('y1')"
    beds.wait_for_function(f"{line} === '24.4'")
    station.reload(acknowledge_expires_seconds=4_200.0, on_level=0.75, off_level=0.25)
    bed.wait_for_function(f"before => {UNTIL} !== before", arg=before)
    until = bed.evaluate(UNTIL)
    later = datetime.strptime(until, "%H:%M") - datetime.strptime(before, "%H:%M")  # noqa: DTZ007 - times of day
    assert later.seconds == 3_600, "an hour more than the ten minutes of before"
    # Past midnight the day is named too.
    beds.get_by_text(re.compile(rf"Acknowledged by nurse 7 until (\S+ )*{until}$")).wait_for()
    for chart in (".bed-columns .chart", ".trend .chart"):
        bed.wait_for_function(f"chart => ({THRESHOLDS})(chart) === '0.75,0.25'", arg=chart)
    beds.wait_for_function(f"{line} === '16.0'")
