"""What a configuration names and this machine lacks, and settings with which no alarm would ever come."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from monitor.config import AlarmSettings, AnalysisSettings, StationConfig
from monitor.config.fields import FieldPath
from monitor.config.secret_file import read_secret_file, secret_files
from monitor.diagnostics.model_inputs import input_sizes
from monitor.errors import MonitorError
from monitor.inference.bundle import read_bundle
from monitor.inference.engine_factory import require_engine
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.vocabulary import Code, Sample, Visibility
from monitor.synthetic.bed import SCENARIOS
from monitor.video.address import SourceAddress, SourceKind, parse_address
from monitor.web.users import read_users

__all__ = ["find_missing", "find_silent_settings"]

_CALM_SECONDS = 30.0
_STORY_SECONDS = _CALM_SECONDS + 180.0
_STEP_SECONDS = 0.5
_USUAL_RATE = float(AnalysisSettings.model_fields["frames_per_second"].default)
_CALM_SCORE, _PAIN_SCORE = 0.05, 0.95


def find_missing(config: StationConfig) -> Iterator[tuple[FieldPath, str]]:
    """Yield the field and one sentence for each file that is named and is not there, or cannot be used."""
    yield from _missing_videos(config)
    yield from _unreadable_secrets(config)
    if (obstacle := _obstacle(config.spool.directory)) is not None:
        yield ("spool", "directory"), f"{obstacle} is a file; name a folder that the station's user may write"
    roles: tuple[Literal["detector", "classifier"], ...] = ("detector", "classifier")
    for role in roles:
        try:
            bundle = read_bundle(getattr(config.models, role), kind=role)
            if role == "classifier":
                bundle.require_positive(config.models.positive_class)
            for size_px in input_sizes(bundle, role, config.faces):
                require_engine(
                    bundle,
                    size_px=size_px,
                    choice=config.models.engines[role],
                    on_missing=config.models.on_missing_engine,
                    prefer_int8=config.models.cpu_precision == "int8",
                )
        except MonitorError as error:
            yield ("models", role), str(error)
    if config.web.users_file is not None and config.web.enabled:
        try:
            read_users(config.web.users_file)
        except MonitorError as error:
            yield ("web", "users_file"), str(error)
    push = config.web.push
    if push.enabled and config.web.enabled and importlib.util.find_spec("pywebpush") is None:
        yield ("web", "push", "enabled"), "no notice can be sent: pip install 'nicu-pain-monitor[push]'"
    if push.enabled and config.web.users_file is None:
        yield ("web", "push", "enabled"), "only people with a login get notices, and there is no web.users_file"


def _unreadable_secrets(config: StationConfig) -> Iterator[tuple[FieldPath, str]]:
    for field, path in secret_files(config):
        try:
            read_secret_file(path)
        except ValueError as error:
            yield field, f"{path} {error}"


def _missing_videos(config: StationConfig) -> Iterator[tuple[FieldPath, str]]:
    first_bed: dict[Path, str] = {}
    for index, bed in enumerate(config.beds):
        field = ("beds", index, "camera", "url")
        try:
            address = parse_address(bed.camera.url)
        except MonitorError as error:
            yield field, str(error)
            continue
        if address.synthetic is not None and address.synthetic.scenario not in SCENARIOS:
            yield field, f"there is no such synthetic scenario; choose one of {', '.join(SCENARIOS)}"
        path = _video_path(address)
        if path is None:
            continue
        if not path.is_file():
            yield field, _no_video(bed.camera.url, path)
        elif first_bed.setdefault(path.resolve(), bed.id) != bed.id:
            other = first_bed[path.resolve()]
            yield field, f"the same video as that of {other}: both beds would show one infant; give each its own"


def find_silent_settings(
    alarms: AlarmSettings, frames_per_second: float = _USUAL_RATE
) -> Iterator[tuple[FieldPath, str]]:
    """Yield the fields with which something lasts three minutes without an alarm, found by living through it.

    Each field is put back to its default alone: where the alarm then comes, that field is the cause.

    Args:
        alarms: The settings.
        frames_per_second: At which beds are analysed.
    """
    step_seconds = max(_STEP_SECONDS, 1.0 / frames_per_second)
    stories: tuple[tuple[Callable[[BedAlarms, float], None], Code, str], ...] = (
        (_see_pain, Code.PAIN_SIGN, "a face in clear pain (score 0.95), seen without a break"),
        (_see_nobody, Code.FACE_NOT_VISIBLE, "an infant out of sight"),
        (_lose_camera, Code.CAMERA_LOST, "a camera that is lost"),
    )
    usual = AlarmSettings()
    for live, code, what in stories:
        if _is_declared(alarms, live, code, step_seconds):
            continue
        if _is_declared(alarms, live, code, _STEP_SECONDS):
            words = f"with {frames_per_second:g} there is no alarm after three minutes of {what}"
            yield ("analysis", "frames_per_second"), f"{words}; the default is {_USUAL_RATE:g}"
            continue
        changed = [name for name in AlarmSettings.model_fields if getattr(alarms, name) != getattr(usual, name)]
        causes = [name for name in changed if _is_declared(_restored(alarms, name), live, code, step_seconds)]
        for name in causes or changed[:1]:
            value = getattr(alarms, name)
            yield (
                ("alarms", name),
                (
                    f"with {value:g} there is no alarm after three minutes of {what}; the default is "
                    f"{getattr(usual, name):g}"
                ),
            )


def _restored(alarms: AlarmSettings, name: str) -> AlarmSettings:
    return alarms.model_copy(update={name: AlarmSettings.model_fields[name].default})


def _is_declared(
    alarms: AlarmSettings, live: Callable[[BedAlarms, float], None], code: Code, step_seconds: float
) -> bool:
    numbers = iter(range(1_000_000))
    bed = BedAlarms(alarms, lambda: f"trial-{next(numbers)}")
    for step in range(int(_STORY_SECONDS / step_seconds)):
        live(bed, step * step_seconds)
        if any(alert.code is code for alert in bed.active()):
            return True
    return False


def _see_pain(bed: BedAlarms, time_seconds: float) -> None:
    score = _CALM_SCORE if time_seconds < _CALM_SECONDS else _PAIN_SCORE
    bed.observe(Sample(time_seconds, score, Visibility.USABLE))


def _see_nobody(bed: BedAlarms, time_seconds: float) -> None:
    bed.observe(Sample(time_seconds, None, Visibility.NO_FACE))


def _lose_camera(bed: BedAlarms, time_seconds: float) -> None:
    bed.report(Code.CAMERA_LOST, True, time_seconds)  # noqa: FBT003 - present


def _obstacle(directory: Path) -> Path | None:
    """Return the file that stands where a folder or one of its parents would have to be."""
    there = next((path for path in (directory, *directory.parents) if path.exists()), None)
    return there if there is not None and not there.is_dir() else None


def _video_path(address: SourceAddress) -> Path | None:
    """Return the file that an address names; None where it names no file."""
    return Path(address.location) if address.kind is SourceKind.FILE else None


def _no_video(url: str, path: Path) -> str:
    first, slash, _ = url.partition("/")
    # What stands behind the host may hold a login, and is not repeated.
    if slash and not url.startswith((".", "~", "file:")) and ("." in first or ":" in first):
        return f"no such video; for a network camera write its protocol first, such as rtsp://{first}/..."
    return f"no video file at {path}; correct the path, or write rtsp:// before the address of a camera"
