"""The page in a real Chromium: an alarm from beginning to end, and a page that never looks live when it is not."""

import re
import signal

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.timeout(90)


def tile(page, bed: str):
    return page.locator(f"article[data-bed={bed}]")


def wait_for_state(page, bed: str, state: str) -> None:
    page.wait_for_selector(f"[data-bed={bed}][data-state={state}]")


# From 60 beds on the tiles are made of fewer elements.
@pytest.mark.parametrize("beds", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_an_alarm_appears_is_acknowledged_and_ends(stage, visit, beds):
    station = stage(beds=beds)
    page = visit(station.url)
    wait_for_state(page, "bed-2", "no_sign")
    assert tile(page, "bed-2").locator(".status-words").inner_text() == "No sign of pain seen"
    assert page.get_by_role("button", name="Acknowledge").count() == 0

    station.set_bed("bed-2", score=0.9)
    wait_for_state(page, "bed-2", "pain_sustained")
    chip = page.locator(".urgency-chip")
    assert chip.all_inner_texts() == ["report\nbed-2: Sustained pain"]
    assert page.title().startswith("(1) ")
    assert "bed-2: Sustained pain." in page.get_by_role("status").all_inner_texts()

    # An escalation would undo an acknowledgement given before it.
    station.wait_for_phase("bed-2", "escalate")
    # By keyboard alone: the button, the name, and back.
    page.get_by_role("button", name="Acknowledge bed-2").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement?.ariaLabel === 'Who acknowledges?'")
    page.keyboard.type("nurse 7")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-bed=bed-2][data-acknowledged=true]")
    seen = tile(page, "bed-2").locator(".status-extra").inner_text()
    assert re.fullmatch(r"Acknowledged by nurse 7 until (\w+ \d+ )?\d\d:\d\d", seen)
    assert page.title() == "Beds"

    station.set_bed("bed-2", score=0.05)
    wait_for_state(page, "bed-2", "no_sign")
    page.get_by_role("link", name="bed-2", exact=True).click()
    page.wait_for_url("**/bed/bed-2")
    rows = page.locator("tbody tr").filter(has_text="Sustained pain")
    rows.first.wait_for()
    text = rows.first.inner_text()
    assert re.search(r"level 0\.\d\d of 1, \d+% of the last half minute above the threshold", text)
    assert "nurse 7" in text
    assert "ncnn-demo" not in text
    page.get_by_text("Technical notes on these alerts").click()
    page.get_by_text("model: ncnn-demo").first.wait_for()
    assert "over" in text


def test_a_nurse_pauses_a_bed_on_its_page(stage, visit):
    station = stage()
    page = visit(f"{station.url}/bed/bed-1")
    wait_for_state(page, "bed-1", "no_sign")
    pause = page.get_by_role("button", name="Pause bed-1 for 5 minutes")
    assert pause.count() == 0
    station.set_bed("bed-1", camera="lost")
    pause.click()
    # What is no name is refused where it was written.
    page.get_by_label("Who pauses?").fill("nurse\u00077")
    page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("alert").get_by_text("1 to 63 letters").wait_for()
    page.get_by_label("Who pauses?").fill("nurse 7")
    page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    page.locator(".status-extra").get_by_text("Paused by nurse 7").wait_for()
    page.wait_for_selector("[data-bed=bed-1][data-acknowledged=true]")
    pause.wait_for(state="hidden")
    assert "nurse 7" in page.locator("tbody").inner_text()
    page.get_by_text("Paused by nurse 7, 5 min left").wait_for()
    # What holds is signalled again when the pause is ended before its time.
    resume = page.get_by_role("button", name="End the pause of bed-1")
    resume.click()
    page.get_by_label("Who ends the pause?").fill("nurse 8")
    page.get_by_role("button", name="End the pause", exact=True).click()
    page.wait_for_selector("[data-bed=bed-1][data-acknowledged=false]")
    resume.wait_for(state="hidden")
    pause.click()
    page.get_by_label("Who pauses?").fill("nurse 7")
    page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    page.wait_for_selector("[data-bed=bed-1][data-acknowledged=true]")
    # What is new is signalled as ever.
    station.set_bed("bed-1", camera="playing", score=0.9)
    wait_for_state(page, "bed-1", "pain_sustained")
    assert page.locator("[data-bed=bed-1]").get_attribute("data-acknowledged") == "false"
    page.get_by_text("Not covered by the pause of nurse 7").wait_for()


def test_a_bed_that_cannot_be_seen_is_as_prominent_as_pain_and_shows_no_level(ward, visit):
    page = visit(ward.url)
    wait_for_state(page, "bed-1", "pain_sustained")
    wait_for_state(page, "bed-2", "cannot_see")
    wait_for_state(page, "bed-3", "camera_lost")
    assert tile(page, "bed-2").locator(".level-number").inner_text() == "\N{EN DASH}"
    read_style = """bed => {
        const status = document.querySelector(`article[data-bed=${bed}] .status`);
        const words = getComputedStyle(status.querySelector(".status-words"));
        const style = getComputedStyle(status);
        return [words.fontSize, words.fontWeight, style.backgroundImage !== "none" || style.backgroundColor];
    }"""
    pain, blind = page.evaluate(read_style, "bed-1"), page.evaluate(read_style, "bed-2")
    assert pain[:2] == blind[:2]
    assert "rgba(0, 0, 0, 0)" not in {pain[2], blind[2]}
    icons = [tile(page, bed).locator(".status-shape").inner_text() for bed in ("bed-1", "bed-2", "bed-3", "bed-6")]
    assert len(set(icons)) == 4
    order = page.locator("article").evaluate_all("all => all.map(one => one.dataset.bed)")
    assert order == [f"bed-{n}" for n in range(1, 7)]
    chips = [text.split("\n")[1] for text in page.locator(".urgency-chip").all_inner_texts()]
    assert chips == [
        "bed-1: Sustained pain", "bed-4: Sustained pain", "bed-5: Earlier pain",
        "bed-2: Cannot see", "bed-3: Camera lost",
    ]  # fmt: skip
    assert page.locator(".urgency-count").inner_text() == "5 beds need somebody"


def test_a_bed_that_cannot_be_seen_has_no_share_of_time_above_the_threshold(ward, visit):
    for bed, share in (("bed-2", "\N{EN DASH}"), ("bed-3", "\N{EN DASH}"), ("bed-6", "0% of 30 s")):
        page = visit(f"{ward.url}/bed/{bed}")
        page.wait_for_selector("dl.facts dd")
        fact = page.locator("dl.facts div", has_text="Above threshold").locator("dd")
        expect_text = "text => document.querySelectorAll('dl.facts dd')[1].innerText === text"
        page.wait_for_function(expect_text, arg=share)
        assert fact.inner_text() == share


def test_pain_stays_when_the_face_goes_away_and_says_that_it_cannot_be_confirmed(ward, visit):
    page = visit(ward.url)
    page.wait_for_selector("[data-bed=bed-4][data-state=pain_sustained][data-sees=false]")
    assert "Cannot be confirmed now." in tile(page, "bed-4").locator(".status-detail").inner_text()


def test_an_alarm_that_is_over_and_that_nobody_has_seen_asks_for_it(ward, visit):
    page = visit(ward.url)
    wait_for_state(page, "bed-5", "pain_latched")
    assert tile(page, "bed-5").locator(".status-words").inner_text() == "Earlier pain"
    assert "nobody has acknowledged" in tile(page, "bed-5").locator(".status-detail").inner_text()
    assert tile(page, "bed-5").locator(".status-since").inner_text().startswith("Since ")
    border = tile(page, "bed-5").locator(".status").evaluate("e => getComputedStyle(e).borderColor")
    amber = tile(page, "bed-1").locator(".status").evaluate("e => getComputedStyle(e).backgroundColor")
    assert border == amber
    assert page.get_by_role("button", name="Acknowledge bed-5").is_visible()


def test_a_stopped_station_shows_as_disconnected_and_its_return_as_live(stage, visit):
    station = stage()
    page = visit(station.url)
    wait_for_state(page, "bed-1", "no_sign")
    station.signal(signal.SIGKILL)
    lost = page.locator("#link-lost")
    lost.wait_for(state="visible")
    assert "What is shown below is old. Look at the infants." in lost.inner_text()
    assert page.title().startswith("DISCONNECTED")
    assert page.locator("#main").evaluate("main => getComputedStyle(main).opacity") != "1"
    station.stop()
    station.start()
    lost.wait_for(state="hidden", timeout=30_000)
    station.set_bed("bed-1", score=0.9)
    wait_for_state(page, "bed-1", "pain_sustained")
    assert not page.title().startswith("DISCONNECTED")


def test_a_station_that_hangs_does_not_look_live_either(stage, visit):
    station = stage()
    page = visit(station.url)
    wait_for_state(page, "bed-1", "no_sign")
    station.signal(signal.SIGSTOP)
    page.locator("#link-lost").wait_for(state="visible", timeout=8_000)
    station.signal(signal.SIGCONT)
    page.locator("#link-lost").wait_for(state="hidden", timeout=30_000)


def test_the_live_picture_is_shown_only_where_it_may_be(stage, visit):
    shown = stage(web={"anonymous_role": "viewer", "preview": "full"})
    page = visit(f"{shown.url}/bed/bed-1")
    page.wait_for_function("document.querySelector('.picture img')?.naturalWidth === 960")
    shown.set_bed("bed-1", camera="lost")
    page.get_by_text("No live picture").wait_for()
    assert page.locator(".picture img").is_hidden()


def test_the_region_of_interest_is_drawn_on_the_picture(stage, visit):
    region = {"left": 0.25, "top": 0.1, "right": 0.75, "bottom": 0.9}
    beds = [
        {"id": "bed-1", "camera": {"url": "synthetic://calm"}, "region_of_interest": region},
        {"id": "bed-2", "camera": {"url": "synthetic://calm"}},
    ]
    shown = stage(web={"anonymous_role": "viewer", "preview": "full"}, beds=beds)
    page = visit(f"{shown.url}/bed/bed-1")
    page.wait_for_function("document.querySelector('.picture img')?.naturalWidth === 960")
    page.get_by_text("Dashed frame: only there the face is searched for.").wait_for()
    picture, drawn = page.locator(".picture img").bounding_box(), page.locator(".picture-region").bounding_box()
    assert drawn["x"] - picture["x"] == pytest.approx(0.25 * picture["width"], abs=2)
    assert drawn["y"] - picture["y"] == pytest.approx(0.1 * picture["height"], abs=2)
    assert drawn["width"] == pytest.approx(0.5 * picture["width"], abs=2)
    assert drawn["height"] == pytest.approx(0.8 * picture["height"], abs=2)
    shown.set_bed("bed-1", camera="lost")
    page.locator(".picture-region").wait_for(state="hidden")
    page.goto(f"{shown.url}/bed/bed-2")
    page.wait_for_function("document.querySelector('.picture img')?.naturalWidth === 960")
    assert page.locator(".picture-region").is_hidden()


def test_the_ward_shows_a_small_picture_of_each_bed_and_says_in_words_what_was_found(stage, visit):
    shown = stage(web={"anonymous_role": "viewer", "preview": "full"})
    page = visit(shown.url)
    picture = "document.querySelector('[data-bed=bed-1] .tile-picture img')"
    page.wait_for_function(f"{picture}?.naturalWidth === 480")
    assert tile(page, "bed-1").locator(".spark-span").inner_text() == "last 2 min"
    shown.set_bed("bed-1", camera="lost")
    wait_for_state(page, "bed-1", "camera_lost")
    tile(page, "bed-1").locator("img").wait_for(state="hidden")
    page.goto(f"{shown.url}/bed/bed-2")
    page.get_by_text("Face found").wait_for()
    assert "Level of the last 2 minutes. Times in " in page.locator(".chart-figure").first.inner_text()


def test_no_picture_is_shown_by_default(ward, visit):
    page = visit(f"{ward.url}/bed/bed-1")
    page.get_by_text("Pictures are switched off").wait_for()
    assert page.request.get(f"{ward.url}/api/v1/beds/bed-1/preview.jpg").status == 404


def test_somebody_without_a_login_sees_nothing_and_a_viewer_cannot_acknowledge(stage, visit, tmp_path, users_file):
    station = stage(web={"users_file": str(users_file(tmp_path))})
    page = visit(station.url)
    assert page.url == f"{station.url}/login?next=/"
    assert Axe().run(page).violations_count == 0
    page.get_by_label("Name").fill("wall")
    page.get_by_label("Password or token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    assert "Name or password is wrong." in page.get_by_role("alert").inner_text()
    log_in(page, "wall", "a long password")
    wait_for_state(page, "bed-1", "no_sign")
    station.set_bed("bed-1", score=0.9)
    wait_for_state(page, "bed-1", "pain_sustained")
    assert page.get_by_role("button", name="Acknowledge bed-1").count() == 0
    # An escalation would undo an acknowledgement given before it.
    station.wait_for_phase("bed-1", "escalate")
    page.get_by_role("button", name="Log out wall").click()
    page.wait_for_url("**/login")
    log_in(page, "anna", "another password")
    page.get_by_role("button", name="Acknowledge bed-1").click()
    page.wait_for_selector("[data-bed=bed-1][data-acknowledged=true]")
    alerts = page.request.get(f"{station.url}/api/v1/alerts").json()
    assert {alert["acknowledgement"]["by"] for alert in alerts} == {"anna"}


def log_in(page, name: str, secret: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password or token").fill(secret)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("#pulse", state="attached")


def test_a_login_survives_a_restart_and_ends_with_its_user(stage, visit, tmp_path, users_file):
    users = users_file(tmp_path)
    station = stage(web={"users_file": str(users)})
    page = visit(station.url)
    log_in(page, "anna", "another password")
    wait_for_state(page, "bed-1", "no_sign")
    station.stop()
    page.locator("#link-lost").wait_for(state="visible")
    station.start()
    page.locator("#link-lost").wait_for(state="hidden", timeout=30_000)
    wait_for_state(page, "bed-1", "no_sign")
    users.write_text("".join(line for line in users.read_text().splitlines(keepends=True) if "anna" not in line))
    page.wait_for_url("**/login*")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_in_a_dialog(ward, visit, theme):
    page = visit(ward.url, color_scheme=theme)
    wait_for_state(page, "bed-1", "pain_sustained")
    assert_accessible(page)
    page.get_by_role("button", name="Acknowledge bed-1").click()
    page.get_by_label("Who acknowledges?").wait_for()
    assert_accessible(page)


def assert_accessible(page) -> None:
    # What fades in has too little contrast half-way.
    page.wait_for_timeout(100)
    page.wait_for_function("document.getAnimations().length === 0 && !document.querySelector('[class*=enter-active]')")
    results = Axe().run(page)
    found = [
        f"{item['id']}: {item['help']}: {[(node['target'], node['failureSummary']) for node in item['nodes']]}"
        for item in results.response["violations"]
    ]
    assert not found, f"{page.url}\n" + "\n".join(found)


@pytest.mark.parametrize(("width", "height"), [(2560, 1440), (1366, 768), (390, 844), (320, 640)])
def test_no_size_needs_scrolling_sideways(ward, visit, width, height):
    page = visit(ward.url, width, height)
    for path in ("/", "/bed/bed-1", "/station"):
        page.goto(ward.url + path)
        page.wait_for_function("document.getElementById('pulse')?.textContent")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_dark_room_is_remembered(ward, visit):
    page = visit(ward.url, color_scheme="light")
    button = page.get_by_role("button", name="Dark room")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    page.wait_for_selector("body.body--dark")
    page.reload()
    page.wait_for_selector("body.body--dark")
    assert page.get_by_role("button", name="Dark room").get_attribute("aria-pressed") == "true"


def test_no_acknowledge_button_ever_moves_while_alarms_come_and_go(stage, visit):
    station = stage(beds=6)
    page = visit(station.url)
    wait_for_state(page, "bed-6", "no_sign")
    boxes = "Array.from(document.querySelectorAll('article .ack')).map(e => JSON.stringify(e.getBoundingClientRect()))"
    before = page.evaluate(boxes)
    assert len(set(before)) == 6
    station.set_bed("bed-5", score=0.9)
    station.set_bed("bed-3", visibility="no_face")
    station.set_bed("bed-2", camera="lost")
    for bed, state in (("bed-5", "pain_sustained"), ("bed-3", "cannot_see"), ("bed-2", "camera_lost")):
        wait_for_state(page, bed, state)
        assert page.evaluate(boxes) == before
    station.set_bed("bed-5", visibility="no_face")
    page.wait_for_selector("[data-bed=bed-5][data-sees=false]")
    station.set_bed("bed-2", camera="playing", score=0.9)
    wait_for_state(page, "bed-2", "pain_sustained")
    assert page.evaluate(boxes) == before


def test_an_acknowledgement_by_mistake_is_undone_within_ten_seconds(stage, visit):
    station = stage()
    page = visit(station.url)
    station.set_bed("bed-2", score=0.9)
    station.wait_for_phase("bed-2", "escalate")
    page.get_by_role("button", name="Acknowledge bed-2").click()
    page.get_by_label("Who acknowledges?").fill('nurse "7" <b>')
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge", exact=True).click()
    page.wait_for_selector("[data-bed=bed-2][data-acknowledged=true]")
    row = page.locator(".undo-row")
    assert re.match(r'bed-2: acknowledged by nurse "7" <b> until (\w+ \d+ )?\d\d:\d\d', row.inner_text())
    # Where the button was, nothing else comes under the finger.
    page.mouse.click(*page.evaluate(
        "(() => { const box = document.querySelector('[data-bed=bed-2] .ack').getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    ))  # fmt: skip
    row.get_by_role("button", name="Undo").click()
    page.wait_for_selector("[data-bed=bed-2][data-acknowledged=false]")
    assert page.url == f"{station.url}/"
    assert row.count() == 0
    page.get_by_role("button", name="Acknowledge bed-2").click()
    page.get_by_label("Who acknowledges?").fill("nurse 7")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge", exact=True).click()
    row.wait_for()
    row.wait_for(state="detached", timeout=14_000)


def test_a_bed_says_how_often_it_hurt_within_the_hour(stage, visit):
    past = []
    for age in (540, 420, 300, 180):
        past += [[age, {"bed": "bed-1", "score": 0.9}], [age - 20, {"bed": "bed-1", "score": 0.05}]]
    page = visit(stage(past=past).url)
    wait_for_state(page, "bed-1", "pain_latched")
    assert "4 times in the last hour" in tile(page, "bed-1").locator(".status-since").inner_text()


def test_a_nurse_says_who_lies_in_a_bed(stage, visit):
    station = stage()
    page = visit(f"{station.url}/bed/bed-1")
    station.set_bed("bed-1", score=0.9)
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")
    page.get_by_role("button", name="Say who lies in bed-1").click()
    page.get_by_role("button", name="Bed is empty").click()
    page.get_by_role("alert").get_by_text("Give a name").wait_for()
    page.get_by_label("Who are you?").fill("nurse 7")
    page.get_by_role("button", name="Bed is empty").click()
    page.wait_for_selector("[data-bed=bed-1][data-state=empty]")
    words = page.locator("[data-bed=bed-1] .status-words").inner_text()
    detail = page.locator("[data-bed=bed-1] .status-detail").inner_text()
    assert (words, detail) == ("Empty", "Not watched until an infant is admitted.")

    station.set_bed("bed-1", score=0.05)
    page.get_by_role("button", name="Say who lies in bed-1").click()
    assert page.get_by_role("button", name="Stand-by").count() == 0, "there is nobody who could be away"
    page.get_by_label("Who are you?").fill("nurse 8")
    page.get_by_label("Pseudonym of the infant").fill("infant 12")
    page.get_by_role("button", name="Admit an infant").click()
    page.get_by_role("alert").get_by_text("write a pseudonym").wait_for()
    page.get_by_label("Pseudonym of the infant").fill("infant-12")
    page.get_by_role("button", name="Admit an infant").click()
    page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")
    page.get_by_text("infant-12", exact=True).wait_for()

    page.get_by_role("button", name="Say who lies in bed-1").click()
    page.get_by_label("Who are you?").fill("nurse 8")
    page.get_by_label("Minutes of stand-by").fill("9999")
    page.get_by_label("Reason of the stand-by").fill("bath")
    page.get_by_role("button", name="Stand-by", exact=True).click()
    page.get_by_text("at most 14400 s").wait_for()
    page.get_by_label("Minutes of stand-by").fill("20")
    page.get_by_role("button", name="Stand-by", exact=True).click()
    page.wait_for_selector("[data-bed=bed-1][data-state=standby]")
    detail = page.locator("[data-bed=bed-1] .status-detail").inner_text()
    assert detail == "By nurse 8, until a face returns, 20 min left. Pain is not watched. Reason: bath."
    page.goto(station.url)
    page.wait_for_selector("article[data-bed=bed-1][data-state=standby]")
