"""The ward's page over real stations and a real Redis; run by `make fleet`."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from daemon import Daemon, alerts_in
from ports import free_port
from redis_server import wait_until
from ward_page import WardPage

from monitor.control.access import hash_token

PROGRAM = str(Path(sys.executable).parent / "nicu-monitor")
NURSE, WARD = "n" * 43, "w" * 43


@pytest.fixture
def access(tmp_path):
    """The stations' access list, which knows the ward's page alone, and the users of that page."""
    commands, users, token = tmp_path / "commands", tmp_path / "users", tmp_path / "token"
    commands.write_text(f"ward-page admin {hash_token(WARD)}\n")
    users.write_text(f"nurse-7 nurse {hash_token(NURSE)}\n")
    token.write_text(WARD)
    for file in (commands, users, token):
        file.chmod(0o600)
    return commands, users, token


class NursesPage(WardPage):
    def __init__(self, directory, redis_url, users, token):
        fleet = {"lease_seconds": 4.0, "command_token_file": str(token)}
        super().__init__(
            directory, {"url": redis_url, "timeout_seconds": 1.0}, fleet=fleet, web={"users_file": str(users)}
        )

    def get(self, path, method="GET"):
        request = urllib.request.Request(
            f"{self.url}{path}", headers={"Authorization": f"Bearer {NURSE}"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError):
            return {}


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_ward_shows_every_bed_who_watches_it_and_passes_on_what_people_ask(tmp_path, redis_server, access):
    commands, users, token = access
    client = redis_server.client()
    daemon = Daemon(
        tmp_path / "a",
        {
            "station": {"id": "a"},
            "fleet": {"capacity_beds": 3, "lease_seconds": 4.0},
            "redis": {"url": redis_server.url, "timeout_seconds": 1.0, "command_access_file": str(commands)},
            "analysis": {"frames_per_second": 1.0, "workers": 1},
            "faces": {"detection_size_px": 320},
            "web": {"enabled": False},
        },
    )
    lost = {"id": "lost", "home": "a", "camera": {"url": f"rtsp://127.0.0.1:{free_port()}/x"}}
    calm = {"id": "calm", "home": "a", "camera": {"url": "synthetic://calm?seed=1&size=320x180&fps=2"}}
    (tmp_path / "beds.yaml").write_text(yaml.safe_dump({"beds": [lost, calm]}))
    with daemon, NursesPage(tmp_path / "ward", redis_server.url, users, token) as ward:
        publishing = [PROGRAM, "beds", "publish", str(tmp_path / "beds.yaml"), "--config", str(daemon._file)]
        assert subprocess.run(publishing, check=False, timeout=60, capture_output=True).returncode == 0
        wait_until(lambda: ward.get("/api/v1/ward").get("beds") == {"calm": "a", "lost": "a"}, 90, "both beds")

        def bed(name):
            return {item["observation"]["bed"]: item for item in ward.get("/api/v1/beds")}.get(name, {})

        wait_until(lambda: bed("lost").get("open_alerts"), 40, "the alarm on the ward's page")
        assert bed("lost")["observation"]["station"] == "a"
        assert bed("lost")["observation"]["state"] == "camera_lost"
        wait_until(lambda: bed("calm")["observation"]["age_seconds"] is not None, 40, "an observation")
        alert = bed("lost")["open_alerts"][0]["alert"]
        ward.get(f"/api/v1/alerts/{alert['alert_id']}/acknowledge", "POST")
        wait_until(
            lambda: (
                (alerts_in(client)[-1]["acknowledgement"] or {}).get("by") == "nurse-7"
                or any((a["acknowledgement"] or {}).get("by") == "nurse-7" for a in alerts_in(client))
            ),
            20,
            "the acknowledgement in the nurse's name",
        )
        assert WARD not in json.dumps(alerts_in(client))
        daemon.kill()
        wait_until(lambda: ward.get("/api/v1/ward").get("silent") == ["a"], 40, "the silent station")
        wait_until(lambda: ward.get("/api/v1/ward").get("unwatched") == ["calm", "lost"], 20, "the unwatched beds")
        wait_until(
            lambda: any(x["alert"]["code"] == "bed_unwatched" for x in ward.get("/api/v1/station")["open_alerts"]),
            30,
            "the notice on the page",
        )
        assert bed("calm")["observation"]["can_see"] is False, "what is old is not shown as seen"
        redis_server.stop()
        wait_until(lambda: ward.get("/api/v1/ward").get("failure"), 20, "the sentence about Redis")
        redis_server.start()
        wait_until(lambda: ward.get("/api/v1/ward").get("failure", "x") is None, 30, "the ward reads again")
