"""An administrator draws where the face is searched for, on the picture, in a real browser; nobody else can."""

import json
import urllib.error
import urllib.request

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe

from monitor.control.access import Role, hash_token
from monitor.web.users import User, write_users

pytestmark = [pytest.mark.timeout(180), pytest.mark.browser]

BOSS, NURSE = "b" * 43, "n" * 43


@pytest.fixture(scope="module")
def station(staged_module, tmp_path_factory):
    users = tmp_path_factory.mktemp("users") / "users"
    write_users(
        users,
        [User("boss", Role.ADMIN, hash_token(BOSS)), User("anna", Role.NURSE, hash_token(NURSE))],
    )
    return staged_module(patient=True, web={"users_file": str(users), "preview": "full"})


def log_in(visit, station, name, secret):
    page = visit(f"{station.url}/login?next=/bed/bed-1")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password or token").fill(secret)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_function("document.querySelector('.picture img')?.naturalWidth === 960")
    return page


def saved(station):
    document = yaml.safe_load(station.file.read_text())
    return {bed["id"]: bed.get("region_of_interest") for bed in document["beds"]}


def test_a_region_is_drawn_tried_saved_and_taken_back(station, visit):
    page = log_in(visit, station, "boss", BOSS)
    page.get_by_role("button", name="Region of interest of bed-1").click()
    page.get_by_label("Left edge, %").wait_for()
    found = Axe().run(page).response["violations"]
    assert not found, [(item["id"], [node["failureSummary"] for node in item["nodes"]]) for item in found]
    picture = page.locator(".picture-frame")
    picture.hover()  # waits until it has stopped moving
    box = picture.bounding_box()

    def to(x, y):
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.mouse.move(*to(0.8, 0.75))
    page.mouse.down()
    page.mouse.move(*to(0.5, 0.5), steps=3)
    page.mouse.move(*to(0.2, 0.25))
    # It follows the pointer before that is lifted, and stays with a pointer at rest while the page is renewed.
    follows = "wanted => Math.abs(document.querySelector('.picture-draft').getBoundingClientRect().width - wanted) <= 3"
    page.wait_for_function(follows, arg=0.6 * box["width"])
    page.evaluate("document.querySelector('.picture-draft').style.width = '100%'")
    page.wait_for_function(follows, arg=0.6 * box["width"])
    page.mouse.up()
    page.wait_for_function("document.querySelector('[aria-label=\"Left edge, %\"]').value.startsWith('20')")
    page.get_by_label("Right edge, %").fill("70")
    page.get_by_role("button", name="Save").click()
    row = page.locator(".undo-row")
    assert row.locator("div").first.inner_text() == "bed-1: region of interest saved, by boss"
    region = saved(station)["bed-1"]
    expected = {"left": 0.2, "top": 0.25, "right": 0.7, "bottom": 0.75}
    assert region == pytest.approx(expected, abs=0.006)
    assert saved(station)["bed-2"] is None
    page.get_by_text("Dashed frame: only there the face is searched for.").wait_for()
    assert page.locator(".picture-draft").is_hidden()
    row.get_by_role("button", name="Undo").click()
    page.get_by_text("bed-1: taken back, all is as before").wait_for()
    page.locator(".picture-region").wait_for(state="hidden")
    assert saved(station)["bed-1"] == {"left": 0.0, "top": 0.0, "right": 1.0, "bottom": 1.0}

    # The undo outlives the page, and opening the editor moves no button.
    editor, camera = (page.get_by_role("button", name=f"{what} of bed-1") for what in ("Region of interest", "Camera"))

    def row_of_buttons():
        boxes = [button.bounding_box() for button in (editor, camera)]
        return [(box["x"], box["width"], box["y"] - boxes[0]["y"]) for box in boxes]

    closed = row_of_buttons()
    editor.click()
    page.get_by_label("Right edge, %").wait_for()
    page.wait_for_function("document.querySelector('[aria-expanded=true]')")
    assert row_of_buttons() == closed
    page.get_by_label("Right edge, %").fill("60")
    page.get_by_role("button", name="Save").click()
    row.get_by_text("bed-1: region of interest saved, by boss").wait_for()
    # On a telephone the bar lies over the lower edge: what is there can be scrolled free of it.
    page.set_viewport_size({"width": 390, "height": 700})
    assert camera.evaluate(
        """button => {
            button.scrollIntoView({ block: "end" });
            const box = button.getBoundingClientRect();
            const seen = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return button.contains(seen);
        }"""
    )
    page.set_viewport_size({"width": 1366, "height": 768})
    page.reload()
    row.get_by_text("bed-1: region of interest saved, by boss").wait_for()
    row.get_by_role("button", name="Undo").click()
    page.get_by_text("bed-1: taken back, all is as before").wait_for()
    assert saved(station)["bed-1"]["right"] == 1.0
    page.reload()
    page.wait_for_function("document.querySelector('.picture img')?.naturalWidth === 960")
    assert row.count() == 0

    editor.click()
    page.get_by_label("Right edge, %").fill("0")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_text("left below right").wait_for()
    text = station.file.read_text()
    station.file.write_text(text.replace("bed-1", "bed-9"))
    page.get_by_role("button", name="Whole picture").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_text("names no bed bed-1").wait_for()
    station.file.write_text(text)


def test_a_nurse_sees_no_editor_and_the_api_refuses_them(station, visit):
    page = log_in(visit, station, "anna", NURSE)
    assert page.get_by_role("button", name="Region of interest").count() == 0

    def post(token, bed="bed-1", **fields):
        request = urllib.request.Request(
            f"{station.url}/api/v1/beds/{bed}/region",
            json.dumps(fields).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    assert post(NURSE, left=0.5)[0] == 403
    assert post(BOSS, bed="bed-7", left=0.5)[0] == 404
    assert post(BOSS, left=1.5)[0] == 422
    assert post(BOSS, left=0.5) == (200, {"bed": "bed-1", "sentences": ["bed-1 was changed by boss."]})
    assert saved(station)["bed-1"]["left"] == 0.5
