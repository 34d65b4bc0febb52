"""Notices on people's own devices: encrypted, signed, to whom they concern, to known services, never in the way."""

import importlib.util
import json
import stat
import time

import pytest
from page_rig import logged_in
from push_service import Subscription, add, devices, wait_for_notices
from redis_server import wait_until

from monitor.config import PushSettings, StationConfig
from monitor.control.access import Role
from monitor.control.bed_scope import BedScope
from monitor.errors import RefusalCode, RefusedError
from monitor.pain.vocabulary import Code, Kind, Phase, Priority, Signal
from monitor.web.access import HeldLogin
from monitor.web.push.devices import DEVICES_OF_ONE_USER, PushChoices
from monitor.web.push.notices import PushNotices
from monitor.web.push.sender import PushNotice, ServiceSender
from monitor.web.users import User, read_users, write_users

TOKEN = {"Authorization": "Bearer " + "t" * 43}
CAMERA = {"code": Code.CAMERA_LOST, "kind": Kind.TECHNICAL, "priority": Priority.MEDIUM, "evidence": None}
DISK = {"code": Code.DISK_LOW, "kind": Kind.TECHNICAL, "priority": Priority.LOW, "evidence": None, "bed": None}
OVER = {"phase": Phase.END, "condition_present": False, "signal": Signal.OFF}


def test_a_sign_of_pain_reaches_a_device_encrypted_signed_and_in_its_language(pushing, push_service):
    phone = Subscription(push_service.url, "phone")
    client = logged_in(pushing, language="pt-BR")
    record = add(client, phone)
    assert record["label"] == "Chrome, Android"
    alert = pushing.alert(priority=Priority.MEDIUM, code=Code.PAIN_SUSTAINED)
    (notice,) = wait_for_notices(push_service, phone)
    assert notice["title"] == "bed-1: Dor mantida"
    assert notice["body"].endswith("Observe o bebê.")
    assert (notice["path"], notice["tag"], notice["language"]) == ("/bed/bed-1", alert.alert_id, "pt-BR")
    (sent,) = push_service.received
    assert sent.subject == "mailto:it@hospital.example"
    assert (sent.headers["Urgency"], sent.headers["Topic"]) == ("high", alert.alert_id)
    assert b"bed-1" not in sent.body
    assert push_service.refused == []
    assert [event for event, _ in pushing.audited] == ["push_device_added"]
    assert phone.endpoint not in json.dumps(pushing.audited)


def test_all_notices_are_of_one_length(pushing, nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    add(nurse, phone, technical=True)
    pushing.alert("a1")
    pushing.alert("a2", **DISK)
    wait_for_notices(push_service, phone, 2)
    assert len({len(one.body) for one in push_service.received}) == 1


def test_each_device_gets_what_its_owner_asked_for(pushing, nurse, push_service):
    asked = {
        "usual": {},
        "pain": {"unwatched": False},
        "all": {"technical": True},
        "urgent": {"technical": True, "only_urgent": True},
        "unnamed": {"names_bed": False},
    }
    browsers = {name: Subscription(push_service.url, name) for name in asked}
    for name, choices in asked.items():
        add(nurse, browsers[name], **choices)
    pushing.alert("a1")
    pushing.alert("a2", bed="bed-2", **CAMERA)
    pushing.alert("a3", **DISK)
    pushing.alert("a4", bed="bed-2", priority=Priority.MEDIUM, code=Code.PAIN_SUSTAINED)
    for browser in browsers.values():
        wait_until(
            lambda b=browser: any("Sustained" in n["title"] for n in push_service.notices(b)), 60, "the last notice"
        )
    titles = {name: [notice["title"] for notice in push_service.notices(one)] for name, one in browsers.items()}
    low, camera, disk, last = (
        "bed-1: Sign of pain", "bed-2: Camera lost", "Station: Disk nearly full", "bed-2: Sustained pain",
    )  # fmt: skip
    assert titles["usual"] == [low, camera, last]
    assert titles["pain"] == [low, last]
    assert titles["all"] == [low, camera, disk, last]
    assert titles["urgent"] == [camera, last]
    assert titles["unnamed"] == ["A bed: Sign of pain", "A bed: Camera lost", "A bed: Sustained pain"]
    assert "bed-" not in json.dumps([{**n, "tag": ""} for n in push_service.notices(browsers["unnamed"])])


def test_a_station_may_leave_out_the_names_of_all_beds(make_rig, users_file, tmp_path, push_service):
    rig = make_rig(users_file(tmp_path), push=push_service.settings(names_beds=False))
    client, phone = logged_in(rig), Subscription(push_service.url, "phone")
    assert client.get("/api/v1/push").json()["may_name_beds"] is False
    add(client, phone, names_bed=True)
    rig.alert()
    assert wait_for_notices(push_service, phone)[0]["title"] == "A bed: Sign of pain"


def test_what_was_signalled_already_is_no_news(pushing, nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    add(nurse, phone)
    pushing.alert("a1")
    pushing.alert("a1", phase=Phase.UPDATE)
    pushing.alert(
        "a1", phase=Phase.UPDATE, signal=Signal.ACKNOWLEDGED, acknowledged_by="anna", acknowledged_seconds=0.0
    )
    pushing.alert("a1", phase=Phase.UPDATE)
    pushing.alert("a1", phase=Phase.END, condition_present=False, signal=Signal.LATCHED)
    pushing.alert("a1", **OVER)
    pushing.alert("old", determined_seconds=pushing.clock.monotonic() - 900.0)
    pushing.alert("a2", bed="bed-2")
    pushing.alert("a2", bed="bed-2", phase=Phase.UPDATE)
    pushing.alert("a2", bed="bed-2", phase=Phase.ESCALATE)
    notices = wait_for_notices(push_service, phone, 4)
    assert [notice["tag"] for notice in notices] == ["a1", "a1", "a2", "a2"], "an escalation is news"


def test_who_may_see_some_beds_gets_their_notices_alone(make_rig, tmp_path, secrets, push_service):
    users = tmp_path / "users"
    limited = User("anna", Role.NURSE, secrets["anna"], BedScope.parse("bed-2"))
    write_users(users, [limited])
    rig = make_rig(users, push=push_service.settings())
    client, phone = logged_in(rig), Subscription(push_service.url, "phone")
    add(client, phone)
    rig.alert("a1", bed="bed-1")
    rig.alert("a2", bed="bed-2")
    assert [notice["tag"] for notice in wait_for_notices(push_service, phone)] == ["a2"]
    # From now on another bed is theirs.
    write_users(users, [User("anna", Role.NURSE, secrets["anna"], BedScope.parse("bed-1"))])
    rig.alert("a3", bed="bed-2")
    rig.alert("a4", bed="bed-1")
    assert [notice["tag"] for notice in wait_for_notices(push_service, phone, 2)] == ["a2", "a4"]


def test_logging_out_ends_the_notices_of_that_login(pushing, push_service):
    one, other = logged_in(pushing), logged_in(pushing)
    gone, stays = Subscription(push_service.url, "gone"), Subscription(push_service.url, "stays")
    add(one, gone)
    add(other, stays)
    assert one.post("/logout").status_code == 303
    pushing.alert()
    wait_for_notices(push_service, stays)
    assert push_service.notices(gone) == []
    wait_until(lambda: len(devices(other)) == 1, 30, "the device to be dropped")


@pytest.mark.parametrize("how", ["removed", "password", "sessions"])
def test_a_user_who_is_not_logged_in_any_more_gets_no_notices(pushing, nurse, push_service, secrets, how):
    phone, wall = Subscription(push_service.url, "phone"), Subscription(push_service.url, "wall")
    add(nurse, phone)
    add(logged_in(pushing, "wall"), wall)
    file = pushing.config.web.users_file
    users = {user.name: user for user in read_users(file).all()}
    if how == "removed":
        del users["anna"]
    elif how == "password":
        users["anna"] = User("anna", Role.NURSE, secrets["wall"])
    write_users(file, users.values())
    if how == "sessions":
        pushing.site.access.end_sessions("anna")
    pushing.alert()
    wait_for_notices(push_service, wall)
    assert push_service.notices(phone) == []
    wait_until(lambda: pushing.push.devices_of("anna") == (), 30, "the device to be dropped")


def test_a_users_file_that_is_away_for_a_moment_ends_no_notices(pushing, nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    add(nurse, phone)
    file = pushing.config.web.users_file
    away = file.rename(file.with_name("away"))
    pushing.push._sweep(pushing.site.access)
    away.rename(file)
    assert len(pushing.push.devices_of("anna")) == 1
    pushing.alert()
    wait_for_notices(push_service, phone)


def test_a_login_that_comes_to_its_end_says_so_with_the_last_notice(pushing, push_service):
    phone = Subscription(push_service.url, "phone")
    user = read_users(pushing.config.web.users_file).get("anna")
    login = HeldLogin(name="anna", fingerprint=user.fingerprint, session="s", since_seconds=time.time() - 3601.0)
    pushing.push.add(login, phone.endpoint, phone.p256dh, phone.auth, "Firefox", "en", PushChoices())
    (notice,) = wait_for_notices(push_service, phone)
    assert notice["title"] == "No more notices on this device"
    assert pushing.push.devices_of("anna") == ()


def test_only_who_is_logged_in_with_a_name_has_notices(pushing, nurse, push_service, make_rig):
    phone = Subscription(push_service.url, "phone")
    device = add(nurse, phone)
    assert pushing.client().get("/api/v1/push").status_code == 401
    program = pushing.client(headers=TOKEN)
    assert "logged in with a name" in program.get("/api/v1/push").json()["problem"]
    assert program.post("/api/v1/push/devices", json=phone.request()).status_code == 401
    # Another person neither sees, nor tries, nor removes it.
    other = logged_in(pushing, "wall")
    assert devices(other) == []
    assert other.post(f"/api/v1/push/devices/{device['id']}/test").json()["code"] == "push_device_unknown"
    assert other.post(f"/api/v1/push/devices/{device['id']}/remove").json() == {"removed": False}
    assert nurse.post(f"/api/v1/push/devices/{device['id']}/remove").json() == {"removed": True}
    assert devices(nurse) == []


def test_a_browser_belongs_to_who_logged_in_last(pushing, nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    add(nurse, phone)
    other = logged_in(pushing, "wall")
    add(other, phone)
    assert devices(nurse) == []
    assert len(devices(other)) == 1


def test_devices_and_key_outlive_a_restart_in_files_of_the_station_s_alone(pushing, nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    add(nurse, phone)
    directory = pushing.config.spool.directory
    for name in ("push-devices.json", "push.key"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    again = PushNotices(pushing.config, pushing.board, pushing.clock, lambda: pushing.site.access)
    assert again.public_key == pushing.push.public_key
    assert [device.endpoint for device in again.devices_of("anna")] == [phone.endpoint]


def test_files_that_others_may_read_or_that_are_damaged_are_not_used(pushing, nurse, push_service):
    add(nurse, Subscription(push_service.url, "phone"))
    directory = pushing.config.spool.directory

    def opened():
        return PushNotices(pushing.config, pushing.board, pushing.clock, lambda: pushing.site.access)

    (directory / "push-devices.json").chmod(0o644)
    assert opened().devices_of("anna") == ()
    (directory / "push-devices.json").write_text("[{]")
    (directory / "push-devices.json").chmod(0o600)
    assert opened().devices_of("anna") == ()
    (directory / "push.key").write_text("no key")
    assert str(opened().problem) == "the station cannot use its push key; its log says why"
    (directory / "push.key").chmod(0o644)
    assert opened().public_key is None


def test_a_station_without_the_extra_says_so(make_rig, users_file, tmp_path, push_service, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "pywebpush" else find(name, *a))
    rig = make_rig(users_file(tmp_path), push=push_service.settings())
    client = logged_in(rig)
    assert "pip install 'nicu-pain-monitor[push]'" in client.get("/api/v1/push").json()["problem"]
    answer = client.post("/api/v1/push/devices", json=Subscription(push_service.url, "phone").request())
    assert (answer.status_code, answer.json()["code"]) == (404, "push_off")


def test_where_it_is_off_nothing_is_there(rig):
    client = logged_in(rig)
    assert client.get("/api/v1/push").json()["code"] == "push_off"
    assert not (rig.config.spool.directory / "push.key").exists()


def test_a_person_has_a_bounded_number_of_devices(pushing, nurse, push_service):
    for number in range(DEVICES_OF_ONE_USER):
        add(nurse, Subscription(push_service.url, f"phone-{number}"))
    answer = nurse.post("/api/v1/push/devices", json=Subscription(push_service.url, "more").request())
    assert (answer.status_code, answer.json()["code"]) == (409, "push_too_many")


def test_an_alert_that_is_still_on_is_news_however_late_its_record_comes(pushing, nurse, push_service):
    """As after minutes without Redis, or from a station whose clock is behind."""
    phone = Subscription(push_service.url, "phone")
    add(nurse, phone)
    wait_until(lambda: pushing.push._began_seconds is not None, 20, "the first look")
    late = pushing.clock.monotonic() - 90.0
    pushing.alert("at the start", determined_seconds=late, onset_seconds=late)
    wait_until(lambda: pushing.push._number >= 1, 20, "the history to be read")
    pushing.push._began_seconds -= 600.0
    pushing.alert("over", determined_seconds=late, onset_seconds=late, **OVER)
    pushing.alert("late", determined_seconds=late, onset_seconds=late)
    pushing.alert("late", determined_seconds=late + 1.0, onset_seconds=late, phase=Phase.UPDATE)
    pushing.alert("new")
    wait_for_notices(push_service, phone, 2)
    assert [notice["tag"] for notice in push_service.notices(phone)] == ["late", "new"]


def test_what_waits_is_bounded_and_what_is_old_is_dropped(pushing, nurse, push_service):
    add(nurse, Subscription(push_service.url, "phone"))
    (device,) = pushing.push.devices_of("anna")
    sent = []
    sender = ServiceSender("a service", sent.append, pushing.clock, lambda *_: None)
    now = pushing.clock.monotonic()
    sender.submit(PushNotice(device, None, b"old", "t", urgent=False, made_seconds=now - 61.0))
    for number in range(1_001):
        sender.submit(PushNotice(device, None, str(number).encode(), "t", urgent=False, made_seconds=now))
    sender.start()
    wait_until(lambda: len(sent) >= 1_000, 60, "all notices")
    sender.stop()
    assert [notice.payload for notice in sent] == [str(number).encode() for number in range(1, 1_001)]


def test_the_configuration_wants_a_contact_and_hosts():
    with pytest.raises(ValueError, match="contact"):
        PushSettings(enabled=True)
    with pytest.raises(ValueError, match="mailto:"):
        PushSettings(enabled=True, contact="it@hospital.example")
    with pytest.raises(ValueError, match="one host"):
        PushSettings(services=("*.example",))
    with pytest.raises(ValueError, match="port"):
        PushSettings(services=("push.example:99999",))
    found = PushSettings(services=("Push.Hospital.Example:443", "push.hospital.example:8443"))
    assert found.services == ("push.hospital.example", "push.hospital.example:8443")
    assert StationConfig.model_fields["web"].default.push.enabled is False


def test_a_refusal_has_the_code_of_its_reason(pushing):
    login = HeldLogin(name="anna", fingerprint="f", session="s", since_seconds=0.0)
    with pytest.raises(RefusedError) as caught:
        pushing.push.add(login, "https://10.0.0.1/x", "", "", "", "en", PushChoices())
    assert caught.value.code is RefusalCode.PUSH_SERVICE_UNKNOWN
