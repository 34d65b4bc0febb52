"""Going from one configuration to another while the station runs: all of it or nothing, and said beforehand."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from monitor.config import RegionOfInterest, StationConfig
from monitor.config.changes import ConfigChanges, compare_configs
from monitor.config.region_edit import replace_file, write_region
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
        if self._read is None or self._config_file is None:
            raise ConfigError("this station was not started from a file to which a region could be written")
        left, top, right, bottom = (round(edge, 4) for edge in edges)
        if not (0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0):
            raise ConfigError("a region of interest needs left < right and top < bottom, as shares from 0 to 1")
        region = RegionOfInterest(left=left, top=top, right=right, bottom=bottom)
        with self._lock:
            if not compare_configs(self._running(), self._read()).is_empty:
                raise ConfigError(
                    f"{self._config_file} holds changes that the station has not taken yet; reload them first: "
                    "nicu-monitor reload"
                )
            before = write_region(self._config_file, bed_id, region)
            try:
                report = self._take(self._read(), by, dry_run=False)
            except ConfigError:
                replace_file(self._config_file.resolve(), before)
                raise
            self._audit("region", {"by": by, "bed": bed_id, "edges": list(region.edges)})
            return report.sentences

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
