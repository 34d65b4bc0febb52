"""A real camera is tried beside the beds and saved; its password is in nothing that anybody reads."""

import json
import stat
import threading

import pytest
import yaml

from monitor.cameras.draft import CameraDraft
from monitor.clock import SystemClock
from monitor.config.file import read_config
from monitor.errors import ConfigError, EngineError, RefusalCode, RefusedError
from monitor.station.camera_trials import CameraTrials
from monitor.station.reloading import Reloader
from monitor.synthetic import SyntheticBed
from monitor.video.rtsp_feed import PaintedFeed
from monitor.video.rtsp_server import Credentials, RtspServer

WORD = "hunter2"


class LaterClock(SystemClock):
    """The machine's time, moved on by hand."""

    def __init__(self):
        super().__init__()
        self.later_seconds = 0.0

    def monotonic(self):
        return super().monotonic() + self.later_seconds


@pytest.fixture(scope="module")
def stream():
    bed = SyntheticBed(3, "calm", width_px=320, height_px=180)
    feed = PaintedFeed(lambda seconds: bed.frame(seconds)[0], (320, 180), 10.0, key_frame_seconds=0.5)
    with RtspServer({"/sub": feed}, credentials=Credentials("monitor", WORD)) as server:
        yield server.url("/sub")


class Office:
    """A configuration with two beds, and what tries and changes their cameras."""

    def __init__(self, directory):
        self.file = directory / "station.yaml"
        self.state = directory / "state"
        self.file.write_text(
            "beds:\n  - id: bed-1  # by the window\n    camera: {url: rtsp://127.0.0.1:9/x}\n"
            f"  - {{id: bed-2, camera: {{url: rtsp://127.0.0.1:9/y}}}}\nspool: {{directory: {self.state}}}\n"
        )
        self.config = read_config(self.file)
        self.audited = []
        self.clock = LaterClock()
        self.applied = []
        reloader = Reloader(lambda: read_config(self.file), lambda: self.config, self.apply, self.audit, self.file)
        self.trials = CameraTrials(lambda: self.config, self.no_models, reloader.change_camera, self.clock, self.audit)

    def no_models(self):
        raise EngineError("no engine here")

    def apply(self, changes, new):
        self.applied.append([change.settings.id for change in changes.changed])
        self.config = new

    def audit(self, event, details):
        self.audited.append((event, dict(details)))

    def passwords(self):
        return sorted((self.state / "cameras").glob("*"))


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


@pytest.mark.timeout(120)
def test_a_camera_is_tried_saved_and_taken_back_and_no_record_holds_its_password(office, stream, caplog):
    before = office.file.read_text()
    tried = office.trials.try_camera("boss", "bed-1", CameraDraft(stream, "monitor", WORD))
    assert tried.trial.error is None
    assert (tried.trial.codec, tried.trial.size_px, tried.trial.was_detected) == ("H.264", (320, 180), False)
    assert not tried.keeps_login
    assert office.file.read_text() == before
    assert office.applied == []

    with pytest.raises(RefusedError, match="try the camera first"):
        office.trials.save("boss", "bed-2", tried.trial_id)
    with pytest.raises(RefusedError, match="try the camera first"):
        office.trials.save("somebody else", "bed-1", tried.trial_id)
    assert "Bed bed-1 is not watched for some seconds" in office.trials.save("boss", "bed-1", tried.trial_id)[0]
    assert office.applied == [["bed-1"]]
    camera = office.config.beds[0].camera
    assert (camera.url, camera.username, camera.password) == (stream, "monitor", None)
    assert camera.password_file.read_text() == WORD
    assert stat.S_IMODE(camera.password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(camera.password_file.parent.stat().st_mode) == 0o700
    assert "# by the window" in office.file.read_text()
    with pytest.raises(RefusedError, match="try the camera first"):
        office.trials.save("boss", "bed-1", tried.trial_id)

    # The same camera again, without its login: the stored one is used, and its file stays.
    again = office.trials.try_camera("boss", "bed-1", CameraDraft(stream))
    assert again.keeps_login
    assert again.trial.error is None
    with pytest.raises(RefusedError) as late:
        office.trials.take_back("somebody else", "bed-1")
    assert late.value.code is RefusalCode.UNDO_TOO_LATE
    office.trials.take_back("boss", "bed-1")
    assert office.file.read_text() == before
    assert office.config.beds[0].camera.url == "rtsp://127.0.0.1:9/x"
    written = json.dumps(office.audited) + caplog.text + repr(tried) + office.file.read_text()
    assert WORD not in written
    assert [event for event, _ in office.audited if event != "reload"] == [
        "camera_tried", "camera", "camera_tried", "camera_taken_back",
    ]  # fmt: skip


@pytest.mark.timeout(120)
def test_old_passwords_go_and_what_was_tried_long_ago_is_forgotten(office, stream):
    for n in range(3):
        tried = office.trials.try_camera("boss", "bed-1", CameraDraft(f"{stream}?n={n}", "monitor", WORD))
        office.trials.save("boss", "bed-1", tried.trial_id)
        assert len(office.passwords()) == min(n + 1, 2)
    tried = office.trials.try_camera("boss", "bed-1", CameraDraft(stream))
    office.clock.later_seconds = 301.0
    with pytest.raises(RefusedError) as untried:
        office.trials.save("boss", "bed-1", tried.trial_id)
    assert untried.value.code is RefusalCode.CAMERA_UNTRIED
    with pytest.raises(RefusedError, match="too late"):
        office.trials.take_back("boss", "bed-1")


def test_what_gives_no_picture_cannot_be_saved_and_a_file_with_other_changes_stays_as_it_is(office, stream):
    failed = office.trials.try_camera("boss", "bed-1", CameraDraft(f"rtsp://monitor:{WORD}@127.0.0.1:9/x"))
    assert "cannot be reached" in failed.trial.error
    assert failed.trial_id is None
    wrong = office.trials.try_camera("boss", "bed-1", CameraDraft(stream, "monitor", f"not {WORD}"))
    assert "refused" in wrong.trial.error
    assert WORD not in failed.trial.error + wrong.trial.error
    tried = office.trials.try_camera("boss", "bed-1", CameraDraft(stream, "monitor", WORD))
    document = yaml.safe_load(office.file.read_text())
    office.file.write_text(yaml.safe_dump({**document, "alarms": {"hold_seconds": 4.0}}))
    text = office.file.read_text()
    with pytest.raises(ConfigError, match="reload them first"):
        office.trials.save("boss", "bed-1", tried.trial_id)
    assert office.file.read_text() == text
    assert office.passwords() == []
    with pytest.raises(RefusedError) as unknown:
        office.trials.try_camera("boss", "bed-9", CameraDraft(stream))
    assert unknown.value.code is RefusalCode.BED_UNKNOWN


def test_one_camera_is_tried_at_a_time_and_a_station_that_stops_waits_for_none(office):
    opening, outcomes = threading.Event(), []

    def no_models():
        opening.set()
        raise EngineError("no engine here")

    trials = CameraTrials(lambda: office.config, no_models, lambda *_: ((), lambda: None), office.clock, office.audit)
    # A listening socket that never answers.
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x"
        thread = threading.Thread(
            target=lambda: outcomes.append(trials.try_camera("boss", "bed-1", CameraDraft(address)))
        )
        thread.start()
        assert opening.wait(60)
        with pytest.raises(RefusedError) as busy:
            trials.try_camera("boss", "bed-2", CameraDraft(address))
        assert busy.value.code is RefusalCode.CAMERA_BUSY
        trials.stop()
        thread.join(60)
    assert not thread.is_alive()
    assert outcomes[0].trial_id is None
