"""Every view for everybody: axe, forced colours, and the keyboard alone, in a real Chromium."""

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = [pytest.mark.timeout(180), pytest.mark.browser]

VIEWS = ["/", "/wall", "/bed/bed-1", "/bed/bed-3", "/handover", "/handover/bed-1", "/station", "/login"]
# What is drawn in forced colours, beside the shape: words and a border that the system's colours keep.
SHOWN = """() => Array.from(document.querySelectorAll('article[data-bed], .wall-tile')).map(tile => {
    const icon = tile.querySelector('.q-icon'), words = tile.querySelector('.status-words, .wall-words');
    const style = getComputedStyle(tile.matches('.wall-tile') ? tile : tile.querySelector('.status'));
    return [tile.dataset.state, icon.innerText, words.innerText, style.borderTopStyle !== 'none' &&
        parseFloat(style.borderTopWidth) > 0, getComputedStyle(words).color !== style.backgroundColor]; })"""
# The focused element: its name, and whether something shows that it is focused.
FOCUSED = """() => { const one = document.activeElement, style = getComputedStyle(one);
    const name = one.getAttribute('aria-label') || one.innerText || one.getAttribute('name') || '';
    return [one.tagName, name.trim(), style.outlineStyle !== 'none' || style.boxShadow !== 'none']; }"""


def live(page):
    page.wait_for_function("document.getElementById('pulse')?.textContent || location.pathname === '/login'")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_in_any_view(ward, visit, theme):
    page = visit(ward.url, color_scheme=theme)
    found = {}
    for path in VIEWS:
        page.goto(ward.url + path)
        live(page)
        if "/handover" in path:
            page.locator(".handover-period").wait_for()
        # What fades in has too little contrast half-way.
        page.wait_for_timeout(150)
        for item in Axe().run(page).response["violations"]:
            found[f"{path} {item['id']}"] = [node["failureSummary"] for node in item["nodes"]][:2]
    assert found == {}


@pytest.mark.parametrize("path", ["/", "/wall"])
def test_forced_colours_leave_shapes_words_and_borders(ward, visit, path):
    page = visit(ward.url + path, forced_colors="active")
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")
    shown = page.evaluate(SHOWN)
    assert len(shown) == 6
    assert all(border and readable for *_, border, readable in shown), shown
    # A state is told from every other without any colour.
    by_state = {state: (icon, words) for state, icon, words, *_ in shown}
    assert len(set(by_state.values())) == len(by_state) >= 5
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")


def test_every_control_is_reached_by_the_keyboard_and_seen_when_it_is(ward, visit):
    page = visit(f"{ward.url}/bed/bed-1")
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")
    page.locator(".trend-words").wait_for()
    wanted = {
        "Skip to content", "Beds", "Wall", "Handover", "Station", "Dark room", "Procedure at bed-1 now",
        "Say who lies in bed-1", "Acknowledge bed-1", "1 h", "8 h", "24 h", "Handover of bed-1",
    }  # fmt: skip
    reached = {}
    for _ in range(60):
        page.keyboard.press("Tab")
        tag, name, is_marked = page.evaluate(FOCUSED)
        if tag == "BODY":
            break
        reached[name] = is_marked
    assert wanted - reached.keys() == set()
    assert [name for name in wanted if not reached[name]] == []


def test_a_dialog_keeps_the_keyboard_and_gives_it_back(ward, visit):
    page = visit(f"{ward.url}/bed/bed-1")
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")
    button = page.get_by_role("button", name="Procedure at bed-1 now")
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Heel lance").wait_for()
    page.wait_for_function("document.activeElement.closest('[role=dialog]') !== null")
    for _ in range(16):
        page.keyboard.press("Tab")
        # At the end the browser's own controls come, never what lies behind the dialog.
        assert page.evaluate("['BODY', 'INPUT', 'BUTTON'].includes(document.activeElement.tagName)")
        assert page.evaluate("!document.activeElement.closest('#main, header')")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert page.evaluate("document.activeElement.ariaLabel") == "Procedure at bed-1 now"
