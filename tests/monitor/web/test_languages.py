"""No sentence of the page is outside the catalogue: a language in brackets, read back from a real Chromium."""

import re
from datetime import datetime

import pytest

from monitor.control.access import Role, hash_token
from monitor.web.users import User, write_users

pytestmark = [pytest.mark.timeout(120), pytest.mark.browser]

BOSS = "b" * 43
TEXTS = """() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const around = node.parentElement;
        if (["SCRIPT", "STYLE", "TEMPLATE", "NOSCRIPT"].includes(around.tagName)) continue;
        if (around.closest(".q-icon, .languages, a[lang], #pulse, #signals, [id$=popup]")) continue;
        if (around.closest(".notes-text, .strip-notes, textarea")) continue;
        found.push(node.textContent.trim());
    }
    for (const name of ["aria-label", "title", "alt", "placeholder"])
        for (const element of document.querySelectorAll(`[${name}]`))
            if (!element.closest(".languages, .q-icon")) found.push(element.getAttribute(name).trim());
    return found.filter(text => /[A-Za-z]{2}/.test(text));
}"""
# Ids, names of people, models and programs; a part that is no sentence.
NOT_WORDS = re.compile(
    r"(rtsp://192.0.2.10/stream1|bed-\d+(-camera)?|north-\*,bed-7|boss|integrator|study-\d"
    r"|station-1|NICU pain monitor|nurse [78]|ncnn-demo|retinaface|onnxruntime|demo|test"
    r"|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d+(, \d{4})?"
    r"|c{12}|[A-Z]{3,4}|\d+ (s|min|h)\b|\d+(\.\d+)*)"
)


def outside(texts: list[str]) -> list[str]:
    """Return what stands outside of brackets and is a word for people."""
    left = []
    for text in texts:
        rest = text
        while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", " ", rest)) != rest:
            rest = shorter
        rest = NOT_WORDS.sub(" ", rest)
        if re.search(r"[A-Za-z]{2}", rest):
            left.append(text)
    return left


@pytest.fixture(scope="module")
def bracketed(staged_module, tmp_path_factory):
    users = tmp_path_factory.mktemp("users") / "users"
    program = User("integrator", Role.VIEWER, hash_token("t" * 43))
    study = [User(f"study-{n}", Role.RESEARCHER, hash_token(f"{n}" * 43), pictures=n == 7) for n in (7, 8)]
    write_users(users, [User("boss", Role.ADMIN, hash_token(BOSS)), program, *study])
    web = {"anonymous_role": "nurse", "preview": "full", "users_file": str(users)}
    past = [
        [60, {"bed": "bed-2", "visibility": "no_face"}],
        [60, {"bed": "bed-3", "camera": "lost"}],
        *([50, {"bed": bed, "score": 0.9}] for bed in ("bed-1", "bed-5")),
        [20, {"bed": "bed-5", "score": 0.05}],
    ]
    station = staged_module(beds=5, past=past, web=web, pseudo=True)
    station.wait_for_phase("bed-1", "escalate")
    station.wait_for_phase("bed-5", "end")
    return station


@pytest.mark.parametrize("path", ["/", "/wall", "/bed/bed-1", "/bed/bed-3", "/bed/bed-9", "/station", "/handover"])
def test_no_sentence_of_the_page_is_outside_the_catalogue(bracketed, visit, path):
    page = visit(bracketed.url + path)
    page.wait_for_function("document.getElementById('pulse')?.textContent")
    page.wait_for_timeout(500)
    if path == "/handover":
        page.locator(".handover-period").wait_for()
    texts = page.evaluate(TEXTS)
    assert sum("⟦" in text for text in texts) > 4
    assert outside(texts) == []


def test_no_sentence_of_a_dialog_is_outside_the_catalogue(bracketed, visit):
    page = visit(bracketed.url)
    page.locator("[data-bed=bed-1] .ack").click()
    page.locator(".ack-dialog input").wait_for()
    page.locator(".ack-dialog .ack").click()
    page.wait_for_timeout(300)
    assert outside(page.evaluate(TEXTS)) == []
    page.locator(".ack-dialog input").fill("nurse 7")
    page.locator(".ack-dialog .ack").click()
    page.locator(".undo-row").wait_for()
    assert outside(page.evaluate(TEXTS)) == []


def test_no_sentence_of_the_undo_bar_or_of_a_refusal_is_outside_the_catalogue(bracketed, visit):
    page = visit(f"{bracketed.url}/bed/bed-2")
    page.get_by_role("button", name="Say who lies in bed-2").click()
    page.get_by_label("Who are you?").fill("nurse 7")
    page.get_by_role("button", name="Bed is empty").click()
    page.locator(".undo-row").wait_for()
    assert outside(page.evaluate(TEXTS)) == []
    other = {"by": "nurse 8"}
    own = {"Origin": bracketed.url}
    assert page.request.post(f"{bracketed.url}/api/v1/beds/bed-2/admit", data=other, headers=own).json()["changed"]
    page.locator(".undo-row").get_by_role("button", name="Undo").click()
    page.locator(".q-notification").wait_for()
    assert outside(page.evaluate(TEXTS)) == []
    refused = page.request.post(f"{bracketed.url}/api/v1/beds/bed-2/standby", data=other, headers=own)
    assert refused.json()["code"] == "standby_endless"
    assert outside([refused.json()["detail"]]) == []


def test_no_sentence_of_users_and_the_region_editor_is_outside_the_catalogue(bracketed, visit):
    page = visit(f"{bracketed.url}/login?next=/users")
    assert outside(page.evaluate(TEXTS)) == []
    page.get_by_label("Name").fill("boss")
    page.get_by_label("Password or token").fill(BOSS)
    page.get_by_role("button", name="Log in").click()
    page.locator("[data-user=boss]").wait_for()
    page.get_by_role("button", name="Add a person").click()
    page.get_by_label("Name or pseudonym").fill("boss")
    page.get_by_label("Role").click()
    page.get_by_role("option").first.wait_for()
    assert outside(page.evaluate(TEXTS)) == []
    page.get_by_role("option").first.click()
    problem = page.get_by_role("dialog").get_by_role("alert")
    for name, value, words in (
        ("Only these beds", "bed 1;", "between commas"),
        ("Only these beds", "", "characters for the password"),
        ("Password", "a long password", "a user boss already"),
    ):
        page.get_by_label(name).fill(value)
        page.get_by_role("button", name="Save").click()
        problem.get_by_text(words).wait_for()
        assert outside(page.evaluate(TEXTS)) == []
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Remove boss").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_role("alert").get_by_text("nobody could administer").wait_for()
    assert outside(page.evaluate(TEXTS)) == []

    page.goto(f"{bracketed.url}/handover")
    page.get_by_role("link", name="Episodes as CSV").wait_for()
    page.locator(".handover-period").wait_for()
    assert outside(page.evaluate(TEXTS)) == []
    page.goto(f"{bracketed.url}/bed/bed-1")
    page.get_by_role("button", name="Region of interest of bed-1").click()
    left = page.get_by_label("Left edge, %")
    left.fill("100")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_text("Write four numbers").wait_for()
    assert outside(page.evaluate(TEXTS)) == []
    left.fill("10")
    page.get_by_role("button", name="Save").click()
    page.locator(".undo-row").get_by_role("button", name="Undo").click()
    page.locator(".q-notification").wait_for()
    assert outside(page.evaluate(TEXTS)) == []
    page.get_by_role("button", name="Camera of bed-1").click()
    page.get_by_label("Address of the camera").fill("v4l2:///dev/video0")
    page.locator(".camera-actions .ack").first.click()
    page.get_by_role("alert").get_by_text("only a camera on the network").wait_for()
    assert outside(page.evaluate(TEXTS)) == []


def test_a_reader_chooses_a_language_and_the_browser_remembers_it(ward, visit):
    page = visit(ward.url)
    page.get_by_role("link", name="Português").click()
    page.get_by_text("Sem alerta não significa sem dor.").wait_for()
    page.wait_for_function("document.documentElement.lang === 'pt-BR'")
    page.locator("[data-bed=bed-5]").get_by_text("Dor anterior").wait_for()
    page.goto(f"{ward.url}/bed/bed-1")
    page.get_by_text("Dor mantida").locator("visible=true").first.wait_for()
    page.get_by_role("link", name="Español").click()
    page.get_by_text("Dolor sostenido").locator("visible=true").first.wait_for()
    assert page.url == f"{ward.url}/bed/bed-1"


def test_the_station_s_language_is_that_of_the_form_for_logging_in(stage, visit, tmp_path, users_file):
    station = stage(web={"users_file": str(users_file(tmp_path))}, station={"language": "es"})
    page = visit(station.url)
    page.get_by_label("Nombre").fill("wall")
    page.get_by_label("Contraseña o token").fill("wrong")
    page.get_by_role("button", name="Entrar").click()
    page.get_by_text("Nombre o contraseña incorrectos.").wait_for()
    assert page.evaluate("document.documentElement.lang") == "es"


def apart(one: str, other: str) -> int:
    """Return how many seconds lie between two times of day, over midnight too."""
    ahead = datetime.strptime(one, "%H:%M:%S") - datetime.strptime(other, "%H:%M:%S")  # noqa: DTZ007 - times of day
    return min(ahead.seconds, 86_400 - ahead.seconds)


def test_times_are_the_station_s_in_chart_and_banner_whatever_the_browser_s_zone_is(stage, visit):
    station = stage(station={"time_zone": "Pacific/Kiritimati"})
    page = visit(f"{station.url}/bed/bed-1", timezone_id="America/Sao_Paulo")
    page.wait_for_function("document.getElementById('pulse')?.textContent")
    page.get_by_text("Times in Pacific/Kiritimati").first.wait_for()
    shown = page.locator("#station-clock").inner_text()
    page.wait_for_function("document.querySelector('.chart canvas')")
    option = page.evaluate(
        """() => { const chart = document.querySelector('.chart');
        const options = getElement(chart.id.slice(1)).chart.getOption();
        return [options.useUTC, options.xAxis[1].max]; }"""
    )
    assert option[0] is True
    assert apart(page.evaluate("at => new Date(at).toISOString().slice(11, 19)", option[1]), shown) < 600
    station.stop()
    page.locator("#link-lost").wait_for(state="visible")
    assert apart(re.search(r"Since ([\d:]+)", page.locator("#link-lost").inner_text())[1], shown) < 600
