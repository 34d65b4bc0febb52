"""Administrators manage users in the page; passwords are never shown or kept, and somebody can always administer."""

import json
import threading

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from monitor.control.access import Role, hash_token
from monitor.control.bed_scope import EVERY_BED, BedScope
from monitor.errors import RefusedError
from monitor.web.access import Access
from monitor.web.sessions import Sessions
from monitor.web.user_changes import UserChanges, checked_beds
from monitor.web.users import User, hash_password, read_users, write_users

BOSS = "b" * 43
PASSWORD = "a new password"  # noqa: S105 - of a user of the tests


class Office:
    """A users file with one administrator and one nurse, and what changes it."""

    def __init__(self, directory):
        self.file = directory / "users"
        write_users(
            self.file, [User("boss", Role.ADMIN, hash_token(BOSS)), User("anna", Role.NURSE, hash_token("n" * 43))]
        )
        self.access = Access(self.file, Sessions(b"k" * 32, 1.0), None)
        self.audit = []
        self.changes = UserChanges(self.file, self.access, lambda event, details: self.audit.append((event, details)))

    def cookie(self, name):
        return self.access.cookie_for(read_users(self.file).get(name))


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def test_a_person_is_added_changed_and_removed_and_no_record_holds_the_password(office):
    office.changes.add("boss", "bert", Role.NURSE, BedScope.parse("north-*"), PASSWORD)
    assert office.access.users().check("bert", PASSWORD).beds == BedScope.parse("north-*")
    cookie = office.cookie("bert")
    assert office.access.visitor(cookie, None).role is Role.NURSE
    office.changes.change("boss", "bert", Role.NURSE, EVERY_BED)
    assert office.access.visitor(cookie, None).beds == EVERY_BED, "other beds end no session"
    office.changes.change("boss", "bert", Role.VIEWER, EVERY_BED, "another password")
    assert office.access.visitor(cookie, None).role is None
    assert office.access.users().check("bert", PASSWORD) is None
    office.changes.remove("boss", "bert")
    assert [user.name for user in office.changes.all()] == ["boss", "anna"]
    assert [event for event, _ in office.audit] == ["user_added", "user_changed", "user_changed", "user_removed"]
    assert all(details["by"] == "boss" for _, details in office.audit)
    assert 'password"' not in json.dumps(office.audit).replace('new_password"', "")
    assert PASSWORD not in json.dumps(office.audit)
    assert office.file.stat().st_mode & 0o777 == 0o600


def test_another_role_ends_the_sessions_with_the_old_one(office):
    cookie = office.cookie("anna")
    office.changes.change("boss", "anna", Role.VIEWER, EVERY_BED)
    assert office.access.visitor(cookie, None).role is None


@pytest.mark.parametrize(
    ("words", "act"),
    [
        ("nobody could administer", lambda c: c.remove("boss", "boss")),
        ("nobody could administer", lambda c: c.change("boss", "boss", Role.NURSE, EVERY_BED)),
        ("nobody could administer", lambda c: c.change("boss", "boss", Role.ADMIN, BedScope.parse("bed-1"))),
        ("there is a user anna already", lambda c: c.add("boss", "anna", Role.NURSE, EVERY_BED, PASSWORD)),
        ("no user carl any more", lambda c: c.remove("boss", "carl")),
        ("no user carl any more", lambda c: c.change("boss", "carl", Role.NURSE, EVERY_BED)),
        ("at least 10 characters", lambda c: c.add("boss", "carl", Role.NURSE, EVERY_BED, "short")),
        ("beginning with a letter", lambda c: c.add("boss", "carl admin x", Role.NURSE, EVERY_BED, PASSWORD)),
        ("beginning with a letter", lambda c: c.add("boss", "x\nevil admin", Role.NURSE, EVERY_BED, PASSWORD)),
    ],
)
def test_what_must_not_be_is_refused_and_leaves_the_file(office, words, act):
    before = office.file.read_text()
    with pytest.raises(RefusedError, match=words):
        act(office.changes)
    assert office.file.read_text() == before
    assert office.audit == []


def test_changes_from_several_pages_lose_nobody(office):
    secret_free = [f"person-{number}" for number in range(6)]
    pages = [UserChanges(office.file, office.access, lambda *_: None) for _ in secret_free]

    def add(page, name):
        page.add("boss", name, Role.VIEWER, EVERY_BED, PASSWORD)

    threads = [threading.Thread(target=add, args=(page, name)) for page, name in zip(pages, secret_free, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {user.name for user in office.changes.all()} == {"boss", "anna", *secret_free}


def test_no_beds_are_every_bed_and_wrong_ones_are_refused():
    assert checked_beds("  ") == EVERY_BED
    with pytest.raises(ValueError, match="write ids of beds"):
        checked_beds("bed 1;")


def log_in(page, name, secret):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password or token").fill(secret)
    page.get_by_role("button", name="Log in").click()


def assert_accessible(page, part=None):
    # What fades in has too little contrast half-way.
    page.wait_for_function("document.getAnimations().length === 0 && !document.querySelector('[class*=enter-active]')")
    found = Axe().run(page, context=part).response["violations"]
    assert not found, [(item["id"], [node["failureSummary"] for node in item["nodes"]]) for item in found]


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_an_administrator_adds_changes_and_removes_a_nurse_in_the_page(stage, visit, tmp_path):
    users = tmp_path / "users"
    write_users(users, [User("boss", Role.ADMIN, hash_token(BOSS)), User("wall", Role.VIEWER, hash_password(PASSWORD))])
    station = stage(web={"users_file": str(users)})
    page = visit(f"{station.url}/login?next=/users")
    log_in(page, "boss", BOSS)
    page.locator("[data-user=wall]").wait_for()
    assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{station.url}/language/pt-BR?next=/users")  # whose words are longer
    page.get_by_role("link", name="Usuários").wait_for()
    links = page.locator(".top-nav a").evaluate_all("links => links.map(one => one.getBoundingClientRect().right)")
    assert max(links) <= 390
    page.goto(f"{station.url}/language/en?next=/users")
    page.locator("[data-user=wall]").wait_for()
    page.set_viewport_size({"width": 1366, "height": 768})
    page.get_by_role("button", name="Add a person").click()
    page.get_by_label("Role").wait_for()
    assert_accessible(page, ".q-dialog")  # what lies dimmed behind it is covered
    page.get_by_label("Name or pseudonym").fill("anna")
    page.get_by_label("Password, at least 10 characters").fill("short")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_text("at least 10 characters").wait_for()
    page.get_by_label("Password, at least 10 characters").fill(PASSWORD)
    page.get_by_label("Role").click()
    page.get_by_role("option", name="Nurse").click()
    page.get_by_label("Only these beds").fill("bed-1")
    page.get_by_role("button", name="Save").click()
    row = page.locator("[data-user=anna]")
    row.wait_for()
    assert "Nurse · beds bed-1 · password · 0 sessions in use" in row.inner_text()

    nurse = visit(f"{station.url}/login")
    log_in(nurse, "anna", PASSWORD)
    nurse.wait_for_selector("article[data-bed=bed-1]")
    assert nurse.get_by_role("link", name="Users").count() == 0
    row.get_by_text("1 session in use").wait_for()
    page.get_by_role("button", name="End the sessions of anna").click()
    nurse.wait_for_url("**/login*")

    page.get_by_role("button", name="Change anna").click()
    beds = page.get_by_label("Only these beds")
    expect(beds).to_have_value("bed-1")  # not before the dialog has its values, which would come back
    beds.fill("")
    expect(beds).to_have_value("")
    page.get_by_role("button", name="Save").click()
    row.get_by_text("every bed").wait_for()
    log_in(nurse, "anna", PASSWORD)
    nurse.wait_for_selector("article[data-bed=bed-2]")
    nurse.goto(f"{station.url}/users")
    nurse.get_by_text("Only an administrator of every bed may see and change users.").wait_for()

    page.get_by_role("button", name="Remove boss").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("alert").get_by_text("nobody could administer users then").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Remove anna").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    row.wait_for(state="detached")
    nurse.wait_for_url("**/login*")
    everything = (
        page.content() + station.log_text() + (station.directory / "audit.jsonl").read_text() + users.read_text()
    )
    assert PASSWORD not in everything
    assert "scrypt" not in page.content()
