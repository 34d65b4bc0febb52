"""A short run of the whole chain with a synthetic infant in pain: does an alert come out at the other end?"""

import contextlib
import http.client
import json
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from monitor.alerts.record import GenerationMode
from monitor.config import BedSettings, CameraSettings, HttpSettings, SpoolSettings, StationConfig, StationSettings
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import connect_redis, redis_address
from monitor.errors import MonitorError
from monitor.pain.vocabulary import Code
from monitor.pipeline.bed_pipeline import BedPipeline, FrameResult
from monitor.station.station import Station

__all__ = ["StageResult", "run_self_test"]

_BED = "self-test"
_LIMIT_SECONDS = 45.0
_REDIS_SECONDS = 5.0
_PAGE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class StageResult:
    """One stage of the chain: whether it worked, and one sentence on what was seen."""

    stage: str
    ok: bool
    detail: str


@dataclass(slots=True)
class _Seen:
    frames: int = 0
    faces: int = 0
    scores: int = 0
    highest: float = 0.0
    alarmed: bool = False

    def take(self, _bed: BedPipeline, result: FrameResult, _age_seconds: float) -> None:
        self.frames += 1
        frame_faces = result.frame_faces
        self.faces += frame_faces is not None and frame_faces.patient is not None
        if result.observation.score is not None:
            self.scores += 1
            self.highest = max(self.highest, result.observation.score)
        self.alarmed |= any(transition.code is Code.PAIN_SIGN for transition in result.transitions)


def run_self_test(config: StationConfig) -> Iterator[StageResult]:
    """Run a station of its own with the models, alarm rules and Redis of a configuration.

    It has its own state directory, HTTP port and key prefix (`<prefix>-self-test`), so that it disturbs nothing.

    Yields:
        One result a stage, in the order of the chain: models, camera, face, score, alarm, record, redis, metrics,
        health, page.
    """
    seen = _Seen()
    with tempfile.TemporaryDirectory(prefix="nicu-self-test-") as directory:
        trial = _trial(config, Path(directory))
        try:
            station = Station(trial, GenerationMode.TEST, on_result=seen.take)
        except MonitorError as error:
            yield StageResult("models", ok=False, detail=str(error))
            return
        try:
            with station:
                yield StageResult(
                    "models", ok=True, detail=f"{trial.models.detector} and {trial.models.classifier} run"
                )
                give_up = time.monotonic() + _LIMIT_SECONDS
                while not seen.alarmed and time.monotonic() < give_up:
                    time.sleep(0.1)
                yield StageResult("camera", ok=seen.frames > 0, detail=f"{seen.frames} frames analysed")
                yield StageResult("face", ok=seen.faces > 0, detail=f"a face in {seen.faces} of them")
                yield StageResult(
                    "score", ok=seen.scores > 0, detail=f"{seen.scores} scores, the highest {seen.highest:.2f}"
                )
                yield StageResult(
                    "alarm", ok=seen.alarmed, detail="pain was declared" if seen.alarmed else "no pain declared"
                )
                stored = station.publisher.wait_until_stored(2.0)
                yield StageResult(
                    "record", ok=stored, detail="alerts are on the disk" if stored else "the disk takes none"
                )
                yield _check_redis(trial)
                url = "" if station.server is None else station.server.url
                yield _ask("metrics", f"{url}/metrics")
                yield _ask("health", f"{url}/healthz")
                if trial.web.enabled:
                    yield _ask("page", f"{url}/login")
        finally:
            _remove_stream(trial)


def _trial(config: StationConfig, directory: Path) -> StationConfig:
    bed = BedSettings(id=_BED, camera=CameraSettings(url="synthetic://pain?seed=3"))
    return config.model_copy(
        update={
            "station": StationSettings(id=f"{config.station.id[:48]}-self-test"),
            "beds": (bed,),
            "spool": SpoolSettings(directory=directory),
            "http": HttpSettings(port=0),
            "redis": config.redis.model_copy(update={"key_prefix": f"{config.redis.key_prefix[:48]}-self-test"}),
            # Nothing of the trial stays in Redis for the page of a ward.
            "history": config.history.model_copy(update={"ward_hours": 0}),
        }
    )


def _ask(stage: str, url: str) -> StageResult:
    """Ask for an address of the trial's own server until it answers; the page takes a while to start."""
    # No proxy of the surroundings is asked for an address of this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    give_up, failure = time.monotonic() + _PAGE_SECONDS, ""
    while time.monotonic() < give_up:
        try:
            with opener.open(url, timeout=_PAGE_SECONDS) as answer:
                return StageResult(stage, ok=True, detail=f"{url} answers {answer.status}")
        except urllib.error.HTTPError as error:
            failure = f"answers {error.code}"
        except (OSError, http.client.HTTPException) as error:
            failure = f"does not answer ({type(error).__name__})"
        time.sleep(0.2)
    return StageResult(stage, ok=False, detail=f"{url} {failure}")


def _check_redis(trial: StationConfig) -> StageResult:
    """Wait for the alert in the stream."""
    key = Keys(trial.redis.key_prefix, trial.station.id).alerts
    address = redis_address(trial.redis)
    try:
        client: Any = connect_redis(trial.redis)
        try:
            give_up = time.monotonic() + _REDIS_SECONDS
            while time.monotonic() < give_up:
                codes = [json.loads(fields["alert"])["code"] for _, fields in client.xrange(key)]
                if Code.PAIN_SIGN in codes:
                    return StageResult("redis", ok=True, detail=f"the alert arrived at {address}")
                time.sleep(0.1)
        finally:
            client.close()
    except RedisError as error:
        return StageResult("redis", ok=False, detail=f"{address} does not answer ({type(error).__name__})")
    return StageResult("redis", ok=False, detail=f"no alert arrived at {address} within {_REDIS_SECONDS:.0f} s")


def _remove_stream(trial: StationConfig) -> None:
    """Remove the trial's stream. Only once its station has stopped: a station sends again what Redis has lost."""
    with contextlib.suppress(RedisError):
        client: Any = connect_redis(trial.redis)
        try:
            client.delete(Keys(trial.redis.key_prefix, trial.station.id).alerts)
        finally:
            client.close()
