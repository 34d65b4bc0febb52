"""One run: cameras, a whole station, a measured stretch of time."""

import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from monitor.alerts.record import GenerationMode
from monitor.bench.cameras import ClipCameras
from monitor.bench.clock import CostClock
from monitor.bench.machine import describe_machine
from monitor.bench.pure import PureCosts
from monitor.bench.recorder import BedFrameCounts, Recorder, percentiles
from monitor.bench.result import BedResult, Efficiency, RunResult
from monitor.bench.threads import ThreadCosts
from monitor.bench.used import Used, resident_megabytes
from monitor.config import (
    BedSettings,
    CameraSettings,
    HttpSettings,
    LogSettings,
    RedisSettings,
    SpoolSettings,
    StationConfig,
    WebSettings,
)
from monitor.demo.servers import LocalRedis
from monitor.errors import MonitorError
from monitor.station.adaptive_rate import CALM_SECONDS
from monitor.station.scheduling_policy import batch_scheduling
from monitor.station.station import Station
from monitor.video.processes.remote_camera import BedCamera
from monitor.video.status import CameraStatus, DropCause

__all__ = ["Plan", "run_station"]

_START_SECONDS = 60.0
_SETTLE_SECONDS = 3.0
_LONGEST_SETTLE_SECONDS = 20.0
_SAMPLE_SECONDS = 0.25
# Nobody listens on the discard port: without a Redis the station's spool keeps the alerts.
_NO_REDIS = "redis://127.0.0.1:9/0"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        clip: What every camera shows.
        cameras: How many.
        seconds: Length of the measured time.
        source: `rtsp`: from a server in another process; `file`: each bed reads the file at its own speed.
        base: Models, faces, analysis and alarms; its beds are not used.
        pure: Costs of the parts alone on this clip.
    """

    clip: Path
    cameras: int
    seconds: float
    source: Literal["rtsp", "file"]
    base: StationConfig
    pure: PureCosts


@dataclass(frozen=True, slots=True)
class _Measured:
    """What changed during the measured time."""

    seconds: float
    records: Mapping[str, BedFrameCounts]
    before: Mapping[str, CameraStatus]
    after: Mapping[str, CameraStatus]
    cpu_seconds: Mapping[str, float]
    used: Used
    cameras_cpu_seconds: float | None


def run_station(plan: Plan) -> RunResult:
    """Start everything, let it settle, measure, and stop it.

    Raises:
        MonitorError: The cameras or the station cannot be started, or no picture was analysed in a minute.
    """
    names = [f"bed-{number}" for number in range(1, plan.cameras + 1)]
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="nicu-bench-")))
        has_redis = shutil.which("redis-server") is not None
        redis_url = running.enter_context(LocalRedis(directory)).url if has_redis else _NO_REDIS
        served = running.enter_context(ClipCameras(plan.clip, names)) if plan.source == "rtsp" else None
        urls = dict.fromkeys(names, str(plan.clip.absolute())) if served is None else served.urls
        before_megabytes = resident_megabytes()
        clock = CostClock()
        recorder = Recorder(clock)
        config = _configuration(plan, urls, directory, redis_url)
        running.enter_context(batch_scheduling())  # as `nicu-monitor run` does
        station = running.enter_context(Station(config, GenerationMode.TEST, clock, on_result=recorder.note))
        analysis = plan.base.analysis
        calm_rate = analysis.calm_frames_per_second
        _wait_for_pictures(recorder, names, _SETTLE_SECONDS + (0.0 if calm_rate is None else CALM_SECONDS))
        _wait_for_rate(station.cameras.values(), calm_rate or analysis.frames_per_second)
        measured = _measure(plan, station, recorder, served)
        after_megabytes = resident_megabytes(station.camera_process_ids)
        snapshot = station.board.snapshot()
    facts = snapshot.station
    return _result(
        plan, measured, before_megabytes, after_megabytes, None if facts is None else facts.engine, redis=has_redis
    )


def _configuration(plan: Plan, urls: Mapping[str, str], directory: Path, redis_url: str) -> StationConfig:
    loops = plan.source == "file"
    beds = tuple(BedSettings(id=name, camera=CameraSettings(url=url, loop=loops)) for name, url in urls.items())
    return plan.base.model_copy(
        update={
            "beds": beds,
            "spool": SpoolSettings(directory=directory / "state"),
            "redis": RedisSettings.model_validate({"url": redis_url}),
            "http": HttpSettings(port=0),
            "web": WebSettings(enabled=False),
            "logging": LogSettings(level="error"),
        }
    )


def _wait_for_pictures(recorder: Recorder, names: Iterable[str], settle_seconds: float) -> None:
    """Wait until every bed was analysed once and the first search for faces is over.

    A bed that is never analysed is starved, and the result shall show it; only where none is analysed is
    something broken.
    """
    give_up = time.monotonic() + _START_SECONDS
    while set(names) - recorder.beds_with_frames() and time.monotonic() < give_up:
        time.sleep(_SAMPLE_SECONDS)
    if not recorder.beds_with_frames():
        raise MonitorError(f"no picture was analysed in {_START_SECONDS:g} s; run `nicu-monitor doctor`")
    time.sleep(settle_seconds)


def _wait_for_rate(cameras: Iterable[BedCamera], wanted_rate: float) -> None:
    """Wait while a station is slowed by its own start: all beds search at once, which takes it a while to get over.

    One that has too many beds stays slow, and is measured after that time all the same.
    """
    give_up = time.monotonic() + _LONGEST_SETTLE_SECONDS
    while any(_is_slowed(camera, wanted_rate) for camera in cameras) and time.monotonic() < give_up:
        time.sleep(_SAMPLE_SECONDS)


def _is_slowed(camera: BedCamera, wanted_rate: float) -> bool:
    rate = camera.frames_per_second
    return camera.status().overloaded or (rate is not None and rate < 0.99 * wanted_rate)


def _measure(plan: Plan, station: Station, recorder: Recorder, served: ClipCameras | None) -> _Measured:
    cameras, processes = station.cameras, station.camera_process_ids
    before = {name: camera.status() for name, camera in cameras.items()}
    threads = ThreadCosts(processes)
    before_use, before_cameras_seconds = Used.now(processes), None if served is None else served.cpu_seconds()
    began_seconds = time.monotonic()
    recorder.begin()
    while (left_seconds := began_seconds + plan.seconds - time.monotonic()) > 0:
        time.sleep(min(left_seconds, _SAMPLE_SECONDS))
        threads.sample()
    records, work_seconds = recorder.take()
    seconds = time.monotonic() - began_seconds
    used = Used.now(processes).since(before_use)
    cameras_seconds = None if served is None else served.cpu_seconds()
    if cameras_seconds is not None and before_cameras_seconds is not None:
        cameras_seconds -= before_cameras_seconds
    stages = threads.by_stage()
    # What the workers did besides analysing is waiting for frames and handing them over.
    stages["schedule"] = max(0.0, stages.pop("workers", 0.0) - sum(work_seconds.values()))
    stages |= work_seconds
    # Threads that came and went between two samples are in the total alone.
    stages["other"] = stages.get("other", 0.0) + max(0.0, used.cpu_seconds - sum(stages.values()))
    after = {name: camera.status() for name, camera in cameras.items()}
    return _Measured(seconds, records, before, after, stages, used, cameras_seconds)


def _result(
    plan: Plan, measured: _Measured, before_megabytes: float, after_megabytes: float, engine: str | None, *, redis: bool
) -> RunResult:
    records = {name: measured.records.get(name, BedFrameCounts()) for name in measured.after}
    beds = {name: _bed(name, record, measured) for name, record in records.items()}
    analysed = sum(bed.analysed_frames for bed in beds.values())
    total = BedResult(
        frames_per_second=analysed / measured.seconds,
        age_seconds=percentiles([age for record in records.values() for age in record.ages_seconds]),
        drops={str(cause): sum(bed.drops[str(cause)] for bed in beds.values()) for cause in DropCause},
        analysed_frames=analysed,
        faces=sum(bed.faces for bed in beds.values()),
        decoded=sum(bed.decoded for bed in beds.values()),
        reconnects=sum(bed.reconnects for bed in beds.values()),
    )
    analysis, used = plan.base.analysis, measured.used
    return RunResult(
        machine=describe_machine(),
        cameras=plan.cameras,
        source=plan.source,
        clip=plan.clip.name,
        size_px=plan.pure.size_px,
        wanted_frames_per_second=analysis.calm_frames_per_second or analysis.frames_per_second,
        seconds=measured.seconds,
        engine=engine,
        redis=redis,
        total=total,
        beds=beds,
        cpu_seconds=dict(measured.cpu_seconds),
        cpu_seconds_total=used.cpu_seconds,
        cores_used=used.cpu_seconds / measured.seconds,
        cameras_cores_used=None
        if measured.cameras_cpu_seconds is None
        else measured.cameras_cpu_seconds / measured.seconds,
        cpu_seconds_per_frame=used.cpu_seconds / analysed if analysed else None,
        kernel_seconds_per_bed=used.kernel_seconds / plan.cameras,
        kernel_share=used.kernel_seconds / used.cpu_seconds,
        context_switches_per_bed={
            "voluntary": used.voluntary_switches / plan.cameras,
            "involuntary": used.involuntary_switches / plan.cameras,
        },
        detector_passes_full=sum(record.full_passes for record in records.values()),
        detector_passes_face=sum(record.face_passes for record in records.values()),
        detector_passes_track=sum(record.track_passes for record in records.values()),
        detector_passes_scan=sum(record.scan_passes for record in records.values()),
        frames_from_mesh=sum(record.from_mesh for record in records.values()),
        face_px=median(faces_px)
        if (faces_px := [px for record in records.values() for px in record.faces_px])
        else None,
        resident_megabytes=after_megabytes,
        resident_megabytes_before=before_megabytes,
        resident_megabytes_per_bed=(after_megabytes - before_megabytes) / plan.cameras,
        efficiency=_efficiency(plan.pure, records.values(), total, measured) if analysed else None,
    )


def _bed(name: str, record: BedFrameCounts, measured: _Measured) -> BedResult:
    before, after = measured.before[name], measured.after[name]
    analysed = len(record.ages_seconds)
    return BedResult(
        frames_per_second=analysed / measured.seconds,
        age_seconds=percentiles(record.ages_seconds),
        drops={str(cause): count - before.drops[cause] for cause, count in after.drops.items()},
        analysed_frames=analysed,
        faces=record.faces,
        decoded=(after.pictures - after.undecoded) - (before.pictures - before.undecoded),
        reconnects=after.reconnects - before.reconnects,
    )


def _efficiency(
    pure: PureCosts, records: Iterable[BedFrameCounts], total: BedResult, measured: _Measured
) -> Efficiency:
    records = list(records)
    pure_seconds = (
        pure.decode_seconds * total.decoded
        + pure.full_pass_seconds * sum(record.full_passes for record in records)
        + pure.face_pass_seconds * sum(record.face_passes + record.scan_passes for record in records)
        + pure.track_pass_seconds * sum(record.track_passes for record in records)
        + pure.classify_seconds * sum(record.scored for record in records)
    )
    used_seconds = measured.used.cpu_seconds - measured.cpu_seconds.get("bench", 0.0)
    return Efficiency(
        decoder_seconds_per_picture=pure.decode_seconds,
        full_pass_seconds=pure.full_pass_seconds,
        face_pass_seconds=pure.face_pass_seconds,
        track_pass_seconds=pure.track_pass_seconds,
        classifier_seconds=pure.classify_seconds,
        pure_cpu_seconds=pure_seconds,
        used_cpu_seconds=used_seconds,
        share=pure_seconds / used_seconds,
    )
