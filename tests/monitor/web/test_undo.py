"""Ten seconds to take back what was said of a bed by mistake, in a real browser."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from monitor.control.access import Role, hash_token
from monitor.pain.vocabulary import Code, Signal
from monitor.web.pages.acknowledge_button import recent_acknowledgements, still_acknowledged
from monitor.web.users import User, write_users

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
    refusal = page.get_by_text("bed-1: it was too late to undo that")
    refusal.wait_for()
    colours = refusal.evaluate(
        "text => [getComputedStyle(text).color, getComputedStyle(text.closest('.q-notification')).backgroundColor]"
    )
    assert colours == ["rgb(22, 32, 43)", "rgb(255, 255, 255)"], "ink on paper, and no colour of an alarm"
    page.get_by_text("infant-5", exact=True).wait_for()


def log_in(visit, station, name, password):
    page = visit(f"{station.url}/login?next=/bed/bed-1")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password or token").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_function("document.getElementById('pulse')?.textContent")
    return page


def test_a_page_that_is_loaded_again_offers_it_again_to_who_said_it_alone(stage, visit, tmp_path):
    users = tmp_path / "users"
    tokens = {"anna": "a" * 43, "bert": "b" * 43}
    write_users(users, [User(name, Role.NURSE, hash_token(token)) for name, token in tokens.items()])
    station = stage(web={"users_file": str(users)})
    # However slow the machine is: what was said stays said just now.
    station.set_bed("bed-1", just_now=True)
    page = log_in(visit, station, "anna", tokens["anna"])
    page.get_by_role("button", name="Say who lies in bed-1").click()
    page.get_by_role("button", name="Bed is empty", exact=True).click()
    words = "bed-1: Bed is empty, by anna"
    page.locator(".undo-row").get_by_text(words).wait_for()
    page.reload()
    page.locator(".undo-row").get_by_text(words).wait_for()
    assert page.locator(".undo-row").count() == 1
    other = log_in(visit, station, "bert", tokens["bert"])
    other.wait_for_selector("[data-bed=bed-1][data-state=empty]")
    assert other.locator(".undo-row").count() == 0
    # The station itself gives 15 s; a slow machine is told that it was too late.
    page.reload()
    page.locator(".undo-row").get_by_role("button", name="Undo").click()
    page.get_by_text("bed-1: taken back, all is as before").or_(
        page.get_by_text("bed-1: it was too late to undo that")
    ).wait_for()


def test_only_acknowledgements_of_the_last_seconds_are_offered_again_each_person_s_together():
    now = datetime(2026, 11, 27, 12, 0, 30, tzinfo=UTC)

    def alert(number, signal, by, seconds, code=Code.PAIN_SIGN):
        given = None if by is None else SimpleNamespace(by=by, at=now - timedelta(seconds=seconds))
        return SimpleNamespace(
            newest=SimpleNamespace(alert_id=f"a{number}", signal=signal, acknowledgement=given, code=code)
        )

    episodes = [
        alert(1, Signal.ACKNOWLEDGED, "anna", 4),
        alert(2, Signal.ACKNOWLEDGED, "anna", 3),
        alert(3, Signal.ACKNOWLEDGED, "anna", 10),
        alert(4, Signal.ACKNOWLEDGED, "bert", 9.5),
        alert(5, Signal.ON, "anna", 1),
        alert(6, Signal.ON, None, 0),
        alert(7, Signal.ACKNOWLEDGED, "carla", -5),
        alert(8, Signal.ACKNOWLEDGED, "dora", 1, Code.BED_EMPTY),
    ]
    assert recent_acknowledgements(episodes, now) == {
        "anna": (now - timedelta(seconds=3), ["a1", "a2"]),
        "bert": (now - timedelta(seconds=9.5), ["a4"]),
    }


def test_what_an_undo_left_acknowledged_is_named_and_nothing_else():
    def alert(alert_id, signal):
        return SimpleNamespace(newest=SimpleNamespace(alert_id=alert_id, signal=signal))

    shown = [
        alert("withdrawn", Signal.ACKNOWLEDGED),  # the page has not heard of it yet
        alert("silent", Signal.ACKNOWLEDGED),
        alert("worse", Signal.ON),
        alert("over", Signal.OFF),
        alert("other", Signal.ACKNOWLEDGED),
    ]
    ids = ["withdrawn", "silent", "worse", "over"]
    assert still_acknowledged(shown, ids, [True, False, False, False]) == [shown[1]]
    assert still_acknowledged(shown, ids, [True, True, False, False]) == []
