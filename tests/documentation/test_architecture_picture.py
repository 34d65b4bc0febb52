"""The picture of the architecture is made from the code, and is that of today's code."""

import xml.etree.ElementTree as ET

from doc_pages import REPOSITORY

from deploy.pictures.architecture import PICTURE, draw
from deploy.pictures.package_sizes import LONGEST_ALLOWED, package_sizes


def test_the_picture_is_up_to_date():
    assert PICTURE.read_text(encoding="utf-8") == draw(), "run: python -m deploy.pictures.architecture"


def test_the_picture_shows_every_package_once_and_inside_its_frame():
    root = ET.fromstring(draw())  # noqa: S314 - made here
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    named = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("font-weight")]
    packages = {
        f"monitor/{path.parent.name}"
        for path in (REPOSITORY / "monitor").glob("*/__init__.py")
        if path.parent.name != "bundles"
    }
    assert sorted(named) == sorted({*packages, "trainer", "export"})
    for box in list(root.iter("{http://www.w3.org/2000/svg}rect"))[1:]:
        assert 0 <= float(box.get("x")) <= width - float(box.get("width"))
        assert 0 <= float(box.get("y")) <= height - float(box.get("height"))


def test_no_file_is_longer_than_one_task_needs():
    too_long = {
        f"{package}/{name}": lines
        for package, files in package_sizes().items()
        for name, lines in files.items()
        if lines > LONGEST_ALLOWED
    }
    assert too_long == {}
