"""No secret reaches any output of a running station: not when all is well, and not when everything goes wrong."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import redis
import yaml
from daemon import Daemon, alerts_in
from ports import free_port
from redis_server import RedisServer
from reliability import allowance
from ward import eventually

from monitor.control.access import hash_token
from monitor.synthetic import SyntheticBed
from monitor.video.rtsp_feed import PaintedFeed
from monitor.video.rtsp_server import Credentials, RtspServer

# Every one is a value that a person must keep secret. They are distinguished by their words.
CAMERA = "s3cret-of-the-camera"
CAMERA_IN_URL = "s3cret+in&the/url"
CAMERA_IN_URL_QUOTED = "s3cret%2Bin%26the%2Furl"
WRONG_CAMERA = "s3cret-that-is-refused"
URL_TOKEN = "s3cret-token-of-a-url"  # noqa: S105 - stands for one
REDIS = "s3cret-of-redis"
OTHER_REDIS = "s3cret-that-came-later"
NURSE = "s3cret-token-of-a-nurse"
SECRETS = [CAMERA, CAMERA_IN_URL, CAMERA_IN_URL_QUOTED, WRONG_CAMERA, URL_TOKEN, REDIS, OTHER_REDIS, NURSE]


def assert_no_secret(text: str, where: str) -> None:
    leaked = [secret for secret in SECRETS if secret in text]
    assert not leaked, f"{where} holds {leaked}"


def command_lines(pid: int) -> str:
    """What everybody on the machine can read of a process and its children."""
    seen = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            status = (folder / "status").read_text(encoding="utf-8")
            if int(folder.name) == pid or f"PPid:\t{pid}\n" in status:
                seen.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                seen += [task.read_text(encoding="utf-8") for task in folder.glob("task/*/comm")]
        except OSError:
            continue  # it has ended meanwhile
    assert seen
    return "\n".join(seen)


def fetch(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return f"{answer.headers}{answer.read().decode(errors='replace')}"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.headers}{error.read().decode(errors='replace')}"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_running_station_reveals_no_secret(tmp_path, log_format):
    (tmp_path / "redis").mkdir()
    for name, secret in (("camera", CAMERA), ("redis-password", REDIS)):
        (tmp_path / name).write_text(f"{secret}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    access = tmp_path / "access"
    access.write_text(f"nurse-7 nurse {hash_token(NURSE)}\n", encoding="utf-8")
    access.chmod(0o600)
    bed = SyntheticBed(3, "calm", width_px=320, height_px=240, fps=5)
    feed = PaintedFeed(lambda seconds: bed.frame(seconds)[0], size_px=(320, 240), frames_per_second=5)
    login = Credentials("ward", CAMERA)
    with (
        RedisServer(tmp_path / "redis", "--requirepass", REDIS) as redis_server,
        RtspServer({"/bed": feed}, credentials=login) as cameras,
    ):
        host = cameras.url("/bed").removeprefix("rtsp://")
        beds = {
            "good": {"url": f"rtsp://{host}", "username": "ward", "password_file": str(tmp_path / "camera")},
            "wrong": {"url": f"rtsp://{host}?token={URL_TOKEN}", "username": "ward", "password": WRONG_CAMERA},
            "url": {"url": f"rtsp://ward:{CAMERA_IN_URL_QUOTED}@127.0.0.1:{free_port()}/x"},
        }
        config = {
            "beds": [{"id": name, "camera": camera} for name, camera in beds.items()],
            "redis": {
                "url": f"redis://127.0.0.1:{redis_server.port}/0",
                "password_file": str(tmp_path / "redis-password"),
                "timeout_seconds": 0.5,
                "command_access_file": str(access),
            },
            "alarms": {"camera_lost_after_seconds": 1.0},
            "web": {"anonymous_role": "nurse"},
            "logging": {"level": "debug", "format": log_format},
        }
        with Daemon(tmp_path / "d", config) as daemon:
            client = redis.Redis(port=redis_server.port, password=REDIS, decode_responses=True, protocol=2)
            try:
                eventually(
                    lambda: {a["bed"] for a in alerts_in(client) if a["code"] == "camera_lost"} >= {"wrong", "url"},
                    40,
                    "the alarms of both bad cameras",
                )
                alert_id = next(a["alert_id"] for a in alerts_in(client) if a["bed"] == "wrong")
                for token in (NURSE, URL_TOKEN):  # a right one and a wrong one
                    command = {"action": "acknowledge", "alert_id": alert_id, "by": "nurse-7", "token": token}
                    client.xadd("nicu:commands:station-1", command)
                eventually(lambda: client.xlen("nicu:commands:station-1") == 0, 10, "both commands are dealt with")
                client.config_set("requirepass", OTHER_REDIS)
                client.connection_pool.disconnect()
                redis_server.kill()  # the next login is refused: its message must not hold the password either
                redis_server.options = ("--requirepass", OTHER_REDIS)
                redis_server.start()
                time.sleep(3.0 * min(3.0, allowance()))
                assert_no_secret(command_lines(daemon.pid), "/proc")
                for path in ("/metrics", "/healthz", "/readyz", "/", "/api/beds", "/api/station", "/nothing", "/docs"):
                    assert_no_secret(fetch(f"{daemon.url}{path}"), path)
                daemon.stop()
                assert_no_secret(daemon.output(), "the log")
                assert "refuse" in daemon.output()
            finally:
                client.close()
        for path in daemon.state.rglob("*"):
            if path.is_file():
                assert_no_secret(path.read_bytes().decode("latin-1"), str(path))
        with redis.Redis(port=redis_server.port, password=OTHER_REDIS, decode_responses=True, protocol=2) as reader:
            assert_no_secret(json.dumps(alerts_in(reader)), "the stream")


@pytest.mark.parametrize(
    "wrong",
    [
        {"redis": {"url": f"http://:{REDIS}@x/0"}},
        {"redis": {"url": f"redis://:{REDIS}@127.0.0.1:notaport/0"}},
        {"redis": {"password": REDIS, "password_file": "/x"}},
        {"redis": {"pasword": REDIS}},
        {"beds": [{"id": "a", "camera": {"url": f"rtps://ward:{CAMERA}@host/x"}}]},
        {"beds": [{"id": "a", "camera": {"url": f"rtsp://ward:{CAMERA}@host:99999/x"}}]},
        {"beds": [{"id": "a", "camera": {"url": f"rtsp://ward:{CAMERA}@host/x", "username": "b"}}]},
        {"beds": [{"id": "a", "camera": {"url": "rtsp://host/x", "password": {"a": CAMERA}}}]},
    ],
    ids=str,
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_mistake_in_a_configuration_is_explained_without_the_secret(tmp_path, wrong, command):
    path = tmp_path / "station.yaml"
    content = {"beds": [{"id": "a", "camera": {"url": "synthetic://calm"}}], **wrong}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    program = str(Path(sys.executable).parent / "nicu-monitor")
    words = [program, "check", str(path)] if command == "check" else [program, "run", "--config", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode != 0
    printed = done.stdout + done.stderr
    assert "Traceback" not in printed
    assert_no_secret(printed, "the message")
