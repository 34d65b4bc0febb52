"""The server beside a station: it starts, stops, starts again, and leaves nothing behind."""

import socket
import threading
import time

import httpx
import numpy as np
import pytest

from monitor.board import BedInfo, Board
from monitor.clock import SystemClock
from monitor.errors import PublishError
from monitor.faces.geometry import Face, OrientedBox
from monitor.faces.patient_tracker import FrameFaces, TrackedFace
from monitor.pain.vocabulary import Observation, Validity, Visibility
from monitor.telemetry.status_server import StatusServer
from monitor.video.frame import Frame
from monitor.web.preview import Previews, draw_preview
from monitor.web.server import PageServer


@pytest.fixture
def make(make_server):
    return make_server


def get(server, path, **headers):
    return httpx.get(server.url + path, headers=headers, timeout=30, trust_env=False)


def test_one_port_serves_page_api_metrics_and_health(make):
    server = make()
    assert isinstance(server, PageServer)
    began = time.monotonic()
    server.start()
    assert time.monotonic() - began < 0.5  # the libraries are loaded elsewhere
    assert "nicu_monitor_trial 42.0" in get(server, "/metrics").text
    assert get(server, "/healthz").json() == {"status": "ok"}
    ready = get(server, "/readyz")
    assert (ready.status_code, ready.json()) == (503, {"status": "failing", "workers": 0})
    assert get(server, "/api/v1/beds").json()[0]["observation"]["bed"] == "bed-1"
    assert "<title>Beds</title>" in get(server, "/", Accept="text/html").text
    assert get(server, "/bed/none", Accept="text/html").status_code == 200
    assert get(server, "/assets/page.css").status_code == 200
    server.stop()
    server.stop()
    assert "http-page" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(httpx.ConnectError):
        get(server, "/healthz")


def test_it_can_be_started_again_in_the_same_process_on_the_same_port(make):
    first = make()
    first.start()
    assert "<title>Beds</title>" in get(first, "/", Accept="text/html").text
    first.stop()
    second = make(port=first.port)
    second.start()
    assert "<title>Beds</title>" in get(second, "/", Accept="text/html").text


def test_stopping_does_not_wait_for_a_reader_that_stays(make):
    server = make()
    server.start()
    with (
        httpx.Client(timeout=30, trust_env=False) as client,
        client.stream("GET", f"{server.url}/api/v1/events") as answer,
    ):
        assert next(answer.iter_lines())
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 8


def test_it_can_be_stopped_before_it_has_begun_to_serve(make):
    server = make()
    server.start()
    server.stop()
    unstarted = make()
    unstarted.stop()


def test_two_pages_in_one_process_are_refused(make):
    make().start()
    with pytest.raises(PublishError, match="serves a page already"):
        make().start()


def test_a_taken_port_is_one_sentence(make):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PublishError, match=rf"cannot serve HTTP on 127.0.0.1:{port} .*http.port"):
            make(port=port)


def test_without_the_page_the_small_server_answers(make):
    server = make(enabled=False)
    assert isinstance(server, StatusServer)
    server.start()
    assert "nicu_monitor_trial 42.0" in get(server, "/metrics").text
    assert get(server, "/").status_code == 404


BOX = OrientedBox(center_x_px=960.0, center_y_px=540.0, width_px=300.0, height_px=300.0, orientation_deg=0.0)
POINTS = np.array([[900.0, 480.0], [1020.0, 480.0], [960.0, 540.0], [910.0, 600.0], [1010.0, 600.0]])
FACE = TrackedFace(1, Face(BOX, POINTS, 0.99))
SIGHTING = FrameFaces((FACE,), FACE, Visibility.USABLE, None, 1, 0)


def checks(height=1080, width=1920):
    """Return a picture of fine checks, in which any blur shows."""
    y, x = np.mgrid[:height, :width]
    return np.repeat((((x // 40 + y // 40) % 2) * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def test_a_preview_is_reduced_and_shows_box_and_points():
    plain = draw_preview(checks(), None, blurred=False)
    annotated = draw_preview(checks(), SIGHTING, blurred=False)
    assert annotated.shape == (540, 960, 3)
    changed = np.argwhere((plain != annotated).any(axis=2))
    assert len(changed) > 200
    # Around the face in the reduced picture, with room for lines and label.
    assert changed.min(axis=0)[0] >= 270 - 75 - 30
    assert changed.max(axis=0)[0] <= 270 + 75 + 10
    assert (plain[240, 450] != annotated[240, 450]).any()


def test_a_blurred_preview_has_lost_what_people_are_recognised_by():
    def detail(picture):
        return float(np.abs(np.diff(picture.astype(float), axis=1)).mean())

    assert detail(draw_preview(checks(), None, blurred=True)) < 0.05 * detail(
        draw_preview(checks(), None, blurred=False)
    )


def test_the_picture_that_was_annotated_is_not_changed():
    image = checks()
    image.flags.writeable = False
    draw_preview(image, SIGHTING, blurred=False)
    small = checks(120, 160)
    before = small.copy()
    draw_preview(small, SIGHTING, blurred=False)
    assert (small == before).all()


def test_a_picture_is_rendered_once_for_all_and_not_when_it_is_off():
    clock = SystemClock()
    board = Board([BedInfo("bed-1", "cam-1")], clock, on_level=0.6, keeps_pictures=True)
    seen = Observation(clock.monotonic(), 0.1, 0.1, 0.1, 0.9, 0.0, Validity.VALID, 0.0)
    board.observe("bed-1", seen, Frame(checks(120, 160), clock.monotonic(), None, 0), None)
    previews = Previews(board, "full")
    assert previews.jpeg("bed-1") is previews.jpeg("bed-1")
    assert previews.jpeg("bed-1").startswith(b"\xff\xd8")
    assert previews.jpeg("none") is None
    assert Previews(board, "off").jpeg("bed-1") is None
