"""The tones of the page, as they reach the audio graph of a real Chromium."""

import signal

import pytest

pytestmark = [pytest.mark.timeout(120), pytest.mark.browser]

# Notes what is started in the audio graph: kind of wave, pitch, and when.
RECORD = """
    window.played = [];
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (at) {
        window.played.push([this.type, this.frequency.value, at]);
        return start.call(this, at);
    };
"""
# Notes which notices the browser was asked to show, and shows them.
NOTICED = """
    window.noticed = [];
    window.Notification = class extends Notification {
        constructor(title, options) { super(title, options); window.noticed.push([title, options.body]); }
    };
"""
PAIN_LOW, PAIN_MEDIUM = [494, 587], [494, 587, 740]
CAMERA, LOST = [311, 233], [831, 208, 831, 208]


def visit_with_sound(browser, url, on=True):
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.add_init_script(RECORD)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(url)
    page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")
    if on:
        page.get_by_role("button", name="Sound", exact=True).click()
        page.locator("#sound[data-state=on]").wait_for()
    return page


def log_in(page, name, secret):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password or token").fill(secret)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")


def log_out(users, name):
    users.write_text("".join(line for line in users.read_text().splitlines(keepends=True) if name not in line))


OUT = "You were logged out. Nothing is signalled here. Look at the infants."


def test_a_login_that_ends_says_so_and_leads_back(stage, browser, tmp_path, users_file):
    users = users_file(tmp_path)
    station = stage(web={"users_file": str(users)})
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.set_default_timeout(45_000)
    page.goto(f"{station.url}/login?next=/bed/bed-1%3Fsound=off")
    log_in(page, "anna", "another password")
    assert page.get_by_text("Your login ends at").count() == 0
    log_out(users, "anna")
    page.wait_for_url("**/login?ended=1**")
    page.get_by_text(OUT).wait_for()
    page.get_by_role("link", name="Español").click()
    page.get_by_text("Aquí no se señaliza nada. Observe a los bebés.").wait_for()
    page.get_by_role("link", name="English").click()
    page.get_by_text(OUT).wait_for()
    log_in(page, "wall", "a long password")
    assert page.url == f"{station.url}/bed/bed-1?sound=off", "the page that was open"
    page.context.close()


def test_a_page_with_tones_whose_login_ends_sounds_until_somebody_logs_in(stage, browser, tmp_path, users_file):
    """The story: one tone and a silent form; who was at an incubator just then heard nothing for the rest of it."""
    users = users_file(tmp_path)
    station = stage(web={"users_file": str(users)})
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.add_init_script(RECORD)
    page = context.new_page()
    page.set_default_timeout(45_000)
    page.goto(f"{station.url}/login?next=/bed/bed-1%3Fsound=on")
    log_in(page, "anna", "another password")
    page.mouse.click(5, 400)  # lifts the browser's block
    page.locator("#sound[data-state=on]").wait_for()
    log_out(users, "anna")
    page.locator("#logged-out").wait_for(state="visible")
    assert OUT in page.locator("#logged-out").inner_text()
    page.locator("#main").wait_for(state="hidden")
    page.wait_for_function("window.played.filter(([, pitch]) => pitch === 831).length >= 4")
    assert page.locator("#link-lost").is_hidden()
    page.locator("#logged-out").get_by_role("link", name="Log in").click()
    page.get_by_text(OUT).wait_for()
    log_in(page, "wall", "a long password")
    assert page.url == f"{station.url}/bed/bed-1?sound=on", "the page that was open"
    context.close()


def test_a_login_that_ends_soon_says_when_and_can_be_renewed(stage, browser, tmp_path, users_file):
    station = stage(web={"users_file": str(users_file(tmp_path)), "session_hours": 0.1})
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.set_default_timeout(45_000)
    page.goto(f"{station.url}/login?next=/bed/bed-1")
    log_in(page, "anna", "another password")
    warning = page.locator(".login-ends")
    warning.get_by_text("Your login ends at").wait_for()
    before = page.context.cookies()
    warning.get_by_role("link", name="Log in again").click()
    log_in(page, "anna", "another password")
    assert page.url == f"{station.url}/bed/bed-1"
    assert page.context.cookies() != before
    page.context.close()


def contains(sequence):
    return (
        "wanted => window.played.some((_, i) => wanted.every((note, k) => window.played[i + k]?.[1] === note))",
        sequence,
    )


def wait_for_notes(page, notes):
    script, wanted = contains(notes)
    page.wait_for_function(script, arg=wanted)


def test_sound_is_off_until_somebody_turns_it_on_and_says_so(stage, browser):
    station = stage()
    page = visit_with_sound(browser, station.url, on=False)
    assert page.locator(".sound-state").inner_text() == "Sound is off"
    station.set_bed("bed-1", score=0.9)
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")
    page.wait_for_timeout(1500)
    assert page.evaluate("window.played") == []
    page.context.close()


def test_every_priority_has_a_tone_of_its_own_and_an_acknowledgement_ends_it(stage, browser):
    station = stage(alarms={"hold_seconds": 0.5, "window_seconds": 60.0, "level_tau_seconds": 0.5})
    page = visit_with_sound(browser, station.url)
    station.set_bed("bed-1", score=0.9)
    wait_for_notes(page, PAIN_LOW)
    station.set_bed("bed-2", camera="lost")
    page.wait_for_selector("[data-bed=bed-2][data-state=camera_lost]")
    page.wait_for_timeout(1500)
    # Pain is heard, not the camera of another bed.
    assert {wave for wave, _, _ in page.evaluate("window.played")} == {"triangle"}
    page.get_by_role("button", name="Acknowledge bed-1").click()
    page.get_by_label("Who acknowledges?").fill("nurse 7")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge", exact=True).click()
    wait_for_notes(page, CAMERA)
    times = [at for wave, _, at in page.evaluate("window.played") if wave == "triangle"]
    assert times == sorted(times)
    page.context.close()


def test_sustained_pain_is_heard_as_medium(stage, browser):
    station = stage()
    page = visit_with_sound(browser, station.url)
    station.set_bed("bed-1", score=0.9)
    wait_for_notes(page, PAIN_MEDIUM)
    page.context.close()


def test_a_lost_station_is_heard_though_it_cannot_say_so(stage, browser):
    station = stage()
    page = visit_with_sound(browser, station.url)
    station.signal(signal.SIGKILL)
    page.locator("#link-lost").wait_for(state="visible")
    wait_for_notes(page, LOST)
    page.context.close()


def test_the_test_button_plays_every_tone(stage, browser):
    page = visit_with_sound(browser, stage().url, on=False)
    page.get_by_role("button", name="Try the tones").click()
    for notes in (PAIN_LOW, PAIN_MEDIUM, CAMERA, LOST):
        wait_for_notes(page, notes)
    times = [at for _, _, at in page.evaluate("window.played")]
    assert times == sorted(times)
    page.context.close()


def test_a_browser_that_blocks_sound_says_so_and_a_click_lifts_it(stage, browser):
    page = visit_with_sound(browser, stage().url)
    page.reload()
    page.locator("#sound").wait_for()
    # Without a click on the new page the browser may hold sound back; then it must not say that it is on.
    page.wait_for_function("['on', 'blocked'].includes(document.getElementById('sound').dataset.state)")
    page.get_by_text("No alert does not mean no pain.").click()
    page.locator("#sound[data-state=on]").wait_for()
    page.context.close()


def test_a_blocked_sound_is_shown_as_blocked(stage, browser):
    page = visit_with_sound(browser, stage().url)
    page.evaluate("Object.defineProperty(AudioContext.prototype, 'state', {get: () => 'suspended'})")
    page.locator("#sound[data-state=blocked]").wait_for()
    assert page.locator(".sound-state").inner_text() == "Sound is blocked by the browser: click anywhere"
    page.context.close()


def test_a_page_behind_others_shows_a_desktop_notice_where_a_person_wants_that(stage, browser):
    station = stage()
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.grant_permissions(["notifications"], origin=station.url)
    context.add_init_script(NOTICED)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(station.url)
    page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")
    page.get_by_role("button", name="Desktop notices").click()
    page.locator(".notice-switch[aria-pressed=true]").wait_for()
    station.set_bed("bed-1", score=0.9)
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")
    assert page.evaluate("window.noticed") == [], "who looks at the page needs no notice"
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    station.set_bed("bed-2", score=0.9)
    page.wait_for_function("window.noticed.some(([title]) => title.includes('bed-2'))")
    ((title, body),) = [one for one in page.evaluate("window.noticed") if "bed-2" in one[0]][:1]
    assert "pain" in title.lower()
    assert body == "Look at the infant."
    context.close()
