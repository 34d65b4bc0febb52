"""Every link of the documentation leads somewhere, and no page is forgotten."""

import re
import subprocess
import sys

import pytest
import yaml
from doc_pages import PAGES, REPOSITORY

import export
import monitor
import trainer

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def headings(page):
    """Anchors of a page, as Markdown renderers make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name} links to {target}"
        if anchor and there.suffix == ".md":
            assert anchor in headings(there), f"{page.name} links to {target}, which has no such heading"


def test_the_index_and_the_navigation_name_every_page():
    pages = {page.name for page in PAGES if page.parent.name == "docs"}
    index = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    assert {page for page in pages if f"({page})" not in index} == {"index.md"}
    settings = yaml.safe_load((REPOSITORY / "deploy" / "mkdocs.yml").read_text(encoding="utf-8"))
    assert set(re.findall(r"[\w-]+\.md", str(settings["nav"]))) == pages


def test_the_documentation_builds_without_a_warning(tmp_path):
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    config = ["--config-file", "deploy/mkdocs.yml", "--site-dir", tmp_path / "site"]
    done = subprocess.run([*build, *config], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "tour.html").is_file()
    reference = (tmp_path / "site" / "reference.html").read_text(encoding="utf-8")
    for package in (export, monitor, trainer):
        names = [name for name in package.__all__ if name != "__version__"]
        assert [name for name in names if f'id="{package.__name__}.{name}"' not in reference] == []
