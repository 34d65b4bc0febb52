"""Alarm state between two runs of the station: JSON with the time at which it was saved."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitor.pain.lifecycle import PRESENT, State

__all__ = ["pack", "redate", "signalled_alerts", "unpack"]

_LONGEST_ABSENCE_SECONDS = 86_400.0


def pack(state: Mapping[str, Any], wall: datetime) -> str:
    """Return a text to be stored."""
    return json.dumps({"saved_at": wall.timestamp(), "state": state})


def redate(text: str, wall: datetime, age_seconds: float) -> str:
    """Return a text that another machine stored, as if this one had stored it so long ago by its own clock.

    Raises:
        ValueError: The text is no such state.
    """
    saved = _read(text)
    if not isinstance(saved, dict):
        raise ValueError("the saved alarm state holds no object")  # noqa: TRY004 - damaged data, not a wrong argument
    return json.dumps({**saved, "saved_at": wall.timestamp() - age_seconds})


def signalled_alerts(text: str) -> frozenset[str]:
    """Return the ids of the alerts that a stored state has on: present, or latched.

    Raises:
        ValueError: The text is no such state.
    """
    try:
        alarms = _read(text)["state"]["memory"]["board"]["alarms"].values()
        return frozenset(alarm["alert_id"] for alarm in alarms if alarm["state"] in PRESENT | {State.LATCHED})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the saved alarm state is incomplete") from error


def unpack(text: str, wall: datetime) -> tuple[dict[str, Any], float]:
    """Return the state and the seconds since it was saved, from 0 to one day.

    The bounds keep a wall clock that was set meanwhile from turning a short absence into years, or into the future.

    Raises:
        ValueError: The text is no such state.
    """
    saved = _read(text)
    try:
        state, saved_at = saved["state"], float(saved["saved_at"])
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError("the saved alarm state is incomplete") from error
    if not isinstance(state, dict):
        raise ValueError("the saved alarm state holds no object")  # noqa: TRY004 - damaged data, not a wrong argument
    return state, min(max(0.0, wall.timestamp() - saved_at), _LONGEST_ABSENCE_SECONDS)


def _read(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the saved alarm state is nested too deeply") from None
