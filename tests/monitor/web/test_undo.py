"""Ten seconds to take back what was said of a bed by mistake, in a real browser."""

import pytest

pytestmark = [pytest.mark.timeout(120), pytest.mark.browser]


def say(page, name, *actions):
    page.get_by_role("button", name="Say who lies in bed-1").click()
    page.get_by_label("Who are you?").fill(name)
    for action in actions:
        page.get_by_role("button", name=action, exact=True).click()


def test_a_discharge_a_stand_by_and_a_procedure_by_mistake_are_taken_back(stage, visit):
    station = stage()
    page = visit(f"{station.url}/bed/bed-1")
    station.set_bed("bed-1", score=0.9)
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")
    ids = {item["alert"]["alert_id"] for item in station.alerts("bed-1")}
    row = page.locator(".undo-row")

    say(page, 'nurse "7" <b>', "Bed is empty")
    page.wait_for_selector("[data-bed=bed-1][data-state=empty]")
    assert row.locator("div").first.inner_text() == 'bed-1: Bed is empty, by nurse "7" <b>'
    row.get_by_role("button", name="Undo").click()
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")
    page.get_by_text("bed-1: taken back, all is as before").wait_for()
    open_ids = {item["alert"]["alert_id"] for item in station.alerts("bed-1") if item["alert"]["condition_present"]}
    assert open_ids <= ids, "the same alerts are on again"
    assert open_ids

    say(page, "nurse 8", "Stand-by")
    page.wait_for_selector("[data-bed=bed-1][data-state=standby]")
    row.get_by_role("button", name="Undo").click()
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")

    page.get_by_role("button", name="Procedure at bed-1 now").click()
    page.get_by_label("Who are you?").fill("nurse 8")
    page.get_by_role("button", name="Heel lance").click()
    page.get_by_text("Heel lance since").wait_for()
    row.get_by_role("button", name="Undo").click()
    page.get_by_text("Heel lance since").wait_for(state="hidden")


def test_it_is_too_late_once_somebody_else_has_said_something_of_the_bed(stage, visit):
    station = stage()
    page = visit(f"{station.url}/bed/bed-1")
    page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")
    say(page, "nurse 7", "Bed is empty")
    page.wait_for_selector("[data-bed=bed-1][data-state=empty]")
    answer = page.request.post(
        f"{station.url}/api/v1/beds/bed-1/admit",
        data={"by": "nurse 8", "infant": "infant-5"},
        headers={"Origin": station.url},
    )
    assert answer.json()["changed"] is True
    page.locator(".undo-row").get_by_role("button", name="Undo").click()
    page.get_by_text("bed-1: it was too late to undo that").wait_for()
    page.get_by_text("infant-5", exact=True).wait_for()
