"""What differs between two configurations of one station, and what it would interrupt to go from one to the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.config.settings import BedSettings, StationConfig

__all__ = ["BedChange", "ConfigChanges", "compare_configs"]

_LIVE_SECTIONS = frozenset({"beds", "alarms"})
_FIXED_ALARM_FIELDS = frozenset({"window_seconds"})
"""The stored alarm state is measured in windows of one length."""


@dataclass(frozen=True, slots=True)
class BedChange:
    """A bed that stays, with other settings.

    Attributes:
        settings: From now on.
        new_camera: Whether its camera must be opened again.
        new_region: Whether the face must be looked for again.
    """

    settings: BedSettings
    new_camera: bool
    new_region: bool


@dataclass(frozen=True, slots=True)
class ConfigChanges:
    """The way from one configuration to another.

    Attributes:
        added: Beds that the new one has besides.
        removed: Ids of beds that it has no more.
        changed: Beds whose camera or region of interest differs.
        alarm_fields: Names of the alarm settings that differ and can change while the station runs.
        needs_restart: Fields that cannot change while the station runs, as `section.field`.
    """

    added: tuple[BedSettings, ...]
    removed: tuple[str, ...]
    changed: tuple[BedChange, ...]
    alarm_fields: tuple[str, ...]
    needs_restart: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.alarm_fields or self.needs_restart)

    def sentences(self) -> list[str]:
        """Return what the change means, one sentence each, what interrupts the watch first."""
        lines = [f"These settings need a restart: {', '.join(self.needs_restart)}."] if self.needs_restart else []
        lines += [
            f"Bed {bed} is not watched any more; its alerts that are on are ended as questionable."
            for bed in self.removed
        ]
        for change in self.changed:
            bed = change.settings.id
            if change.new_camera:
                lines.append(f"Bed {bed} is not watched for some seconds while its camera is opened; its alarms go on.")
            else:
                lines.append(f"Bed {bed}: the face is looked for again in the new region; its alarms go on.")
        if self.alarm_fields:
            lines.append(
                f"Every bed goes on with new alarm settings ({', '.join(self.alarm_fields)}); nothing is interrupted."
            )
        lines += [f"Bed {bed.id} is watched from now on." for bed in self.added]
        return lines or ["Nothing changes."]


def compare_configs(old: StationConfig, new: StationConfig) -> ConfigChanges:
    """Return what must happen for a station with the old configuration to have the new one."""
    before = {bed.id: bed for bed in old.beds}
    after = {bed.id: bed for bed in new.beds}
    changed = [
        BedChange(
            bed,
            new_camera=bed.camera != before[name].camera,
            new_region=bed.region_of_interest != before[name].region_of_interest,
        )
        for name, bed in after.items()
        if name in before and before[name] != bed
    ]
    alarm_fields = [name for section, name in _differing(old, new) if section == "alarms"]
    fixed = [
        f"{section}.{name}"
        for section, name in _differing(old, new)
        if section not in _LIVE_SECTIONS or (section == "alarms" and name in _FIXED_ALARM_FIELDS)
    ]
    if _is_all_synthetic(old) != _is_all_synthetic(new) and old.beds and new.beds:
        # Every alert says whether its station is a demo, and metrics have that as a label.
        fixed.append("beds (from synthetic cameras alone to others, or back)")
    return ConfigChanges(
        added=tuple(bed for name, bed in after.items() if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(changed),
        alarm_fields=tuple(name for name in alarm_fields if name not in _FIXED_ALARM_FIELDS),
        needs_restart=tuple(fixed),
    )


def _differing(old: StationConfig, new: StationConfig) -> Iterator[tuple[str, str]]:
    """Yield section and field of every setting that differs, beds left out."""
    for section in StationConfig.model_fields:
        if section == "beds":
            continue
        before, after = _fields(getattr(old, section)), _fields(getattr(new, section))
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield section, name


def _fields(section: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any group of settings, or an absent one
    return {} if section is None else dict(section)


def _is_all_synthetic(config: StationConfig) -> bool:
    return all(bed.camera.is_synthetic for bed in config.beds)
