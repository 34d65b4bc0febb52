"""What stations say in Redis, as the board takes it: the states of their beds, and which beds they have."""

import json
from collections.abc import Mapping
from contextlib import suppress

from monitor.board.status_records import AlarmLimits, BedPause
from monitor.pain.occupancy import BedOccupancy
from monitor.pain.vocabulary import Observation, Occupancy, Validity
from monitor.video.status import CameraState, CameraStatus

__all__ = ["camera_of", "limits_of", "named_beds_of", "observation_of", "occupancy_of", "pause_of"]

State = Mapping[str, str]


def observation_of(state: State, now_seconds: float) -> Observation:
    """Return what a bed shows; a value that cannot be read is unknown, and then nothing is valid."""
    level = _share(state, "level")
    try:
        validity = Validity(state.get("validity", ""))
    except ValueError:
        validity = Validity.INVALID
    return Observation(
        time_seconds=now_seconds,
        score=_share(state, "score"),
        level=level,
        display_level=_share(state, "display_level"),
        coverage=_share(state, "coverage") or 0.0,
        on_share=None if level is None else _share(state, "on_share"),
        validity=Validity.INVALID if level is None else validity,
        seconds_since_face=_seconds(state, "seconds_since_face"),
        occupancy=occupancy_of(state, now_seconds).state,
    )


def named_beds_of(heartbeat: str) -> frozenset[str] | None:
    """Return the beds that a station's heartbeat names; None where it names none, as that of an older version."""
    try:
        beds = json.loads(heartbeat)["beds"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return frozenset(map(str, beds)) if isinstance(beds, list) else None


def camera_of(state: State) -> CameraStatus:
    """Return what is known of a bed's camera."""
    found = CameraState.CONNECTING
    with suppress(ValueError):
        found = CameraState(state.get("camera_state", ""))
    age_seconds = _seconds(state, "seconds_since_frame")
    return CameraStatus(state.get("camera", ""), "", found, seconds_since_frame=age_seconds)


def limits_of(state: State) -> AlarmLimits | None:
    """Return the alarm settings of the bed's station; None where it does not say all of them."""
    on_level, off_level = _share(state, "on_level"), _share(state, "off_level")
    expires_seconds = _seconds(state, "acknowledge_expires_seconds")
    if on_level is None or off_level is None or expires_seconds is None:
        return None
    return AlarmLimits(on_level, off_level, expires_seconds)


def pause_of(state: State, now_seconds: float) -> BedPause | None:
    """Return the pause that holds."""
    left = _seconds(state, "pause_seconds_left")
    return None if left is None else BedPause(state.get("paused_by", ""), now_seconds + left)


def occupancy_of(state: State, now_seconds: float) -> BedOccupancy:
    """Return who lies there; what cannot be read counts as occupied."""
    found = Occupancy.OCCUPIED
    with suppress(ValueError):
        found = Occupancy(state.get("occupancy", ""))
    left = _seconds(state, "occupancy_seconds_left")
    return BedOccupancy(
        state=found,
        by=state.get("occupancy_by"),
        reason=state.get("occupancy_reason", ""),
        until_seconds=None if left is None else now_seconds + left,
        until_face=state.get("occupancy_until_face") == "true",
    )


def _share(state: State, name: str) -> float | None:
    value = _seconds(state, name)
    return value if value is not None and value <= 1.0 else None


def _seconds(state: State, name: str) -> float | None:
    try:
        value = float(state[name])
    except (KeyError, ValueError):
        return None
    return value if 0.0 <= value < float("inf") else None
