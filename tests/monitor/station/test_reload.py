"""Beds that come, change and go while the station runs, by command, signal and API."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from daemon import Daemon, alerts_in
from ports import free_port
from redis_server import wait_until
from rtsp_process import RtspProcess

from monitor.control.access import hash_token
from monitor.history.database import HistoryView
from monitor.pain.vocabulary import Phase

TOKEN = "t" * 43
WORD = "hunter2"


@contextmanager
def closing_camera(**options):
    camera = RtspProcess(**options)
    camera.start()
    try:
        yield camera
    finally:
        camera.kill()


def synthetic(name, seed, **fields):
    return {"id": name, "camera": {"url": f"synthetic://calm?seed={seed}&size=320x180&fps=4"}, **fields}


class Reloaded:
    def __init__(self, directory, redis_url, beds):
        self.file = directory / "station.yaml"
        directory.mkdir(exist_ok=True)
        (directory / "users").write_text(f"boss admin {hash_token(TOKEN)}\nnurse nurse {hash_token('n' * 43)}\n")
        (directory / "users").chmod(0o600)
        self.fields = {
            "station": {"id": "ward"},
            "beds": beds,
            "redis": {"url": redis_url, "timeout_seconds": 0.5},
            "analysis": {"frames_per_second": 2.0, "workers": 1},
            "faces": {"detection_size_px": 320},
            "web": {"users_file": str(directory / "users")},
        }
        self.daemon = Daemon(directory, self.fields)

    def write(self, **changes):
        document = yaml.safe_load(self.file.read_text())
        self.file.write_text(yaml.safe_dump({**document, **changes}))

    def command(self, *words):
        program = str(Path(sys.executable).parent / "nicu-monitor")
        return subprocess.run(
            [program, "reload", "--config", str(self.file), *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def region(self, token, bed, **fields):
        return self.post(token, f"beds/{bed}/region", **fields)

    def post(self, token, path="reload", /, **fields):
        request = urllib.request.Request(
            f"{self.daemon.url}/api/v1/{path}",
            json.dumps(fields).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def page(self, bed):
        """Return the page of a bed as it comes to a browser, with what its charts show."""
        request = urllib.request.Request(f"{self.daemon.url}/bed/{bed}", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def analysed(self, bed):
        assert "\nerror: " not in self.daemon.output()
        return self.daemon.metric("nicu_monitor_frames_analysed_total", bed=bed)


@pytest.mark.timeout(240)
def test_beds_come_change_and_go_and_the_others_go_on(tmp_path, redis_server):
    lost = {"id": "lost", "camera": {"url": f"rtsp://127.0.0.1:{free_port()}/x"}}
    # A station of synthetic infants alone could not go on as one with a real camera, nor the other way.
    real = {"id": "real", "camera": {"url": f"rtsp://127.0.0.1:{free_port()}/x"}}
    station = Reloaded(tmp_path / "d", redis_server.url, [synthetic("stays", 1), lost, real])
    with station.daemon as daemon:
        client = redis_server.client()
        wait_until(lambda: (station.analysed("stays") or 0) > 2, 60, "frames of the first bed")
        wait_until(lambda: any(a["bed"] == "lost" for a in alerts_in(client)), 30, "the absent camera's alarm")
        first = next(a for a in alerts_in(client) if a["bed"] == "lost")

        # A wrong file changes nothing, by any way in, and says why.
        right = station.file.read_text()
        station.file.write_text(right + "nonsense: 1\n")
        answer = station.command()
        assert (answer.returncode, "nothing was changed" in answer.stderr) == (1, True)
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: "was not reloaded" in daemon.output(), 10, "the refusal in the log")
        station.file.write_text(right)
        station.write(redis={**station.fields["redis"], "key_prefix": "other"})
        answer = station.command()
        assert answer.returncode == 3
        assert "redis.key_prefix" in answer.stderr
        station.file.write_text(right)

        # Said before it is done.
        changed_camera = {"id": "lost", "camera": {"url": f"rtsp://127.0.0.1:{free_port()}/y"}}
        station.write(beds=[synthetic("stays", 1), changed_camera, synthetic("comes", 2), real])
        answer = station.command("--dry-run")
        assert "Bed lost is not watched for some seconds" in answer.stdout
        assert "Bed comes is watched from now on" in answer.stdout
        assert station.analysed("comes") is None
        before = station.analysed("stays")
        assert station.command().returncode == 0
        wait_until(lambda: (station.analysed("comes") or 0) > 2, 60, "frames of the new bed")
        assert station.analysed("stays") >= before, "the other bed's count began again"
        assert daemon.metric("nicu_monitor_alarm_condition", bed="lost", code="camera_lost") == 1.0
        starts = {a["alert_id"] for a in alerts_in(client) if a["bed"] == "lost" and a["code"] == "camera_lost"}
        assert starts == {first["alert_id"]}, "the alarm went on under its id"

        # By the API, for an admin alone; with new alarm settings.
        station.write(
            beds=[synthetic("stays", 1), synthetic("comes", 2), real], alarms={"hold_seconds": 4.0, "on_level": 0.7}
        )
        assert station.post("n" * 43)[0] == 403
        status, body = station.post(TOKEN, dry_run=True)
        assert (status, body["applied"]) == (200, False)
        status, body = station.post(TOKEN)
        assert (status, body["applied"]) == (200, True)
        wait_until(lambda: client.hget("nicu:state:stays", "on_level") == "0.7", 20, "the new limit, for a ward")
        assert '"yAxis":0.7' in station.page("stays"), "the new limit, on the station's own page"

        # A region by the API, written into the file with its comments; refused while the file holds other changes.
        station.file.write_text("# of the ward\n" + station.file.read_text())
        assert station.region("n" * 43, "stays", left=0.5)[0] == 403
        status, body = station.region(TOKEN, "stays", left=0.1, right=0.9)
        assert (status, "looked for again" in body["sentences"][0]) == (200, True)
        assert station.file.read_text().startswith("# of the ward\n")
        assert {"left": 0.1, "top": 0, "right": 0.9, "bottom": 1} in [
            bed.get("region_of_interest") for bed in yaml.safe_load(station.file.read_text())["beds"]
        ]
        assert station.command("--dry-run").stdout.startswith("Nothing changes.")
        saved = station.file.read_text()
        station.write(alarms={"hold_seconds": 5.0})
        status, body = station.region(TOKEN, "stays", left=0.2)
        assert (status, "reload them first" in body["detail"]) == (409, True)
        station.file.write_text(saved)
        assert station.region(TOKEN, "stays", left=0.9, right=0.1)[0] == 409
        assert station.file.read_text() == saved

        # A camera by the API: tried beside the bed's, then the bed's own; its password is in nothing that people read.
        with closing_camera(username="monitor", password=WORD, fps=4) as camera:
            login = {"username": "monitor", "password": WORD}
            status, tried = station.post(TOKEN, "beds/real/camera/try", address=camera.url, **login)
            assert (status, tried["error"], tried["codec"]) == (200, None, "H.264")
            assert not station.analysed("real")
            status, body = station.post(TOKEN, "beds/real/camera", trial=tried["trial"])
            assert (status, "while its camera is opened" in body["sentences"][0]) == (200, True)
            wait_until(lambda: (station.analysed("real") or 0) > 0, 60, "frames of the new camera")
            assert station.file.read_text().startswith("# of the ward\n")
            assert WORD not in daemon.output() + json.dumps(tried) + station.file.read_text()

        def ended():
            return [a for a in alerts_in(client) if a["bed"] == "lost" and a["phase"] == "end"]

        wait_until(ended, 10, "the end of the removed bed's alarm")
        assert ended()[0]["alert_id"] == first["alert_id"]
        assert ended()[0]["validity"] == "questionable"
        past = HistoryView(station.file.parent / "state" / "history")
        wait_until(
            lambda: [one.phase for one in past.alerts("lost", 0.0, time.time() + 3_600)][-1:] == [Phase.END],
            20,
            "the end in the record of days past",
        )
        assert station.analysed("lost") is None
        before = station.analysed("stays")
        wait_until(lambda: station.analysed("stays") > before, 20, "frames of the bed that stayed")

        # By the signal.
        station.write(beds=[synthetic("stays", 1), synthetic("last", 4), real])
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: (station.analysed("last") or 0) > 0, 60, "frames of the last bed")
        wait_until(lambda: not client.exists("nicu:state:comes"), 20, "the state of the removed bed is gone")
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.output()
        assert not (station.file.parent / "state" / "control.sock").exists()
        seqs = [alert["seq"] for alert in alerts_in(client)]
        assert seqs == list(range(1, len(seqs) + 1)), "numbering goes on"
