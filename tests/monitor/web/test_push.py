"""Notices on people's own devices: encrypted, signed, to whom they concern, to known services, never in the way."""

import importlib.util
import json
import stat
import time

import pytest
from push_service import PushService, Subscription
from redis_server import wait_until

from monitor.config import PushSettings, StationConfig
from monitor.control.access import Role
from monitor.control.bed_scope import BedScope
from monitor.errors import RefusalCode, RefusedError
from monitor.pain.vocabulary import Code, Kind, Phase, Priority, Signal
from monitor.web.access import HeldLogin
from monitor.web.push.client import check_device_keys
from monitor.web.push.devices import DEVICES_OF_ONE_USER, PushChoices
from monitor.web.push.notices import PushNotices
from monitor.web.push.sender import PushNotice, ServiceSender
from monitor.web.push.services import service_of
from monitor.web.sessions import SESSION_COOKIE
from monitor.web.users import User, read_users, write_users

TOKEN = {"Authorization": "Bearer " + "t" * 43}
CAMERA = {"code": Code.CAMERA_LOST, "kind": Kind.TECHNICAL, "priority": Priority.MEDIUM, "evidence": None}
DISK = {"code": Code.DISK_LOW, "kind": Kind.TECHNICAL, "priority": Priority.LOW, "evidence": None, "bed": None}
OVER = {"phase": Phase.END, "condition_present": False, "signal": Signal.OFF}


@pytest.fixture
def service(tmp_path):
    made = PushService(tmp_path)
    yield made
    made.close()


@pytest.fixture
def pushing(make_rig, users_file, tmp_path, service):
    return make_rig(users_file(tmp_path), push=service.settings())


@pytest.fixture
def nurse(pushing):
    return logged_in(pushing)


def logged_in(rig, name="anna", language="en"):
    """Return a client with a session of its own, as after a login; checking a password would cost 0.2 s."""
    client = rig.client(
        headers={**rig.own, "User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/140.0 Mobile Safari/537"}
    )
    client.cookies.set("nicu_language", language)
    client.cookies.set(SESSION_COOKIE, rig.site.access.cookie_for(rig.site.access.users().get(name)))
    return client


def add(client, subscription, **choices):
    answer = client.post("/api/v1/push/devices", json=subscription.request(**choices))
    assert answer.status_code == 200, answer.text
    return answer.json()


def wait_for_notices(service, subscription, count=1):
    wait_until(lambda: len(service.notices(subscription)) >= count, 60, f"{count} notices")
    return service.notices(subscription)


def devices(client):
    return client.get("/api/v1/push").json()["devices"]


def test_a_sign_of_pain_reaches_a_device_encrypted_signed_and_in_its_language(pushing, service):
    phone = Subscription(service.url, "phone")
    client = logged_in(pushing, language="pt-BR")
    record = add(client, phone)
    assert record["label"] == "Chrome, Android"
    alert = pushing.alert(priority=Priority.MEDIUM, code=Code.PAIN_SUSTAINED)
    (notice,) = wait_for_notices(service, phone)
    assert notice["title"] == "bed-1: Dor mantida"
    assert notice["body"].endswith("Observe o bebê.")
    assert (notice["path"], notice["tag"], notice["language"]) == ("/bed/bed-1", alert.alert_id, "pt-BR")
    (sent,) = service.received
    assert sent.subject == "mailto:it@hospital.example"
    assert (sent.headers["Urgency"], sent.headers["Topic"]) == ("high", alert.alert_id)
    assert b"bed-1" not in sent.body
    assert service.refused == []
    assert [event for event, _ in pushing.audited] == ["push_device_added"]
    assert phone.endpoint not in json.dumps(pushing.audited)


def test_all_notices_are_of_one_length(pushing, nurse, service):
    phone = Subscription(service.url, "phone")
    add(nurse, phone, technical=True)
    pushing.alert("a1")
    pushing.alert("a2", **DISK)
    wait_for_notices(service, phone, 2)
    assert len({len(one.body) for one in service.received}) == 1


def test_each_device_gets_what_its_owner_asked_for(pushing, nurse, service):
    asked = {
        "usual": {},
        "pain": {"unwatched": False},
        "all": {"technical": True},
        "urgent": {"technical": True, "only_urgent": True},
        "unnamed": {"names_bed": False},
    }
    browsers = {name: Subscription(service.url, name) for name in asked}
    for name, choices in asked.items():
        add(nurse, browsers[name], **choices)
    pushing.alert("a1")
    pushing.alert("a2", bed="bed-2", **CAMERA)
    pushing.alert("a3", **DISK)
    pushing.alert("a4", bed="bed-2", priority=Priority.MEDIUM, code=Code.PAIN_SUSTAINED)
    for browser in browsers.values():
        wait_until(lambda b=browser: any("Sustained" in n["title"] for n in service.notices(b)), 60, "the last notice")
    titles = {name: [notice["title"] for notice in service.notices(one)] for name, one in browsers.items()}
    low, camera, disk, last = (
        "bed-1: Sign of pain", "bed-2: Camera lost", "Station: Disk nearly full", "bed-2: Sustained pain",
    )  # fmt: skip
    assert titles["usual"] == [low, camera, last]
    assert titles["pain"] == [low, last]
    assert titles["all"] == [low, camera, disk, last]
    assert titles["urgent"] == [camera, last]
    assert titles["unnamed"] == ["A bed: Sign of pain", "A bed: Camera lost", "A bed: Sustained pain"]
    assert "bed-" not in json.dumps([{**n, "tag": ""} for n in service.notices(browsers["unnamed"])])


def test_a_station_may_leave_out_the_names_of_all_beds(make_rig, users_file, tmp_path, service):
    rig = make_rig(users_file(tmp_path), push=service.settings(names_beds=False))
    client, phone = logged_in(rig), Subscription(service.url, "phone")
    assert client.get("/api/v1/push").json()["may_name_beds"] is False
    add(client, phone, names_bed=True)
    rig.alert()
    assert wait_for_notices(service, phone)[0]["title"] == "A bed: Sign of pain"


def test_what_was_signalled_already_is_no_news(pushing, nurse, service):
    phone = Subscription(service.url, "phone")
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
    notices = wait_for_notices(service, phone, 3)
    assert [notice["tag"] for notice in notices] == ["a1", "a1", "a2"]


def test_who_may_see_some_beds_gets_their_notices_alone(make_rig, tmp_path, secrets, service):
    users = tmp_path / "users"
    limited = User("anna", Role.NURSE, secrets["anna"], BedScope.parse("bed-2"))
    write_users(users, [limited])
    rig = make_rig(users, push=service.settings())
    client, phone = logged_in(rig), Subscription(service.url, "phone")
    add(client, phone)
    rig.alert("a1", bed="bed-1")
    rig.alert("a2", bed="bed-2")
    assert [notice["tag"] for notice in wait_for_notices(service, phone)] == ["a2"]
    # From now on another bed is theirs.
    write_users(users, [User("anna", Role.NURSE, secrets["anna"], BedScope.parse("bed-1"))])
    rig.alert("a3", bed="bed-2")
    rig.alert("a4", bed="bed-1")
    assert [notice["tag"] for notice in wait_for_notices(service, phone, 2)] == ["a2", "a4"]


def test_logging_out_ends_the_notices_of_that_login(pushing, service):
    one, other = logged_in(pushing), logged_in(pushing)
    gone, stays = Subscription(service.url, "gone"), Subscription(service.url, "stays")
    add(one, gone)
    add(other, stays)
    assert one.post("/logout").status_code == 303
    pushing.alert()
    wait_for_notices(service, stays)
    assert service.notices(gone) == []
    wait_until(lambda: len(devices(other)) == 1, 30, "the device to be dropped")


@pytest.mark.parametrize("how", ["removed", "password", "sessions"])
def test_a_user_who_is_not_logged_in_any_more_gets_no_notices(pushing, nurse, service, secrets, how):
    phone, wall = Subscription(service.url, "phone"), Subscription(service.url, "wall")
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
    wait_for_notices(service, wall)
    assert service.notices(phone) == []
    wait_until(lambda: pushing.push.devices_of("anna") == (), 30, "the device to be dropped")


def test_a_users_file_that_is_away_for_a_moment_ends_no_notices(pushing, nurse, service):
    phone = Subscription(service.url, "phone")
    add(nurse, phone)
    file = pushing.config.web.users_file
    away = file.rename(file.with_name("away"))
    pushing.push._sweep(pushing.site.access)
    away.rename(file)
    assert len(pushing.push.devices_of("anna")) == 1
    pushing.alert()
    wait_for_notices(service, phone)


def test_a_login_that_comes_to_its_end_says_so_with_the_last_notice(pushing, service):
    phone = Subscription(service.url, "phone")
    user = read_users(pushing.config.web.users_file).get("anna")
    login = HeldLogin(name="anna", fingerprint=user.fingerprint, session="s", since_seconds=time.time() - 3601.0)
    pushing.push.add(login, phone.endpoint, phone.p256dh, phone.auth, "Firefox", "en", PushChoices())
    (notice,) = wait_for_notices(service, phone)
    assert notice["title"] == "No more notices on this device"
    assert pushing.push.devices_of("anna") == ()


@pytest.mark.parametrize("status", [404, 410])
def test_a_device_that_the_push_service_knows_no_more_is_dropped(pushing, nurse, service, status):
    phone = Subscription(service.url, "phone")
    service.answers["phone"] = status
    add(nurse, phone)
    pushing.alert()
    wait_until(lambda: devices(nurse) == [], 60, "the device to be dropped")
    assert "phone" not in (pushing.config.spool.directory / "push-devices.json").read_text()


def test_a_service_that_refuses_is_named_beside_the_device(pushing, nurse, service):
    phone = Subscription(service.url, "phone")
    service.answers["phone"] = 400
    add(nurse, phone)
    pushing.alert()
    wait_until(lambda: devices(nurse)[0]["problem"], 60, "the problem")
    assert devices(nurse)[0]["problem"] == "The push service refuses it: HTTP 400."


def test_a_service_that_is_busy_is_tried_again(pushing, nurse, service):
    phone = Subscription(service.url, "phone")
    service.answers["phone"] = 503
    add(nurse, phone)
    pushing.alert()
    wait_until(lambda: nurse.get("/api/v1/push").json()["unreached"], 60, "the failure")
    assert "it answers with HTTP 503" in nurse.get("/api/v1/push").json()["unreached"][0]
    del service.answers["phone"]
    wait_for_notices(service, phone)
    wait_until(lambda: nurse.get("/api/v1/push").json()["unreached"] == [], 60, "the end of the failure")


def test_a_redirect_is_not_followed(pushing, nurse, service):
    phone = Subscription(service.url, "phone")
    service.answers["phone"] = 307
    device = add(nurse, phone)
    answer = nurse.post(f"/api/v1/push/devices/{device['id']}/test").json()
    assert answer["outcome"] == "refused"
    assert service.elsewhere == []


def test_a_service_that_hangs_delays_neither_alerts_nor_another_service(make_rig, users_file, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    dead, living = PushService(tmp_path / "one"), PushService(tmp_path / "two")
    try:
        both = tmp_path / "both.pem"
        both.write_bytes(dead.ca_file.read_bytes() + living.ca_file.read_bytes())
        settings = dead.settings(services=[dead.host, living.host], tls_ca_file=str(both))
        rig = make_rig(users_file(tmp_path), push=settings)
        client = logged_in(rig)
        stuck, phone = Subscription(dead.url, "stuck"), Subscription(living.url, "phone")
        add(client, stuck)
        add(client, phone)
        dead.hang.set()
        for number in range(20):
            rig.alert(f"a{number}")
            assert rig.board.find_alert(f"a{number}") is not None
        assert len(wait_for_notices(living, phone, 20)) == 20
        assert dead.received == []
    finally:
        dead.close()
        living.close()


@pytest.mark.parametrize(
    ("endpoint", "service"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc:DEF-_1", "fcm.googleapis.com"),
        ("https://updates.push.services.mozilla.com/wpush/v2/gAAA", "updates.push.services.mozilla.com"),
        ("https://web.push.apple.com/QGuQyavXutnMH", "*.push.apple.com"),
        ("https://wns2-par02p.notify.windows.com/w/?token=BQYA%2f", "*.notify.windows.com"),
        ("https://push.hospital.example:8443/x", "push.hospital.example:8443"),
        ("https://push.hospital.example/x", None),
        ("http://fcm.googleapis.com/fcm/send/abc", None),
        ("https://fcm.googleapis.com:8080/fcm/send/abc", None),
        ("https://fcm.googleapis.com.evil.example/fcm", None),
        ("https://evilfcm.googleapis.com/fcm", None),
        ("https://notify.windows.com.evil.example/x", None),
        ("https://fcm.googleapis.com@10.0.0.1/x", None),
        ("https://fcm.googleapis.com\\@10.0.0.1/x", None),
        ("https://10.0.0.1/x", None),
        ("https://[::1]/x", None),
        ("https://localhost/x", None),
        ("https://169.254.169.254/latest/meta-data", None),
        ("https://fcm.googleapis.com", None),
        ("https://fcm.googleapis.com/a b", None),
        ("https://fcm.googleapis.com/" + "a" * 1100, None),
        ("file:///etc/passwd", None),
    ],
)
def test_nothing_is_sent_to_an_address_that_is_not_listed(endpoint, service):
    assert service_of(endpoint, ("push.hospital.example:8443",)) == service


def test_an_address_elsewhere_is_refused_with_a_code(nurse, service):
    phone = Subscription(service.url, "phone")
    answer = nurse.post("/api/v1/push/devices", json={**phone.request(), "endpoint": "https://10.0.0.1/x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "push_service_unknown")
    answer = nurse.post("/api/v1/push/devices", json={**phone.request(), "p256dh": "AAAA"})
    assert (answer.status_code, answer.json()["code"]) == (422, "push_keys_wrong")
    with pytest.raises(ValueError, match="no keys"):
        check_device_keys(phone.p256dh, "AAAA")


def test_only_who_is_logged_in_with_a_name_has_notices(pushing, nurse, service, make_rig):
    phone = Subscription(service.url, "phone")
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


def test_a_browser_belongs_to_who_logged_in_last(pushing, nurse, service):
    phone = Subscription(service.url, "phone")
    add(nurse, phone)
    other = logged_in(pushing, "wall")
    add(other, phone)
    assert devices(nurse) == []
    assert len(devices(other)) == 1


def test_a_trial_says_truly_what_became_of_it(pushing, nurse, service):
    phone = Subscription(service.url, "phone")
    device = add(nurse, phone)

    def trial():
        return nurse.post(f"/api/v1/push/devices/{device['id']}/test").json()

    assert trial()["outcome"] == "delivered"
    assert service.notices(phone)[0]["body"] == "Notices reach this device. No alert does not mean no pain."
    service.close()
    found = trial()
    assert (found["outcome"], found["detail"]) == (
        "away",
        "This station does not reach the push service: there is no way to it.",
    )


def test_a_certificate_of_nobody_s_is_not_trusted(make_rig, users_file, tmp_path, service):
    rig = make_rig(users_file(tmp_path), push=service.settings(tls_ca_file=None))
    client, phone = logged_in(rig), Subscription(service.url, "phone")
    device = add(client, phone)
    answer = client.post(f"/api/v1/push/devices/{device['id']}/test").json()
    assert answer["detail"] == "This station does not reach the push service: its certificate is not trusted."
    assert service.received == []


def test_devices_and_key_outlive_a_restart_in_files_of_the_station_s_alone(pushing, nurse, service):
    phone = Subscription(service.url, "phone")
    add(nurse, phone)
    directory = pushing.config.spool.directory
    for name in ("push-devices.json", "push.key"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    again = PushNotices(pushing.config, pushing.board, pushing.clock, lambda: pushing.site.access)
    assert again.public_key == pushing.push.public_key
    assert [device.endpoint for device in again.devices_of("anna")] == [phone.endpoint]


def test_files_that_others_may_read_or_that_are_damaged_are_not_used(pushing, nurse, service):
    add(nurse, Subscription(service.url, "phone"))
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


def test_a_station_without_the_extra_says_so(make_rig, users_file, tmp_path, service, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "pywebpush" else find(name, *a))
    rig = make_rig(users_file(tmp_path), push=service.settings())
    client = logged_in(rig)
    assert "pip install 'nicu-pain-monitor[push]'" in client.get("/api/v1/push").json()["problem"]
    answer = client.post("/api/v1/push/devices", json=Subscription(service.url, "phone").request())
    assert (answer.status_code, answer.json()["code"]) == (404, "push_off")


def test_where_it_is_off_nothing_is_there(rig):
    client = logged_in(rig)
    assert client.get("/api/v1/push").json()["code"] == "push_off"
    assert not (rig.config.spool.directory / "push.key").exists()


def test_a_person_has_a_bounded_number_of_devices(pushing, nurse, service):
    for number in range(DEVICES_OF_ONE_USER):
        add(nurse, Subscription(service.url, f"phone-{number}"))
    answer = nurse.post("/api/v1/push/devices", json=Subscription(service.url, "more").request())
    assert (answer.status_code, answer.json()["code"]) == (409, "push_too_many")


def test_what_waits_is_bounded_and_what_is_old_is_dropped(pushing, nurse, service):
    add(nurse, Subscription(service.url, "phone"))
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
