"""One password, by whatever editor or program its file was written."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.secret_file import read_secret_file

secrets = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_categories=["C", "Zl", "Zp"]), min_size=1
)
printable = secrets.filter(lambda text: text.isprintable())
WRITERS = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16 little": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "utf-16 big": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
}


@given(secret=printable, end=st.sampled_from(["", "\n", "\r\n", "\n\n"]), writer=st.sampled_from(sorted(WRITERS)))
def test_the_password_is_read_as_it_was_meant(tmp_path_factory, secret, end, writer):
    path = tmp_path_factory.mktemp("secret") / "password"
    path.write_bytes(WRITERS[writer](secret + end))
    assert read_secret_file(path) == secret


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark(tmp_path, order):
    (tmp_path / "password").write_bytes("two words \r\n".encode(order))
    assert read_secret_file(tmp_path / "password") == "two words "


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"one\ntwo\n", "several lines"),
        (b"\xff\xc3\x28", "save it as UTF-8"),
        (b"x" * 5000, "longer than 4096 bytes"),
    ],
)
def test_what_is_no_password(tmp_path, content, words):
    (tmp_path / "password").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_secret_file(tmp_path / "password")


def test_a_missing_file(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        read_secret_file(tmp_path / "none")
