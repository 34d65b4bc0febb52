"""The page in a real browser: for readers with a screen reader, on a phone, at night, on paper."""

import os
import shutil

import pytest

from trainer.commands.report import command as report

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium: apt-get install chromium, or set CHROMIUM"
)

PAPER_PX = 1032  # A4 across, without its margins


@pytest.fixture(scope="module")
def page(run, runs, tmp_path_factory):
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    out = tmp_path_factory.mktemp("report")
    run(report, *runs, "--out", out, "--resamples", 100, "--scored", 2, "--intervened", 6, "--pictures", 1)
    with playwright.sync_playwright() as runner:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        chromium = runner.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = chromium.new_page(viewport={"width": 1300, "height": 900})
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.goto((out / "report.html").as_uri())
        yield page
        chromium.close()


def test_it_loads_without_asking_or_complaining(page):
    assert {url.partition(":")[0] for url in page.asked} <= {"file", "data"}
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_shuts_a_reader_out(page, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page.emulate_media(color_scheme=scheme, media="screen")

    found = axe.Axe().run(page).response["violations"]

    assert [(entry["id"], entry["nodes"][0]["html"]) for entry in found] == []


def test_a_phone_scrolls_down_only(page):
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 390, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_every_table_fits_on_paper_and_folded_ones_are_open(page):
    page.set_viewport_size({"width": PAPER_PX, "height": 800})
    page.emulate_media(media="print")

    widths = page.evaluate("[...document.querySelectorAll('table')].map(table => table.getBoundingClientRect().right)")
    heights = page.evaluate("[...document.querySelectorAll('details table')].map(table => table.offsetHeight)")

    assert max(widths) <= PAPER_PX
    assert min(heights) > 20
