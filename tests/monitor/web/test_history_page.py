"""Trend, handover and procedure in a real Chromium."""

import re
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = [pytest.mark.timeout(120), pytest.mark.browser]

OPTIONS = """() => { const charts = document.querySelectorAll('.trend .chart');
    const options = getElement(charts[0].id.slice(1)).chart?.getOption();
    if (!options?.series?.length) return null;
    const [axis, level] = [options.xAxis[1], options.series[0]];
    return [axis.max - axis.min, level.data.filter(one => one[1] !== null).length, level.markArea.data.length,
        level.markLine.data.map(one => one.label.formatter ?? '')]; }"""


def zone_at(hour):
    """Return a time zone in which it is this hour now, so that a shift's begin lies as far back whenever tests run."""
    ahead = (hour - datetime.now(UTC).hour + 11) % 24 - 11
    return f"Etc/GMT{-ahead:+d}"  # in these names the sign is that of POSIX


@pytest.fixture(scope="module")
def zone():
    return zone_at(5)


@pytest.fixture(scope="module")
def day(staged_module, zone):
    """A station with a day behind it, early in the morning."""
    return staged_module(beds=3, day=True, station={"time_zone": zone})


def chart_of(page, hours):
    page.wait_for_function(f"span => ({OPTIONS})()?.[0] === span", arg=hours * 3_600_000)
    return page.evaluate(OPTIONS)


def test_the_trend_of_1_8_and_24_hours_is_on_the_page_of_the_bed(day, visit):
    page = visit(f"{day.url}/bed/bed-1")
    _, points, areas, labels = chart_of(page, 8)
    assert points > 500
    assert areas >= 4
    assert "Heel lance (left foot)" in labels
    assert "Stand-by" in labels
    words = page.locator(".trend-words").inner_text()
    assert re.fullmatch(r"Last 8 h: signs of pain for \d+ min, not seen for \d+ min\.", words)
    page.get_by_role("button", name="24 h").click()
    assert chart_of(page, 24)[1] > 500
    assert page.get_by_role("button", name="24 h").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="1 h", exact=True).click()
    assert chart_of(page, 1)[2] >= 1


def test_the_trend_is_painted_for_a_dark_room_once_the_browser_has_said_so(day, visit):
    page = visit(f"{day.url}/bed/bed-1", color_scheme="dark")
    chart_of(page, 8)
    colour = (
        "getElement(document.querySelector('.trend .chart').id.slice(1)).chart.getOption().yAxis[0].axisLabel.color"
    )
    page.wait_for_function(f"{colour} === '#cbbfa9'")
    page.get_by_role("button", name="Dark room").click()
    page.wait_for_function(f"{colour} === '#1d2733'")


def test_the_handover_of_the_ward_names_episodes_minutes_and_who_answered(day, zone, visit):
    page = visit(day.url)
    page.get_by_role("link", name="Handover").click()
    page.get_by_role("heading", name="Handover").wait_for()
    page.get_by_role("link", name="Since 19:00").click()
    page.locator(".handover-period").get_by_text(f"times in {zone}").wait_for()
    period = page.locator(".handover-period").inner_text()
    assert re.search(r"from \w+ \d+, \d{4} 19:00 to \w+ \d+, \d{4} \d\d:\d\d", period)
    rows = page.locator(".handover-table").first.locator("tbody tr")
    assert rows.count() == 3
    assert re.search(r"bed-1\s+\d+\s+\d+ min\s+\d+ min", rows.first.inner_text())
    events = page.locator("section[aria-label=bed-1]").inner_text()
    assert "Sustained pain, 2 bouts" in events
    assert re.search(r"by anna after 1 min", events)
    assert "not acknowledged" in events
    assert "Heel lance (left foot)" in events
    assert Axe().run(page).violations_count == 0


def test_a_handover_that_takes_long_to_read_says_so_and_comes(stage, visit):
    station = stage(day=True, slow=True)
    page = visit(f"{station.url}/handover")
    page.get_by_role("heading", name="Handover").wait_for()
    page.get_by_text("The record is being read").wait_for()
    page.locator(".handover-table").first.wait_for()
    assert page.get_by_text("The record is being read").count() == 0


def test_a_begin_that_somebody_chooses_and_one_that_cannot_be(day, visit):
    page = visit(f"{day.url}/handover/bed-2")
    page.get_by_role("heading", name="Handover of bed-2").wait_for()
    page.locator(".handover-period").wait_for()
    assert page.locator(".handover-table").first.locator("tbody tr").count() == 1
    begin = page.get_by_label("Begin")
    assert begin.input_value(), "the begin of what is shown"
    begin.fill("2020-01-01T00:00")
    page.evaluate("() => getElement(document.querySelector('.q-btn').id.slice(1)).$root.$forceUpdate()")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert begin.input_value() == "2020-01-01T00:00", "the page was painted again meanwhile"
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**since=2020*")
    page.locator(".handover-problem", has_text="at most seven days back").wait_for()
    page.goto(f"{day.url}/handover/bed-9")
    page.get_by_text("There is no such bed").wait_for()


def test_the_handover_is_printed_without_what_only_a_screen_needs(day, visit):
    page = visit(f"{day.url}/handover?since=07:00", color_scheme="dark")
    page.locator(".handover-period").wait_for()
    page.emulate_media(media="print")
    assert not page.locator(".top").is_visible()
    assert not page.get_by_role("button", name="Print").is_visible()
    assert page.locator(".notice-main").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    table = page.locator(".handover-table").first
    assert table.evaluate("e => getComputedStyle(e).color") == "rgb(0, 0, 0)"


def test_a_nurse_marks_a_procedure_and_the_pain_that_follows_is_signalled(stage, visit):
    station = stage()
    page = visit(f"{station.url}/bed/bed-1")
    page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")
    page.get_by_role("button", name="Procedure at bed-1 now").click()
    page.get_by_role("button", name="Heel lance").click()
    page.get_by_text("Give a name").wait_for()
    page.get_by_label("Who are you?").fill("nurse 7")
    page.get_by_label("A few words more, if needed").fill("left foot")
    page.get_by_role("button", name="Heel lance").click()
    page.locator(".status-since").get_by_text("Heel lance since").wait_for()
    row = page.locator("tbody tr").filter(has_text="Heel lance")
    row.wait_for()
    assert "nurse 7" in row.inner_text()
    station.set_bed("bed-1", score=0.95)
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained][data-acknowledged=false]")
    assert page.get_by_role("button", name="Acknowledge bed-1").is_visible()
    page.locator(".trend-words").wait_for()
    page.goto(f"{station.url}/handover/bed-1?since=00:00")
    page.get_by_text("Heel lance (left foot)").wait_for()
    assert "by nurse 7" in page.locator("section[aria-label=bed-1]").inner_text()
