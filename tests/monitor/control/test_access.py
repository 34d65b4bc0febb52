"""The access list: who is known, and how a wrong file is reported."""

from pathlib import Path

import pytest

from monitor.control.access import AccessList, Role, hash_token, new_token
from monitor.errors import ConfigError
from monitor.web.users import hash_password


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_token_leads_to_its_person_and_no_other(tmp_path) -> None:
    mine, other = new_token(), new_token()
    path = write(
        tmp_path / "access",
        f"# who may acknowledge\n\nnurse-7 nurse {hash_token(mine)}\n  guest viewer {hash_token(other)}\n",
    )
    access = AccessList.read(path)
    person = access.identify(mine)
    assert person is not None
    assert (person.name, person.role) == ("nurse-7", Role.NURSE)
    assert access.identify(mine + "x") is None
    assert access.identify("") is None
    assert mine not in path.read_text()


def test_roles_include_the_ones_before() -> None:
    assert Role.ADMIN.includes(Role.NURSE)
    assert Role.NURSE.includes(Role.NURSE)
    assert not Role.VIEWER.includes(Role.NURSE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nurse-7 nurse", r"access:1: write NAME display\|viewer\|researcher\|nurse\|admin SHA256-OF-TOKEN"),
        (f"nurse-7 doctor {'a' * 64}", "access:1: write NAME"),
        (f"\nnurse-7 nurse {'A' * 64}", "access:2: write NAME"),
        (f"n nurse {'a' * 64}\nn nurse {'b' * 64}", "access:2: the name n is there twice"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, message) -> None:
    with pytest.raises(ConfigError, match=message):
        AccessList.read(write(tmp_path / "access", text))


def test_a_file_that_everybody_may_read_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        AccessList.read(write(tmp_path / "access", "", 0o644))


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cannot read the access list"):
        AccessList.read(tmp_path / "none")


def test_the_users_file_of_the_page_serves_too_but_a_password_is_no_token(tmp_path) -> None:
    token = new_token()
    path = write(
        tmp_path / "users", f"head-nurse admin {hash_password('a password')}\nbridge nurse {hash_token(token)}\n"
    )
    access = AccessList.read(path)
    assert access.identify("a password") is None
    person = access.identify(token)
    assert person is not None
    assert person.name == "bridge"
