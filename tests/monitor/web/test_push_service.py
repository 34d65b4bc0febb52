"""Between a station and push services: one that refuses, is busy, hangs, is away, is none, or is not to be trusted."""

import pytest
from page_rig import logged_in
from push_service import PushService, Subscription, add, devices, wait_for_notices
from redis_server import wait_until

from monitor.clock import ManualClock
from monitor.pain.vocabulary import Code, Kind, Phase, Priority, Signal
from monitor.web.push.client import PushOutcome, PushResult, check_device_keys
from monitor.web.push.sender import PushNotice, ServiceSender
from monitor.web.push.services import service_of

TOKEN = {"Authorization": "Bearer " + "t" * 43}
CAMERA = {"code": Code.CAMERA_LOST, "kind": Kind.TECHNICAL, "priority": Priority.MEDIUM, "evidence": None}
DISK = {"code": Code.DISK_LOW, "kind": Kind.TECHNICAL, "priority": Priority.LOW, "evidence": None, "bed": None}
OVER = {"phase": Phase.END, "condition_present": False, "signal": Signal.OFF}


@pytest.mark.parametrize("status", [404, 410])
def test_a_device_that_the_push_service_knows_no_more_is_dropped(pushing, nurse, push_service, status):
    phone = Subscription(push_service.url, "phone")
    push_service.answers["phone"] = status
    add(nurse, phone)
    pushing.alert()
    wait_until(lambda: devices(nurse) == [], 60, "the device to be dropped")
    assert "phone" not in (pushing.config.spool.directory / "push-devices.json").read_text()


def test_a_service_that_refuses_is_named_beside_the_device(pushing, nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    push_service.answers["phone"] = 400
    add(nurse, phone)
    pushing.alert()
    wait_until(lambda: devices(nurse)[0]["problem"], 60, "the problem")
    assert devices(nurse)[0]["problem"] == "The push service refuses it: HTTP 400."


def test_a_service_that_is_busy_is_tried_again(pushing, nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    push_service.answers["phone"] = 503
    add(nurse, phone)
    pushing.alert()
    wait_until(lambda: nurse.get("/api/v1/push").json()["unreached"], 60, "the failure")
    assert "it answers with HTTP 503" in nurse.get("/api/v1/push").json()["unreached"][0]
    del push_service.answers["phone"]
    wait_for_notices(push_service, phone)
    wait_until(lambda: nurse.get("/api/v1/push").json()["unreached"] == [], 60, "the end of the failure")


@pytest.mark.parametrize("status", [429, 503])
def test_a_device_whose_address_fails_delays_nobody_else(pushing, nurse, push_service, status):
    broken, phone = Subscription(push_service.url, "broken"), Subscription(push_service.url, "phone")
    push_service.answers["broken"] = status
    add(nurse, broken)
    add(nurse, phone)
    for number in range(3):
        pushing.alert(f"a{number}")
        wait_until(lambda wanted=number + 1: len(push_service.notices(phone)) >= wanted, 15, "the notice")
    assert nurse.get("/api/v1/push").json()["unreached"] == []


def attempts_over_hours(pushing, nurse, push_service, away):
    """Return which devices are settled as gone in eight hours with an alert each five minutes."""
    for name in ("broken", "phone"):
        add(nurse, Subscription(push_service.url, name))
    clock, gone = ManualClock(), []

    def send(notice):
        is_away = notice.device.endpoint.rsplit("/", 1)[1] in away
        return PushResult(PushOutcome.AWAY if is_away else PushOutcome.DELIVERED, "none")

    def settle(notice, result):
        if result.outcome is PushOutcome.GONE:
            gone.append(notice.device.endpoint.rsplit("/", 1)[1])

    sender = ServiceSender("a service", send, clock, settle)
    for _ in range(8 * 12):
        for device in pushing.push.devices_of("anna"):
            if device.endpoint.rsplit("/", 1)[1] not in gone:
                sender.submit(PushNotice(device, None, b"", "t", urgent=False, made_seconds=clock.monotonic()))
                sender._turn()
        clock.advance(300.0)
    return gone


def test_a_device_that_fails_for_hours_while_others_are_reached_is_given_up(pushing, nurse, push_service):
    assert attempts_over_hours(pushing, nurse, push_service, {"broken"}) == ["broken"]


def test_no_device_is_given_up_because_its_service_is_away_for_hours(pushing, nurse, push_service):
    assert attempts_over_hours(pushing, nurse, push_service, {"broken", "phone"}) == []


def test_a_trial_that_arrives_ends_the_failure_that_is_shown(pushing, nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    push_service.answers["phone"] = 503
    device = add(nurse, phone)
    pushing.alert()
    wait_until(lambda: nurse.get("/api/v1/push").json()["unreached"], 60, "the failure")
    with pushing.push._senders[push_service.host]._changed:
        pushing.push._senders[push_service.host]._waiting.clear()
    del push_service.answers["phone"]
    assert nurse.post(f"/api/v1/push/devices/{device['id']}/test").json()["outcome"] == "delivered"
    # A notice that was on its way meanwhile may say otherwise for a moment.
    wait_until(lambda: nurse.get("/api/v1/push").json()["unreached"] == [], 20, "the end of the failure")


def test_a_redirect_is_not_followed(pushing, nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    push_service.answers["phone"] = 307
    device = add(nurse, phone)
    answer = nurse.post(f"/api/v1/push/devices/{device['id']}/test").json()
    assert answer["outcome"] == "refused"
    assert push_service.elsewhere == []


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


def test_an_address_elsewhere_is_refused_with_a_code(nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    answer = nurse.post("/api/v1/push/devices", json={**phone.request(), "endpoint": "https://10.0.0.1/x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "push_service_unknown")
    answer = nurse.post("/api/v1/push/devices", json={**phone.request(), "p256dh": "AAAA"})
    assert (answer.status_code, answer.json()["code"]) == (422, "push_keys_wrong")
    with pytest.raises(ValueError, match="no keys"):
        check_device_keys(phone.p256dh, "AAAA")


def test_a_trial_says_truly_what_became_of_it(pushing, nurse, push_service):
    phone = Subscription(push_service.url, "phone")
    device = add(nurse, phone)

    def trial():
        return nurse.post(f"/api/v1/push/devices/{device['id']}/test").json()

    assert trial()["outcome"] == "delivered"
    assert push_service.notices(phone)[0]["body"] == "Notices reach this device. No alert does not mean no pain."
    push_service.close()
    found = trial()
    assert (found["outcome"], found["detail"]) == (
        "away",
        "This station does not reach the push service: there is no way to it.",
    )


def test_a_certificate_of_nobody_s_is_not_trusted(make_rig, users_file, tmp_path, push_service):
    rig = make_rig(users_file(tmp_path), push=push_service.settings(tls_ca_file=None))
    client, phone = logged_in(rig), Subscription(push_service.url, "phone")
    device = add(client, phone)
    answer = client.post(f"/api/v1/push/devices/{device['id']}/test").json()
    assert answer["detail"] == "This station does not reach the push service: its certificate is not trusted."
    assert push_service.received == []
