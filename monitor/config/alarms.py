"""When a level becomes an alarm: settings whose defaults come from simulation and the alarm literature.

docs/alarms.md gives the reasons.
"""

from typing import Self

from pydantic import Field, model_validator

from monitor.config.base import Fraction, PositiveSeconds, Settings

__all__ = ["AlarmSettings"]


class AlarmSettings(Settings):
    """When a level becomes an alarm condition, and when it stops being one."""

    level_tau_seconds: PositiveSeconds = Field(default=5.0, description="Time constant of the level.")
    display_tau_seconds: PositiveSeconds = Field(default=3.0, description="Time constant of the displayed level.")
    on_level: Fraction = Field(default=0.60, description="The level at which pain is suspected.")
    off_level: Fraction = Field(default=0.40, description="The level at which it is taken to be over.")
    hold_seconds: PositiveSeconds = Field(default=3.0, description="At or above `on_level` for so long: pain_sign.")
    clear_seconds: PositiveSeconds = Field(default=10.0, description="At or below `off_level` for so long: end.")
    merge_seconds: PositiveSeconds = Field(default=60.0, description="A return within this is the same episode.")
    episodes_per_hour: int = Field(
        default=4, ge=1, le=60, description="After so many in an hour, further returns belong to the last episode."
    )
    bouts_per_hour: int = Field(
        default=12, ge=2, le=240, description="More bouts of pain in an hour: alarm_burden_high, and one alarm for all."
    )
    window_seconds: PositiveSeconds = Field(default=30.0, description="Window of coverage and of the on-share.")
    sustained_share: Fraction = Field(default=0.40, description="On-share of the window that means pain_sustained.")
    maximal_share: Fraction = Field(default=0.70, description="On-share that escalates pain_sustained.")
    minimum_coverage: Fraction = Field(default=0.50, description="Below this share of usable frames there is no level.")
    indeterminate_after_seconds: PositiveSeconds = Field(default=5.0, description="No face for so long: no level.")
    face_lost_after_seconds: PositiveSeconds = Field(default=30.0, description="No face for so long: face_not_visible.")
    covered_after_seconds: PositiveSeconds = Field(
        default=20.0, description="Eyes or mouth hidden for so long: face_covered."
    )
    camera_lost_after_seconds: PositiveSeconds = Field(default=4.0, description="No frame for so long: camera_lost.")
    frozen_after_seconds: PositiveSeconds = Field(default=7.0, description="One picture for so long: picture_frozen.")
    dark_after_seconds: PositiveSeconds = Field(default=5.0, description="A dark picture for so long: picture_dark.")
    no_life_after_seconds: PositiveSeconds = Field(default=20.0, description="No movement for so long: no_life_seen.")
    ambiguous_after_seconds: PositiveSeconds = Field(
        default=5.0, description="Two candidates for so long: patient_ambiguous."
    )
    acknowledge_expires_seconds: PositiveSeconds = Field(default=600.0, description="An acknowledgement ends after it.")

    standby_longest_seconds: PositiveSeconds = Field(default=14_400.0, description="A stand-by lasts at most so long.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.off_level >= self.on_level:
            raise ValueError("off_level must lie below on_level, or the alarm would flicker")
        if self.sustained_share >= self.maximal_share:
            raise ValueError("sustained_share must lie below maximal_share")
        if self.indeterminate_after_seconds >= self.face_lost_after_seconds:
            raise ValueError("indeterminate_after_seconds must lie below face_lost_after_seconds")
        return self
