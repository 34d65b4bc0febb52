"""Going from one configuration to another while the station runs: all of it or nothing, and said beforehand."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from monitor.config import CameraSettings, RegionOfInterest, StationConfig
from monitor.config.addresses import camera_address
from monitor.config.camera_edit import write_camera
from monitor.config.changes import ConfigChanges, compare_configs
from monitor.config.region_edit import read_text, replace_file, write_region
from monitor.errors import ConfigError

__all__ = ["ReloadReport", "Reloader"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What a reload does or would do.

    Attributes:
        sentences: What changes and what that interrupts.
        applied: Whether it was done.
    """

    sentences: tuple[str, ...]
    applied: bool


class Reloader:
    """Reads the configuration again and applies it; callers from several threads take turns.

    Args:
        read: Reads and checks the configuration; raises ConfigError where it is wrong.
        running: Returns the configuration in force.
        apply: Applies changes; the second argument is the new configuration.
        audit: Takes what was done for the audit log.
        config_file: The file that `read` reads, where regions of interest may be written to it.
    """

    def __init__(
        self,
        read: Callable[[], StationConfig] | None,
        running: Callable[[], StationConfig],
        apply: Callable[[ConfigChanges, StationConfig], None],
        audit: Callable[[str, Mapping[str, object]], None],
        config_file: Path | None = None,
    ) -> None:
        self._read = read
        self._config_file = config_file
        self._running = running
        self._apply = apply
        self._audit = audit
        self._lock = threading.Lock()

    def reload(self, by: str, *, dry_run: bool = False) -> ReloadReport:
        """Apply the configuration as it is in its file now, or say what that would do.

        Args:
            by: Who asks; for the log and the audit log.
            dry_run: Only say it.

        Raises:
            ConfigError: The file is wrong, or changes what needs a restart; nothing was changed.
        """
        if self._read is None:
            raise ConfigError("this station was not started from a file; there is nothing to read again")
        with self._lock:
            return self._take(self._read(), by, dry_run=dry_run)

    def _take(self, new: StationConfig, by: str, *, dry_run: bool) -> ReloadReport:
        """Apply a configuration, or say what that would do; the caller holds the lock."""
        changes = compare_configs(self._running(), new)
        sentences = tuple(changes.sentences())
        if dry_run:
            return ReloadReport(sentences, applied=False)
        if changes.needs_restart:
            raise ConfigError(
                f"nothing was changed, for these settings need a restart: {', '.join(changes.needs_restart)}; "
                "restart the station, or take them back"
            )
        if changes.is_empty:
            return ReloadReport(sentences, applied=True)
        _log.warning("%s reloads the configuration: %s", by, " ".join(sentences))
        self._apply(changes, new)
        self._audit("reload", {"by": by, "changes": list(sentences)})
        return ReloadReport(sentences, applied=True)

    def change_region(self, by: str, bed_id: str, edges: tuple[float, float, float, float]) -> tuple[str, ...]:
        """Search for the face of one bed in another region from now on, and write that to the configuration's file.

        Args:
            by: Who asks; for the log and the audit log.
            bed_id: Which bed.
            edges: Left, top, right and bottom, as shares of width and height.

        Returns:
            What it interrupts, in sentences.

        Raises:
            ConfigError: It is no region, the file cannot be written or holds other changes; nothing was changed then.
        """
        left, top, right, bottom = (round(edge, 4) for edge in edges)
        if not (0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0):
            raise ConfigError("a region of interest needs left < right and top < bottom, as shares from 0 to 1")
        region = RegionOfInterest(left=left, top=top, right=right, bottom=bottom)
        with self._lock:
            file = self._file_as_running()
            report = self._take_written(by, write_region(file, bed_id, region))
            self._audit("region", {"by": by, "bed": bed_id, "edges": list(region.edges)})
            return report.sentences

    def change_camera(self, by: str, bed_id: str, camera: CameraSettings) -> tuple[tuple[str, ...], Callable[[], None]]:
        """Watch a bed with another camera from now on, and write that to the configuration's file.

        Args:
            by: Who asks; for the log and the audit log.
            bed_id: Which bed.
            camera: From now on; its password, where it is another one, in a file.

        Returns:
            What it interrupts, in sentences; and what takes it back, which raises ConfigError where the file was
            changed since, or cannot be written.

        Raises:
            ConfigError: The file cannot be written or holds other changes; nothing was changed then.
        """
        with self._lock:
            file = self._file_as_running()
            before, after = write_camera(file, bed_id, camera)
            report = self._take_written(by, before)
            self._audit("camera", {"by": by, "bed": bed_id, "address": _shown(camera)})

        def take_back() -> None:
            with self._lock:
                if read_text(file) != after:
                    raise ConfigError(f"{file} was changed since; change the camera again instead")
                replace_file(file, before)
                self._take_written(by, after)
                self._audit("camera_taken_back", {"by": by, "bed": bed_id})

        return report.sentences, take_back

    def _file_as_running(self) -> Path:
        """Return the configuration's file, which holds what is in force and no more; the caller holds the lock.

        Raises:
            ConfigError: There is none, or it holds other changes.
        """
        if self._read is None or self._config_file is None:
            raise ConfigError("this station was not started from a file to which a change could be written")
        if not compare_configs(self._running(), self._read()).is_empty:
            raise ConfigError(
                f"{self._config_file} holds changes that the station has not taken yet; reload them first: "
                "nicu-monitor reload"
            )
        return self._config_file.resolve()

    def _take_written(self, by: str, before: str) -> ReloadReport:
        """Apply the file that was just written; put the text before back where that is refused."""
        if self._read is None or self._config_file is None:  # `_file_as_running` has refused
            raise ConfigError("this station was not started from a file")
        try:
            return self._take(self._read(), by, dry_run=False)
        except ConfigError:
            replace_file(self._config_file.resolve(), before)
            raise

    def for_page(self, by: str, dry_run: bool) -> tuple[tuple[str, ...], bool]:
        """Do as `reload`, and return sentences and whether it was done."""
        report = self.reload(by, dry_run=dry_run)
        return report.sentences, report.applied

    def answer(self, request: Mapping[str, object]) -> Mapping[str, object]:
        """Answer a program of this machine that the station's own user runs.

        Raises:
            ConfigError: The file is wrong, or changes what needs a restart.
        """
        return asdict(self.reload("the station's user", dry_run=request.get("dry_run") is True))


def _shown(camera: CameraSettings) -> str:
    address = camera_address(camera.url)
    return camera.url if address is None else address.display
