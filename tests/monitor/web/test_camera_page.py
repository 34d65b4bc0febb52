"""An administrator tries a real camera in the page, sees what it sends, saves it and takes that back."""

import json
import urllib.error
import urllib.request

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe

from monitor.control.access import Role, hash_token
from monitor.control.bed_scope import BedScope
from monitor.synthetic import SyntheticBed
from monitor.video.rtsp_feed import PaintedFeed
from monitor.video.rtsp_server import Credentials, RtspServer
from monitor.web.users import User, write_users

pytestmark = [pytest.mark.timeout(180), pytest.mark.browser]

BOSS, NURSE, NORTH = "b" * 43, "n" * 43, "o" * 43
WORD = "hunter2"


@pytest.fixture(scope="module")
def camera():
    """A camera with a login that shows a synthetic infant."""
    bed = SyntheticBed(3, "calm", width_px=640, height_px=360)
    feed = PaintedFeed(lambda seconds: bed.frame(seconds)[0], (640, 360), 10.0, key_frame_seconds=0.5)
    with RtspServer({"/sub": feed}, credentials=Credentials("monitor", WORD)) as server:
        yield server.url("/sub")


@pytest.fixture(scope="module")
def station(staged_module, tmp_path_factory):
    users = tmp_path_factory.mktemp("users") / "users"
    write_users(
        users,
        [
            User("boss", Role.ADMIN, hash_token(BOSS)),
            User("anna", Role.NURSE, hash_token(NURSE)),
            User("north", Role.ADMIN, hash_token(NORTH), BedScope.parse("bed-1")),
        ],
    )
    beds = [
        {"id": "bed-1", "camera": {"url": "rtsp://127.0.0.1:9/x"}},
        {"id": "bed-2", "camera": {"url": "synthetic://calm"}},
    ]
    return staged_module(beds=beds, patient=True, web={"users_file": str(users), "preview": "full"})


def saved(station):
    document = yaml.safe_load(station.file.read_text())
    return {bed["id"]: bed["camera"] for bed in document["beds"]}


def log_in(visit, station, name, secret, **options):
    page = visit(f"{station.url}/login?next=/bed/bed-1", **options)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password or token").fill(secret)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_function("document.querySelector('.picture img')?.naturalWidth === 960")
    return page


def test_a_camera_is_tried_seen_saved_and_taken_back(station, visit, camera):
    page = log_in(visit, station, "boss", BOSS)
    before = station.file.read_text()
    page.get_by_role("button", name="Camera of bed-1").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("The bed is watched as before").wait_for()
    save, attempt = dialog.get_by_role("button", name="Save"), dialog.get_by_role("button", name="Try")
    assert save.is_disabled()

    address = dialog.get_by_label("Address of the camera")
    address.fill("file:///etc/passwd")
    attempt.click()
    dialog.get_by_role("alert").get_by_text("only a camera on the network").wait_for()
    assert save.is_disabled()

    address.fill(camera)
    dialog.get_by_label("User name of the camera").fill("monitor")
    dialog.get_by_label("Password of the camera").fill(WORD)
    attempt.click()
    dialog.get_by_text("H.264, 640 x 360 px").wait_for(timeout=60_000)
    dialog.get_by_text("Face found").wait_for()
    picture = dialog.get_by_alt_text("Picture of the camera that was tried")
    page.wait_for_function("document.querySelector('.camera-result img')?.naturalWidth === 640")
    assert picture.is_visible()
    assert station.file.read_text() == before, "a trial changes nothing"
    # What is saved is what was tried: another address has to be tried again.
    page.wait_for_function("!document.querySelector('.camera-actions .ack:nth-of-type(2)').disabled")
    address.fill(camera + "2")
    dialog.get_by_text("H.264, 640 x 360 px").wait_for(state="detached")
    page.wait_for_function("document.querySelector('.camera-actions .ack:nth-of-type(2)').disabled")
    address.fill(camera)
    attempt.click()
    dialog.get_by_text("H.264, 640 x 360 px").wait_for(timeout=60_000)
    save.click()
    row = page.locator(".undo-row")
    row.get_by_text("bed-1: camera saved, by boss").wait_for()
    assert {name: saved(station)["bed-1"][name] for name in ("url", "username")} == {
        "url": camera, "username": "monitor",
    }  # fmt: skip
    page.reload()  # the undo outlives the page
    row.get_by_text("bed-1: camera saved, by boss").wait_for()
    row.get_by_role("button", name="Undo").click()
    page.get_by_text("bed-1: taken back, all is as before").wait_for()
    assert station.file.read_text() == before
    audit = (station.directory / "audit.jsonl").read_text()
    assert [json.loads(line)["event"] for line in audit.splitlines()][-2:] == ["reload", "camera_taken_back"]
    assert WORD not in audit + station.log_text() + page.content()
    page.get_by_role("button", name="Camera of bed-1").click()
    attempt.wait_for()
    found = Axe().run(page).response["violations"]
    assert not found, [(item["id"], [node["failureSummary"] for node in item["nodes"]]) for item in found]


def test_nobody_else_sees_the_button_and_the_api_refuses_them(station, visit, camera):
    page = log_in(visit, station, "anna", NURSE)
    assert page.get_by_role("button", name="Camera of bed-1").count() == 0

    def post(token, path, **fields):
        request = urllib.request.Request(
            f"{station.url}/api/v1/beds/{path}",
            json.dumps(fields).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}", "Accept-Language": "pt-BR"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    login = {"username": "monitor", "password": WORD}
    assert post(NURSE, "bed-1/camera/try", address=camera, **login)[0] == 403
    status, refusal = post(NORTH, "bed-1/camera/try", address=camera, **login)
    assert (status, refusal["code"]) == (409, "beds_limited")
    assert post(BOSS, "bed-9/camera/try", address=camera, **login)[0] == 404
    status, refusal = post(BOSS, "bed-1/camera/try", address=f"gopher://monitor:{WORD}@h/x")
    assert (status, refusal["code"]) == (422, "camera_wrong")
    assert refusal["detail"].startswith("o endereço ou o login da câmera")
    assert WORD not in json.dumps(refusal)
    status, refusal = post(BOSS, "bed-1/camera/try", address=camera, password=["a", WORD])
    assert (status, refusal["code"]) == (422, "values_wrong")
    assert WORD not in json.dumps(refusal)
    # Programs go by the kind of a fault; the sentence is in the reader's language.
    _, dead = post(BOSS, "bed-1/camera/try", address="rtsp://127.0.0.1:9/x")
    assert (dead["fault"], dead["trial"]) == ("unreachable", None)
    assert "não pode ser alcançada; verifique se a câmera está ligada" in dead["error"]
    _, refused = post(BOSS, "bed-1/camera/try", address=camera, **{**login, "password": "wrong"})
    assert refused["fault"] == "refused"
    assert refused["error"].endswith("recusou: verifique username e password_file")
    status, tried = post(BOSS, "bed-1/camera/try", address=camera, **login)
    assert status == 200
    assert (tried["codec"], tried["width_px"], tried["height_px"]) == ("H.264", 640, 360)
    assert tried["face"] in {"usable", "not_usable"}
    assert tried["picture"].startswith("/9j/")
    assert WORD not in json.dumps(tried)
    assert post(BOSS, "bed-1/camera", trial="never")[1]["code"] == "camera_untried"
    status, changed = post(BOSS, "bed-1/camera", trial=tried["trial"])
    assert (status, changed["bed"]) == (200, "bed-1")
    assert saved(station)["bed-1"]["url"] == camera
