"""The self-test says of every stage of the chain whether it works."""

import subprocess
import sys
from pathlib import Path

import yaml
from ports import free_port

from monitor.config import StationConfig
from monitor.station.self_test import _trial


def self_test(tmp_path, **config):
    path = tmp_path / "station.yaml"
    path.write_text(yaml.safe_dump({"beds": [{"id": "a", "camera": {"url": "rtsp://192.0.2.1/x"}}], **config}))
    command = [str(Path(sys.executable).parent / "nicu-monitor"), "run", "--config", str(path), "--self-test"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    stages = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()}
    return done, stages


def test_every_stage_is_well_where_everything_is_there(tmp_path, redis_server):
    done, stages = self_test(tmp_path, redis={"url": redis_server.url})
    assert done.returncode == 0, done.stdout + done.stderr
    assert " ".join(stages) == "models camera face score alarm record redis metrics health page"
    assert set(stages.values()) == {"ok"}
    assert not redis_server.client().keys("*alerts*"), "the trial leaves no alert behind"
    assert not redis_server.client().keys("*history*")


def test_the_trial_passes_nothing_on_to_a_ward(tmp_path):
    config = StationConfig.model_validate({"beds": [{"id": "a", "camera": {"url": "rtsp://192.0.2.1/x"}}]})
    assert config.history.ward_hours > 0
    assert _trial(config, tmp_path).history.ward_hours == 0


def test_what_is_away_is_named_and_nothing_else(tmp_path):
    done, stages = self_test(tmp_path, redis={"url": f"redis://:hunter2@127.0.0.1:{free_port()}/0"})
    assert done.returncode == 1
    assert [stage for stage, verdict in stages.items() if verdict != "ok"] == ["redis"]
    assert "hunter2" not in done.stdout + done.stderr
