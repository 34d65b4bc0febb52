"""Pages name classes, packages and panels that exist."""

import ast
import json
import re

from doc_pages import REPOSITORY

PAGE = (REPOSITORY / "docs" / "glossary.md").read_text(encoding="utf-8")
SHAPES = re.findall(r"^\| `(\w+)` \| `([\w/]+\.py)` \|", PAGE, flags=re.MULTILINE)


def test_the_shapes_of_an_alert_are_classes_of_the_modules_that_are_named():
    assert len(SHAPES) == 7
    for name, path in SHAPES:
        tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}, f"{path} has no {name}"


def test_every_package_that_is_named_exists():
    named = set(re.findall(r"`((?:monitor|trainer|export)(?:/\w+)*)`", PAGE))
    assert named
    assert {path for path in named if not (REPOSITORY / path).is_dir()} == set()


def test_words_are_in_one_table_only_once():
    words = re.findall(r"^\| ([^|]+?) \|", PAGE, flags=re.MULTILINE)
    words = [word for word in words if word not in {"word", "shape"} and not word.startswith("-")]
    assert len(words) == len(set(words))


def test_the_panels_that_pages_name_are_on_a_dashboard():
    titles = set()
    for file in (REPOSITORY / "deploy" / "grafana" / "dashboards").glob("*.json"):
        titles |= {panel["title"] for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]}
    named = set()
    for page in (REPOSITORY / "docs").glob("*.md"):
        text = " ".join(page.read_text(encoding="utf-8").split())
        for pieces in re.findall(r"\bpanels? ((?:\*[^*]+\*(?:, | and )?)+)", text):
            named |= set(re.findall(r"\*([^*]+)\*", pieces))
    assert len(named) >= 4
    assert {name for name in named if not any(title.startswith(name) for title in titles)} == set()
