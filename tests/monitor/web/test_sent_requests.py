"""The page says that something was done only where it was: not of an alarm that is over, nor where it was just sent."""

import httpx
import pytest

pytestmark = [pytest.mark.timeout(120), pytest.mark.browser]


def pain(station, page, bed="bed-1"):
    station.set_bed(bed, score=0.95)
    station.wait_for_phase(bed, "escalate")
    page.wait_for_selector(f"[data-bed={bed}][data-state=pain_sustained]")


def acknowledge(page, name="nurse 7", bed="bed-1", between=lambda: None):
    page.get_by_role("button", name=f"Acknowledge {bed}").click()
    page.get_by_label("Who acknowledges?").fill(name)
    between()
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge", exact=True).click()


def test_nothing_is_said_to_be_acknowledged_where_nothing_was(stage, visit):
    station = stage()
    page = visit(f"{station.url}/bed/bed-1")
    pain(station, page)

    def it_is_over():
        for item in station.alerts("bed-1"):
            url = f"{station.url}/api/v1/alerts/{item['alert']['alert_id']}/acknowledge"
            page.request.post(url, data={"by": "nurse 8"}, headers={"Origin": station.url})
        station.set_bed("bed-1", score=0.02)
        page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")
        station.set_bed("bed-1", camera="lost")
        page.wait_for_selector("[data-bed=bed-1][data-state=camera_lost]")

    acknowledge(page, between=it_is_over)
    page.get_by_text("bed-1: nothing was acknowledged, for that alarm needs nobody any more").wait_for()
    assert page.locator(".undo-row").count() == 0
    assert page.locator("[data-bed=bed-1]").get_attribute("data-acknowledged") == "false"
    acknowledge(page)
    page.wait_for_selector("[data-bed=bed-1][data-acknowledged=true]")
    page.locator(".undo-row").get_by_text("bed-1: acknowledged by nurse 7").wait_for()


def test_a_ward_says_that_something_was_done_once_its_station_has_done_it(stage, visit):
    station = stage(ward="takes", beds=1)
    page = visit(f"{station.url}/bed/bed-1")
    pain(station, page)
    acknowledge(page)
    page.get_by_text("bed-1: sent to station-7").wait_for()
    row = page.locator(".undo-row")
    row.get_by_text("bed-1: acknowledged by nurse 7", exact=True).wait_for()
    row.get_by_role("button", name="Undo").click()
    page.get_by_text("bed-1: not acknowledged").wait_for()
    page.get_by_role("button", name="Pause bed-1 for 5 minutes").click()
    page.get_by_label("Who pauses?").fill("nurse 7")
    page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    page.get_by_text("bed-1: paused by nurse 7").wait_for()
    page.get_by_role("button", name="Procedure at bed-1 now").click()
    page.get_by_label("Who are you?").fill("nurse 8")
    page.get_by_role("button", name="Heel lance").click()
    row.get_by_text("bed-1: Heel lance, by nurse 8").wait_for()
    row.get_by_role("button", name="Undo").click()
    page.get_by_text("bed-1: taken back, all is as before").wait_for()


@pytest.mark.parametrize("ward", ["takes", "drops"])
def test_a_ward_does_not_say_that_anything_was_changed_of_what_it_has_sent(stage, ward):
    """The story: `changed: true` came back although the station dropped what was asked."""
    station = stage(ward=ward, beds=1)
    for action, wanted in (("pause", {}), ("resume", {}), ("discharge", {}), ("undo", {"statement": "discharge"})):
        url = f"{station.url}/api/v1/beds/bed-1/{action}"
        answer = httpx.post(url, json={"by": "nurse 7", **wanted}, timeout=20, trust_env=False)
        assert (answer.status_code, answer.json()) == (200, {"bed": "bed-1", "by": "nurse 7", "changed": None})


def test_a_ward_says_that_nothing_was_done_where_its_station_drops_what_is_asked(stage, visit):
    station = stage(ward="drops", beds=1)
    page = visit(f"{station.url}/bed/bed-1")
    pain(station, page)
    nothing = page.get_by_text("bed-1: nothing shows that station-7 has done that. What is shown here still holds.")
    acknowledge(page)
    nothing.wait_for()
    nothing.wait_for(state="detached")
    page.get_by_role("button", name="Say who lies in bed-1").click()
    page.get_by_label("Who are you?").fill("nurse 7")
    page.get_by_role("button", name="Bed is empty", exact=True).click()
    nothing.wait_for()
    assert page.locator(".undo-row").count() == 0
    assert page.locator("[data-bed=bed-1]").get_attribute("data-state") == "pain_sustained"
