"""What a station needs, what of it is here, and the command that mends what is missing."""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.machinery import PathFinder
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.config import FaceSettings, ModelSettings, RedisSettings, SpoolSettings
from monitor.errors import MonitorError
from monitor.telemetry.clock_sync import is_synchronised

if TYPE_CHECKING:
    from monitor.config.base import ModelRole
    from monitor.delivery.redis_client import RedisClient

__all__ = ["Check", "Verdict", "examine"]

_FREE_BYTES = 1_000_000_000
_DISTRIBUTION = "nicu-pain-monitor"
_IMPORT_NAMES = ("monitor", "trainer", "export")


class Verdict(StrEnum):
    """Outcome of one check: `missing` stops the station, `absent` only narrows what it can do."""

    FOUND = "found"
    ABSENT = "absent"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report.

    Attributes:
        area: Imports, video, model, engine, gpu, redis, disk, clock or camera.
        name: What was checked.
        verdict: Whether it is there.
        detail: What was found.
        remedy: The command or change that mends it; empty where nothing is wrong.
        advice: What would save work or show more, where nothing is wrong.
    """

    area: str
    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""
    advice: tuple[str, ...] = ()


def examine(models: ModelSettings, faces: FaceSettings, redis: RedisSettings, spool: SpoolSettings) -> Iterator[Check]:
    """Examine everything that a station with these settings needs.

    Yields:
        Checks, as they are made: import names, video, models, engines, Redis, disk, clock.
    """
    yield from _imports()
    yield from _video()
    yield from _models(models, faces)
    yield from _engines(models)
    yield _redis(redis)
    yield _disk(spool)
    yield _clock()


def _imports() -> Iterator[Check]:
    """Check that nobody else's package of the same name stands before, within or behind this program's.

    The import names are generic: other distributions install a `trainer` (coqui-tts-trainer) or a `monitor`, and pip
    neither refuses nor mentions it.
    """
    root = Path(__file__).resolve().parents[2]
    remedy = f"install {_DISTRIBUTION} into a virtual environment of its own"
    for name in _IMPORT_NAMES:
        ours = root / name
        spec = find_spec(name)
        first = None if spec is None or spec.origin is None else Path(spec.origin).resolve().parent
        others = sorted(_packages(name) - {ours})
        mixed_in = sorted(_owners(name, ours) - {_DISTRIBUTION})
        if first != ours:
            detail = f"{_described(name, first)} is imported instead of {ours}"
            yield Check("imports", name, Verdict.MISSING, detail, remedy)
        elif mixed_in:
            detail = f"{', '.join(mixed_in)} has installed files of its own into {ours}"
            yield Check("imports", name, Verdict.MISSING, detail, remedy)
        elif others:
            detail = f"{_described(name, others[0])} is hidden by {ours}: programs that need it get the wrong one"
            yield Check("imports", name, Verdict.ABSENT, detail, remedy)
        else:
            yield Check("imports", name, Verdict.FOUND, str(ours))


def _packages(name: str) -> set[Path]:
    """Return every directory from which `import name` could be answered."""
    found = set()
    for entry in sys.path:
        spec = PathFinder.find_spec(name, [entry])
        if spec is not None and spec.origin is not None:  # without origin: a folder without code of its own
            found.add(Path(spec.origin).resolve().parent)
    return found


def _owners(name: str, package: Path) -> set[str]:
    """Return the distributions that say of themselves that they installed files of a package."""
    owners = set()
    for distribution in distributions():
        if Path(str(distribution.locate_file(name))).resolve() != package:
            continue
        if any(file.parts[:1] == (name,) for file in distribution.files or ()):
            owners.add(re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower())
    return owners


def _described(name: str, package: Path | None) -> str:
    if package is None:
        return "nothing"
    owners = ", ".join(sorted(_owners(name, package)))
    return f"{package} (of {owners})" if owners else str(package)


def _video() -> Iterator[Check]:
    from monitor.video.gst import check_elements

    for item in check_elements():
        verdict = Verdict.FOUND if item.found else Verdict.MISSING
        remedy = "" if item.found else f"sudo apt-get install --no-install-recommends {item.package}"
        yield Check("video", item.name, verdict, f"for: {item.needed_for}", remedy)


def _models(models: ModelSettings, faces: FaceSettings) -> Iterator[Check]:
    from monitor.diagnostics.model_inputs import input_sizes
    from monitor.inference.bundle import find_bundle, read_bundle
    from monitor.inference.engine_factory import open_engine

    roles: tuple[tuple[ModelRole, str], ...] = (("detector", models.detector), ("classifier", models.classifier))
    for role, given in roles:
        name = f"{role} {given}"
        remedy = "nicu-export detector --from retinaface" if role == "detector" else "nicu-export actions"
        try:
            path = find_bundle(given)
            remedy = f"copy the bundle again, build it again ({remedy} --force), or name another one as models.{role}"
            bundle = read_bundle(path, kind=role)
            remedy = f"see what `nicu-export show {path}` says, or name another bundle as models.{role}"
            if role == "classifier":
                bundle.require_positive(models.positive_class)
            running: list[str] = []
            for size_px in input_sizes(bundle, role, faces):
                engine = open_engine(
                    bundle,
                    size_px=size_px,
                    choice=models.engines[role],
                    on_missing=models.on_missing_engine,
                    cuda_api=models.cuda_api,
                    prefer_int8=models.cpu_precision == "int8",
                )
                running.append(engine.name)
                engine.close()
        except MonitorError as error:
            yield Check("model", name, Verdict.MISSING, str(error), remedy)
            continue
        generation = "; trained on synthetic infants: for trials only" if bundle.manifest.generation == "demo" else ""
        on = " and ".join(dict.fromkeys(running))
        yield Check("model", name, Verdict.FOUND, f"{bundle.path}, {bundle.sha256[:12]}, runs on {on}{generation}")


def _engines(models: ModelSettings) -> Iterator[Check]:
    from monitor.inference.cuda import probe_cuda
    from monitor.inference.engine_factory import ENGINES, extra_of, is_installed, missing_reason

    for name in ENGINES:
        reason = missing_reason(name)
        needed = name == "onnxruntime" or (name in models.engines.values() and models.on_missing_engine == "refuse")
        verdict = Verdict.FOUND if reason is None else Verdict.MISSING if needed else Verdict.ABSENT
        remedy = "" if is_installed(name) else f"pip install 'nicu-pain-monitor[{extra_of(name)}]'"
        yield Check("engine", name, verdict, reason or "can run here", remedy)
    probe = probe_cuda()
    found = Verdict.ABSENT if probe.gpu is None else Verdict.FOUND
    yield Check("gpu", "NVIDIA", found, probe.reason if probe.gpu is None else str(probe.gpu))
    if probe.gpu is not None:
        yield _nvdec()


def _nvdec() -> Check:
    """Check for decoders on the GPU, which only cameras with `decoder: nvdec` or `auto` want."""
    from monitor.video.hardware import load_nvcodec

    try:
        names = load_nvcodec()
    except MonitorError:  # said already, among the parts for video
        names = ()
    if names:
        return Check("gpu", "NVDEC", Verdict.FOUND, ", ".join(names))
    detail = "GStreamer's plugin nvcodec is not installed, was blocked after a crash, or finds no library of the driver"
    remedy = (
        "sudo apt-get install gstreamer1.0-plugins-bad, and the driver's libnvcuvid.so.1 (in a container "
        "NVIDIA_DRIVER_CAPABILITIES with video); then rm ~/.cache/gstreamer-1.0/registry.*.bin"
    )
    return Check("gpu", "NVDEC", Verdict.ABSENT, detail, remedy)


def _redis(settings: RedisSettings) -> Check:
    import redis

    from monitor.delivery.redis_client import connect_redis, redis_address
    from monitor.delivery.redis_errors import describe_failure

    try:
        address = redis_address(settings)
        client = connect_redis(settings)
        try:
            client.ping()
            return _redis_server(address, _redis_facts(client))
        finally:
            client.close()
    except MonitorError as error:
        return Check("redis", "address", Verdict.MISSING, str(error), "correct the section `redis`")
    except redis.RedisError as error:
        # The station starts without Redis and keeps its alerts on disk, so this only narrows what it can do.
        what, _, remedy = describe_failure(error, address).partition("; ")
        if "cannot be reached" in what:
            remedy = f"{remedy}; sudo systemctl start redis-server"
        return Check("redis", address, Verdict.ABSENT, what, remedy)


def _redis_facts(client: "RedisClient") -> dict[str, str]:
    """Return what the server says about itself; empty where this user may not ask, which no station needs to."""
    import redis

    try:
        sections = [client.info(section) for section in ("server", "memory")]
        if isinstance(client, redis.Redis):  # of a cluster any node answers, replicas too
            sections.append(client.info("replication"))
    except redis.exceptions.NoPermissionError:
        return {}
    return {key: str(value) for section in sections for key, value in section.items()}


def _redis_server(address: str, facts: Mapping[str, str]) -> Check:
    if facts.get("role") == "slave":
        return Check("redis", address, Verdict.ABSENT, "it is a read-only replica", "give the address of the primary")
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and facts.get("maxmemory", "0") != "0":
        detail = f"once its memory is full it deletes alerts or leases that nobody has read (maxmemory-policy {policy})"
        return Check("redis", address, Verdict.ABSENT, detail, "redis-cli config set maxmemory-policy noeviction")
    return Check("redis", address, Verdict.FOUND, f"Redis {facts.get('redis_version', 'of unknown version')}")


def _disk(settings: SpoolSettings) -> Check:
    directory = settings.directory
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    try:
        # What root may write by its rights can still be a file, or a file system that takes none.
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        detail = f"{directory} cannot be written ({error.strerror})"
        return Check("disk", str(settings.directory), Verdict.MISSING, detail, f"chown {directory}, or another folder")
    free = shutil.disk_usage(directory).free
    detail = f"{free / 1e9:.1f} GB free"
    if free < max(_FREE_BYTES, settings.maximum_megabytes * 1_000_000):
        return Check(
            "disk", str(settings.directory), Verdict.ABSENT, detail, "free space, or lower spool.maximum_megabytes"
        )
    return Check("disk", str(settings.directory), Verdict.FOUND, detail)


def _clock() -> Check:
    synchronised = is_synchronised()
    if synchronised:
        return Check("clock", "synchronised", Verdict.FOUND, "the kernel's clock is disciplined")
    detail = "cannot be asked here" if synchronised is None else "no time service disciplines the clock"
    return Check("clock", "synchronised", Verdict.ABSENT, detail, "sudo apt-get install chrony")
