"""The wall in a real Chromium: all beds on one screen, readable from across the room, never a form in silence."""

import pytest

from monitor.control.access import Role
from monitor.web.pages.bed_names import common_ends, short_name
from monitor.web.pages.wall_page import grid_size
from monitor.web.users import User, hash_password, read_users, write_users

pytestmark = [pytest.mark.timeout(120), pytest.mark.browser]

MEASURE = """() => {
    const context = document.createElement("canvas").getContext("2d");
    const capital = element => {
        const style = getComputedStyle(element);
        context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
        return context.measureText("H").actualBoundingBoxAscent;
    };
    return Array.from(document.querySelectorAll(".wall-fit")).map(element => {
        const inner = element.getBoundingClientRect(), room = element.parentElement.getBoundingClientRect();
        const fits = element.scrollWidth <= element.clientWidth + 1 && inner.bottom <= room.bottom + 1;
        return [capital(element), fits && inner.right <= room.right + 1];
    });
}"""


@pytest.mark.parametrize(("beds", "size"), [(1, (1, 1)), (6, (3, 2)), (24, (6, 4)), (36, (9, 4)), (45, (9, 5))])
def test_the_wall_has_a_place_for_every_bed(beds, size):
    assert grid_size(beds) == size
    assert size[0] * size[1] >= beds


@pytest.mark.parametrize("beds", [24, 36])
def test_every_bed_fits_on_a_full_hd_screen_in_letters_of_30_px(stage, visit, beds):
    station = stage(beds=beds, station={"language": "pt-BR"})
    station.set_bed("bed-2", score=0.9)
    station.set_bed("bed-3", camera="lost")
    page = visit(f"{station.url}/wall", 1920, 1080)
    page.wait_for_selector("[data-bed=bed-2][data-state=pain_sustained]")
    page.wait_for_timeout(1000)
    measured = page.evaluate(MEASURE)
    assert len(measured) == 2 * beds
    assert min(height for height, _ in measured) >= 30
    assert all(fits for _, fits in measured)
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        1920,
        1080,
    ]
    tiles = page.locator("article").evaluate_all("all => all.map(e => e.getBoundingClientRect().toJSON())")
    assert all(box["left"] >= 0 and box["right"] <= 1920 and box["bottom"] <= 1080 for box in tiles)
    assert len({round(box["left"]) for box in tiles}) == grid_size(beds)[0]
    assert page.locator("button").count() == 0


def test_a_display_that_is_logged_out_says_so_and_shows_no_form(stage, visit, tmp_path):
    users = tmp_path / "users"
    write_users(users, [User("wall-1", Role.DISPLAY, hash_password("a long password"))])
    station = stage(web={"users_file": str(users), "session_hours": 0.0001})
    page = visit(f"{station.url}/wall", 1920, 1080)
    page.get_by_role("heading", name="This display is logged out").wait_for()
    assert page.get_by_label("Name").count() == 0
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Name").fill("wall-1")
    page.get_by_label("Password or token").fill("a long password")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/wall")
    page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")
    # Longer than a session of these settings, which is for people: a display's has no end.
    page.wait_for_timeout(1500)
    page.reload()
    page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")
    cookie = next(one for one in page.context.cookies() if one["name"] == "nicu_session")
    assert cookie["expires"] - page.evaluate("Date.now() / 1000") > 300 * 86_400
    assert page.request.post(f"{station.url}/api/v1/beds/bed-1/pause").status == 403
    # Its name is removed: the page says so, and hides what is old.
    write_users(users, [user for user in read_users(users).all() if user.name != "wall-1"])
    page.locator("#logged-out").wait_for(state="visible", timeout=20_000)
    assert page.url.endswith("/wall")
    assert "Look at the infants" in page.locator("#logged-out").inner_text()
    assert page.locator("#main").evaluate("main => getComputedStyle(main).opacity") != "1"
    page.reload()
    page.get_by_role("heading", name="This display is logged out").wait_for()


def test_a_wall_of_somebody_whose_login_ends_soon_says_when(stage, visit, users_file, tmp_path):
    station = stage(beds=36, web={"users_file": str(users_file(tmp_path)), "session_hours": 0.1})
    page = visit(f"{station.url}/login?next=/wall", 1920, 1080)
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password or token").fill("another password")
    page.get_by_role("button", name="Log in").click()
    warning = page.locator(".login-ends")
    warning.get_by_text("Your login ends at").wait_for()
    page.wait_for_selector("[data-bed=bed-36][data-state=no_sign]")
    page.wait_for_timeout(1000)
    assert page.evaluate("document.documentElement.scrollHeight") == 1080
    assert page.locator("article").evaluate_all("all => all.every(e => e.getBoundingClientRect().bottom <= 1080)")
    measured = page.evaluate(MEASURE)
    assert min(height for height, _ in measured) >= 30
    assert all(fits for _, fits in measured)
    assert warning.get_by_role("link", name="Log in again").get_attribute("href") == "/login?next=/wall"


def test_a_display_s_session_is_worth_nothing_in_another_role(stage, visit, tmp_path):
    users = tmp_path / "users"
    secret = hash_password("a long password")
    write_users(users, [User("wall-1", Role.DISPLAY, secret)])
    station = stage(web={"users_file": str(users)})
    page = visit(f"{station.url}/login?next=/wall")
    page.get_by_label("Name").fill("wall-1")
    page.get_by_label("Password or token").fill("a long password")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("[data-bed=bed-1]")
    write_users(users, [User("wall-1", Role.NURSE, secret)])
    assert page.request.get(f"{station.url}/api/v1/session").status == 401


def test_the_dark_room_dims_the_pictures(stage, visit):
    station = stage(web={"anonymous_role": "viewer", "preview": "full"})
    page = visit(f"{station.url}/wall?theme=dark", 1920, 1080)
    page.wait_for_selector("body.body--dark")
    image = page.locator("[data-bed=bed-1] .tile-picture img")
    image.wait_for()
    assert image.evaluate("e => getComputedStyle(e).filter") == "brightness(0.5)"


NAMES = """names => Array.from(document.querySelectorAll(names)).map(
    e => [e.textContent, e.scrollWidth <= e.clientWidth + 1 && e.scrollHeight <= e.clientHeight + 1])"""
ALIKE = [f"NICU-north-incubator-position-{n:02d}" for n in range(1, 41)]
DIFFERENT = [
    f"{'north' if n % 2 else 'south'}-incubator-in-the-large-room-{n:02d}-beside-the-window" for n in range(18)
]


@pytest.mark.parametrize("ids", [ALIKE, DIFFERENT])
def test_beds_with_long_names_are_told_apart_on_the_wall_and_in_the_strip(stage, visit, ids):
    station = stage(beds=[{"id": one, "camera": {"url": "synthetic://calm"}} for one in ids])
    station.set_bed(ids[3], score=0.9)
    page = visit(f"{station.url}/wall", 1920, 1080)
    page.wait_for_selector(f"[data-bed={ids[3]}][data-state=pain_sustained]")
    page.wait_for_function("Array.from(document.querySelectorAll('.wall-name')).every(e => e.dataset.shown)")
    page.wait_for_timeout(1000)
    names = page.evaluate(NAMES, ".wall-name")
    assert len({text for text, _ in names}) == len(ids), "no two beds are called the same"
    assert all(fits for _, fits in names)
    assert all("…" in text for text, _ in names), "what is left out leaves a sign"
    page.goto(station.url)
    page.set_viewport_size({"width": 360, "height": 740})
    page.locator(f".urgency-chip[href='/bed/{ids[3]}']").wait_for()
    assert all(fits for _, fits in page.evaluate(NAMES, ".tile-head h2"))
    assert [text for text, _ in page.evaluate(NAMES, ".tile-head h2")] == ids


def test_short_names_and_one_alone_are_shown_whole():
    assert common_ends([f"bed-{n}" for n in range(40)]) == ("", "")
    assert common_ends(["NICU-north-incubator-position-01"]) == ("", "")
    assert common_ends(ALIKE) == ("NICU-north-incubator-position-", "")
    assert short_name(ALIKE[8], common_ends(ALIKE)) == "…09"
    assert common_ends(["NICU-incubator-1-a", "NICU-incubator-12-a"]) == ("NICU-incubator-", "-a")
    assert short_name("NICU-incubator-12-a", ("NICU-incubator-", "-a")) == "…12…"
    assert common_ends(["incubator-eleven", "incubation-twelve"]) == ("", "")
    assert short_name("NICU-", ("NICU-", "")) == "NICU-"
    names = ["NICU-incubator", "NICU-incubator-incubator"]
    assert len({short_name(one, common_ends(names)) for one in names}) == 2
