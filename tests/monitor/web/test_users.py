"""Who may log in: nobody by accident, and no secret in the file or in a message."""

import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from click.testing import CliRunner
from itsdangerous import URLSafeTimedSerializer

from monitor.clock import ManualClock
from monitor.commands.users import command
from monitor.control.access import AccessList, Role, hash_token
from monitor.errors import ConfigError
from monitor.web.access import Access, Visitor
from monitor.web.ended_sessions import EndedSessions
from monitor.web.session_register import SessionRegister
from monitor.web.sessions import Sessions, WebSession, load_session_key
from monitor.web.throttle import LoginThrottle
from monitor.web.users import User, UserList, hold_users, read_users, write_users

NOBODY = Visitor(None, None)


@pytest.fixture
def users(users_file, tmp_path):
    return read_users(users_file(tmp_path))


def test_a_password_opens_only_its_own_door(users):
    assert users.check("anna", "another password").role is Role.NURSE
    assert users.check("wall", "another password") is None
    assert users.check("nobody", "another password") is None
    assert users.check("anna", "") is None


def test_a_token_names_its_program(users):
    assert users.identify("t" * 43).name == "integrator"
    assert users.identify("x" * 43) is None
    assert users.check("integrator", "t" * 43).name == "integrator"
    # A hash that leaked is no token, and a password is none either.
    assert users.identify(hash_token("t" * 43)) is None
    assert users.identify("another password") is None


def test_the_file_is_private_and_holds_no_secret(users_file, tmp_path):
    path = users_file(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert "password" not in text
    assert "t" * 43 not in text
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_users(path)


@pytest.mark.parametrize(
    "line",
    [
        "anna nurse",
        "anna doctor " + "0" * 64,
        "anna nurse plain-password",
        "anna nurse scrypt$999999999$8$5$AAAAAAAAAAAAAAAA$" + "A" * 44,
        "anna nurse scrypt$1048576$99$5$AAAAAAAAAAAAAAAA$" + "A" * 44,
        "anna nurse " + "0" * 64 + "\nanna admin " + "1" * 64,
    ],
)
def test_a_line_that_is_wrong_is_named_without_its_secret(tmp_path, line):
    path = tmp_path / "users"
    path.write_text(line + "\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        read_users(path)
    assert f"{path}:" in str(caught.value)
    assert line.split()[-1] not in str(caught.value)


def test_an_access_list_of_the_command_stream_is_a_users_file(tmp_path):
    path = tmp_path / "access"
    write_users(path, [User("integrator", Role.NURSE, hash_token("t" * 43))])
    assert AccessList.read(path).identify("t" * 43).role is Role.NURSE
    assert read_users(path).identify("t" * 43).role is Role.NURSE


def access_to(path, anonymous=None, key=b"k" * 32):
    return Access(path, Sessions(key, hours=1.0), anonymous)


def test_a_session_ends_with_its_user_and_with_its_password(users_file, tmp_path, secrets):
    path = users_file(tmp_path)
    access = access_to(path)
    cookie = access.cookie_for(access.users().get("anna"))
    assert access.visitor(cookie, None) == Visitor("anna", Role.NURSE)
    # Another station's cookie, a forged one and a cut one are nobody's.
    assert access_to(path, key=b"q" * 32).visitor(cookie, None) == NOBODY
    assert access.visitor(cookie[:-2], None) == NOBODY
    assert access.visitor("", None) == NOBODY
    # The role is the file's, not the cookie's.
    write_users(path, [User("anna", Role.VIEWER, secrets["anna"])])
    assert access.visitor(cookie, None) == Visitor("anna", Role.VIEWER)
    write_users(path, [User("anna", Role.VIEWER, secrets["wall"])])
    assert access.visitor(cookie, None) == NOBODY


def test_a_session_lasts_its_time(monkeypatch):
    sessions = Sessions(b"k" * 32, hours=1.0)
    cookie = sessions.seal(WebSession("anna", "f"))
    assert sessions.open(cookie) == WebSession("anna", "f")
    now = __import__("time").time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + 3700)
    assert sessions.open(cookie) is None


def test_logging_out_ends_the_session_and_every_copy_of_its_cookie_also_after_a_restart(users_file, tmp_path):
    path = users_file(tmp_path)

    def start():
        return Access(path, Sessions(b"k" * 32, 1.0, EndedSessions(tmp_path, time.time)), None)

    access = start()
    anna = access.users().get("anna")
    cookie, other = access.cookie_for(anna), access.cookie_for(anna)
    renewed = access.renewed(cookie)
    access.log_out(cookie)
    for again in (access, start()):
        assert again.visitor(cookie, None) == NOBODY
        assert again.visitor(renewed, None) == NOBODY
        assert again.renewed(cookie) is None
        assert again.visitor(other, None) == Visitor("anna", Role.NURSE)
    assert stat.S_IMODE((tmp_path / "ended-sessions.json").stat().st_mode) == 0o600
    (tmp_path / "ended-sessions.json").write_text("[[")
    assert start().visitor(other, None) == Visitor("anna", Role.NURSE)


def test_cookies_of_earlier_versions_are_read_and_can_be_ended(users_file, tmp_path):
    access = access_to(users_file(tmp_path))
    anna = access.users().get("anna")
    old = URLSafeTimedSerializer(b"k" * 32, salt="nicu-monitor session").dumps(["anna", anna.fingerprint])
    assert access.visitor(old, None) == Visitor("anna", Role.NURSE)
    access.log_out(old)
    assert access.visitor(old, None) == NOBODY


def test_the_list_of_ended_sessions_forgets_what_has_ended_by_itself():
    now = [1000.0]
    ended = EndedSessions(None, lambda: now[0])
    ended.add("a", 10.0)
    now[0] = 1020.0
    ended.add("b", 10.0)
    assert "a" not in ended
    assert "b" in ended


def test_who_is_missing_in_a_users_file_that_others_may_read_is_logged_out(users_file, tmp_path, secrets, caplog):
    path = users_file(tmp_path)
    access = access_to(path)
    cookies = {name: access.cookie_for(access.users().get(name)) for name in ("anna", "wall")}
    lines = [line for line in path.read_text().splitlines() if not line.startswith("anna")]
    path.write_text("\n".join([*lines, f"mallory admin {secrets['anna']}"]) + "\n")
    path.chmod(0o644)
    assert access.visitor(cookies["anna"], None) == NOBODY
    assert access.visitor(cookies["wall"], None).name == "wall"
    assert access.users().get("mallory") is None
    assert "chmod 600" in caplog.text
    path.chmod(0o600)
    assert access.users().get("mallory") is not None


def test_a_wrong_token_is_nobody_even_where_everybody_may_read(users_file, tmp_path):
    access = access_to(users_file(tmp_path), anonymous=Role.VIEWER)
    assert access.visitor(None, None) == Visitor(None, Role.VIEWER)
    assert access.visitor(None, "Bearer " + "t" * 43) == Visitor("integrator", Role.VIEWER)
    assert access.visitor(None, "Bearer wrong") == NOBODY


def test_a_damaged_users_file_keeps_the_users_and_a_missing_one_has_none(users_file, tmp_path, caplog):
    path = users_file(tmp_path)
    access = access_to(path)
    assert len(access.users()) == 3
    path.write_text("nonsense\n")
    assert len(access.users()) == 3
    assert "users" in caplog.text
    path.unlink()
    assert len(access.users()) == 0


def test_the_key_of_sessions_is_made_once_and_private(tmp_path):
    directory = tmp_path / "state"
    key = load_session_key(directory)
    assert len(key) == 32
    assert load_session_key(directory) == key
    file = directory / "session.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    assert load_session_key(directory) != key
    (tmp_path / "file").write_text("")
    assert len(load_session_key(tmp_path / "file")) == 32


def test_guessing_becomes_slow_but_nobody_is_shut_out_for_long():
    clock = ManualClock(100.0)
    throttle = LoginThrottle(clock)
    for _ in range(4):
        throttle.fail("anna", "10.0.0.1")
    assert throttle.wait_seconds("anna", "10.0.0.1") == 0.0
    waits = []
    for _ in range(12):
        throttle.fail("anna", "10.0.0.1")
        waits.append(throttle.wait_seconds("anna", "10.0.0.1"))
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(waits) == 300.0
    # From elsewhere anna waits for half a minute at most, others not at all.
    assert throttle.wait_seconds("anna", "10.0.0.2") == 30.0
    assert throttle.wait_seconds("wall", "10.0.0.2") == 0.0
    clock.advance(30.0)
    assert throttle.wait_seconds("anna", "10.0.0.2") == 0.0
    throttle.succeed("anna", "10.0.0.1")
    assert throttle.wait_seconds("anna", "10.0.0.1") == 0.0


def test_the_memory_of_failures_is_bounded():
    throttle = LoginThrottle(ManualClock())
    for n in range(20_000):
        throttle.fail(f"name-{n}", f"10.0.{n // 256}.{n % 256}")
    assert len(throttle._records) <= 10_000


def run(*arguments, **options):
    return CliRunner().invoke(command, [str(a) for a in arguments], **options)


def test_users_are_added_listed_and_removed_on_the_command_line(tmp_path):
    path = tmp_path / "secrets" / "users"
    result = run("add", path, "anna", "--role", "nurse", input="a long password\n")
    assert result.exit_code == 0, result.output
    token = run("token", path, "integrator", "--beds", "north-*,bed-7").output.strip()
    assert len(token) == 43
    listed = json.loads(run("list", path, "--json").output)
    assert listed == [
        {"name": "anna", "role": "nurse", "kind": "person", "beds": [], "pictures": True},
        {"name": "integrator", "role": "viewer", "kind": "program", "beds": ["north-*", "bed-7"], "pictures": True},
    ]
    assert token not in path.read_text()
    assert read_users(path).identify(token).name == "integrator"
    assert run("remove", path, "anna").exit_code == 0
    assert [user.name for user in read_users(path).all()] == ["integrator"]
    assert isinstance(run("remove", path, "anna").exception, ConfigError)


def test_a_new_secret_leaves_role_and_beds_as_they_were(tmp_path):
    path, secret = tmp_path / "users", "a long password\na long password\n"
    run("add", path, "anna", "--role", "nurse", "--beds", "north-*", input=secret)
    run("add", path, "rita", "--role", "researcher", "--pictures", input=secret)
    run("token", path, "wall", "--role", "display", "--beds", "bed-7")
    before = read_users(path).all()
    said = run("add", path, "anna", input=secret)
    assert said.output.endswith("anna may log in as nurse of the beds north-*\n")
    run("add", path, "rita", input=secret)
    assert json.loads(run("token", path, "wall", "--json").output)["role"] == "display"
    after = read_users(path).all()
    rights = [[(user.name, user.role, user.beds, user.pictures) for user in users] for users in (before, after)]
    assert rights[0] == rights[1]
    assert not {user.secret for user in before} & {user.secret for user in after}
    run("add", path, "anna", "--beds", "", input=secret)
    run("add", path, "rita", "--no-pictures", input=secret)
    anna, rita = (read_users(path).get(name) for name in ("anna", "rita"))
    assert (anna.beds.is_limited, rita.pictures) == (False, False)


def test_two_that_change_the_file_at_once_wait_for_each_other(tmp_path):
    path = tmp_path / "users"
    with ThreadPoolExecutor(1) as pool:
        with hold_users(path):
            waiting = pool.submit(run, "token", path, "program")
            assert wait([waiting], timeout=0.5).done == set()
            write_users(path, [User("anna", Role.NURSE, hash_token("a"))])
        assert waiting.result(60).exit_code == 0
    assert [user.name for user in read_users(path).all()] == ["anna", "program"]


def test_a_person_does_not_become_a_program_unseen_nor_a_program_a_person(tmp_path):
    path, secret = tmp_path / "users", "a long password\na long password\n"
    run("add", path, "anna", input=secret)
    run("token", path, "wall")
    before = path.read_text()
    assert "anna is a person in" in str(run("token", path, "anna").exception)
    assert "wall is a program in" in str(run("add", path, "wall", input=secret).exception)
    assert path.read_text() == before


def test_a_password_that_is_no_text_is_refused_in_a_sentence(tmp_path):
    given = run("add", tmp_path / "users", "anna", "--password", "a long \udcff password")
    piped = run("add", tmp_path / "users", "anna", input=b"a long \xff password\n")
    for result in (given, piped):
        assert result.exit_code == 2
        assert "no text in UTF-8" in result.output


@pytest.mark.parametrize(
    ("arguments", "given"),
    [(("anna", "--role", "nurse"), "short\nshort\n"), (("an na",), ""), (("$x",), ""), (("anna", "--beds", "ä"), "")],
)
def test_a_short_password_or_a_strange_name_is_refused(tmp_path, arguments, given):
    result = run("add", tmp_path / "users", *arguments, input=given)
    assert result.exit_code == 2
    assert not (tmp_path / "users").exists()


def test_an_empty_list_lets_nobody_in():
    assert UserList().check("anna", "x" * 10) is None
    assert UserList().identify("") is None


def test_an_administrator_ends_sessions_seen_or_not_also_over_a_restart(users_file, tmp_path, monkeypatch):
    path, now = users_file(tmp_path), [time.time()]
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now[0])

    def start():
        return Access(path, Sessions(b"k" * 32, 1.0, EndedSessions(tmp_path, lambda: now[0])), None)

    access = start()
    anna, wall = (access.users().get(name) for name in ("anna", "wall"))
    first, second, unseen, other = (access.cookie_for(user) for user in (anna, anna, anna, wall))
    for cookie in (first, second, other):
        assert access.visitor(cookie, None) != NOBODY
    assert [session.name for session in access.sessions()] == ["wall", "anna", "anna"]
    newest_of_anna = access.sessions()[1].id
    assert access.end_session(newest_of_anna)
    assert not access.end_session(newest_of_anna)
    assert access.visitor(second, None) == NOBODY
    assert access.visitor(first, None) == Visitor("anna", Role.NURSE)
    assert access.end_sessions("anna") == 1
    for again in (access, start()):
        assert again.visitor(first, None) == again.visitor(unseen, None) == NOBODY
        assert again.visitor(other, None) == Visitor("wall", wall.role)
    now[0] += 1.0
    later = access.cookie_for(anna)
    assert start().visitor(later, None) == Visitor("anna", Role.NURSE)
    now[0] += 1.0
    access.end_sessions(None)
    assert start().visitor(later, None) == start().visitor(other, None) == NOBODY
    assert access.sessions() == []


def test_a_list_of_ended_sessions_of_an_earlier_version_counts(tmp_path):
    (tmp_path / "ended-sessions.json").write_text('{"sessions-id": 2000.0}')
    ended = EndedSessions(tmp_path, lambda: 1000.0)
    assert "sessions-id" in ended
    ended.add_user("anna")
    again = EndedSessions(tmp_path, lambda: 1000.0)
    assert "sessions-id" in again
    assert again.covers("anna", 1000.0)
    assert not again.covers("anna", 1001.0)
    assert not again.covers("bert", 0.0)


def test_the_register_of_sessions_is_bounded():
    register = SessionRegister(lambda: 0.0)
    for number in range(2000):
        register.note(WebSession("anna", "f", id=str(number)))
    assert len(register.all()) == 1000
    assert register.all()[0].id == "1999"


def test_a_held_login_ends_with_the_hours_of_a_login_by_the_clock_that_was_given(tmp_path):
    file, now = tmp_path / "users", [1_000_000.0]
    write_users(file, [User("anna", Role.NURSE, hash_token("a" * 43))])
    access = Access(file, Sessions(b"k" * 32, hours=1.0), None, wall_seconds=lambda: now[0])
    login = access.login_of("anna", None, by_proxy=True)
    assert login is not None
    assert login.since_seconds == now[0]
    now[0] += 3599.0
    assert not access.is_past(login)
    assert access.visitor_of(login).may(Role.NURSE)
    now[0] += 2.0
    assert access.is_past(login)
    assert not access.visitor_of(login).may(Role.VIEWER)


def test_a_users_file_that_is_a_link_stays_one(users_file, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = tmp_path / "link"
    link.symlink_to(users_file(folder))
    result = CliRunner().invoke(command, ["add", str(link), "bert", "--password", "a long password"])
    assert result.exit_code == 0, result.output
    assert link.is_symlink()
    assert read_users(folder / "users").get("bert") == read_users(link).get("bert") is not None
    assert [path.name for path in folder.iterdir()] == ["users"], "no draft is left"


def test_a_link_to_a_users_file_that_is_not_there_yet_leads_to_the_new_one(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "secrets" / "users")
    write_users(tmp_path / "link", [User("anna", Role.NURSE, hash_token("t" * 43))])
    assert (tmp_path / "link").is_symlink()
    assert read_users(tmp_path / "secrets" / "users").get("anna") is not None


@pytest.mark.parametrize("words", [["add", "FILE", "bert", "--password", "a long password"], ["list", "FILE"]])
def test_an_address_is_no_users_file(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    address = "redis://:secret@redis:6379/0"
    result = CliRunner().invoke(command, [address if word == "FILE" else word for word in words])
    assert result.exit_code == 2
    assert "an address is no users file; give the path of a file on this machine" in result.output
    assert "secret" not in result.output
    assert not any(tmp_path.iterdir())
