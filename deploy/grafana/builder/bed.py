"""One bed: what is known, how it was come by, and how its camera does."""

from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.builder.panels import (
    BAD,
    GOOD,
    UNKNOWN,
    WARNING,
    curves,
    new_dashboard,
    note,
    number,
    rows_of,
    states,
    station_variables,
    variable,
)

__all__ = ["bed_dashboard"]

_BED = 'instance="$instance",bed="$bed"'
# A condition has a series only while it is signalled. Of a face that is not seen nothing is known.
_NO_LIFE = (
    f'max by (bed) (nicu_monitor_alarm_condition{{{_BED},code="no_life_seen"}}) '
    f"or (max by (bed) (nicu_monitor_face_visible{{{_BED}}}) == 1) * 0"
)
_LIGHT = {"0": ("light enough", GOOD), "1": ("DARK OR COVERED", BAD)}
_RATE = "[$__rate_interval]"
_FAULTS = ("reconnects", "decode_errors", "timestamp_faults", "format_changes")


def _age(share: float) -> str:
    rate = f"rate(nicu_monitor_frame_age_at_decision_seconds_bucket{{{_BED}}}{_RATE})"
    return f"histogram_quantile({share}, sum by (le) ({rate}))"


def bed_dashboard() -> Dashboard:
    """Return the dashboard."""
    board = station_variables(new_dashboard("nicu-bed", "NICU monitor: bed", "One bed and its camera."))
    board.with_variable(variable("bed", 'label_values(nicu_monitor_camera_up{instance="$instance"}, bed)'))
    board.with_panel(note())

    board.with_row(Row("Can it see?"))
    seen = {"0": ("NOT SEEN", WARNING), "1": ("seen", GOOD)}
    board.with_panel(number("Face", f"nicu_monitor_face_visible{{{_BED}}}", words=seen))
    since = ((None, GOOD), (5, WARNING), (30, BAD))
    board.with_panel(number("Last face before", f"nicu_monitor_face_age_seconds{{{_BED}}}", unit="s", steps=since))
    share = ((None, BAD), (0.5, GOOD))
    coverage = f"nicu_monitor_face_coverage_ratio{{{_BED}}}"
    board.with_panel(number("Coverage, 30 s", coverage, unit="percentunit", steps=share))
    up = {"0": ("NO PICTURES", BAD), "1": ("pictures come", GOOD)}
    board.with_panel(number("Camera", f"nicu_monitor_camera_up{{{_BED}}}", words=up))
    frozen = {"0": ("moves", GOOD), "1": ("STANDS STILL", BAD)}
    board.with_panel(number("Picture", f"nicu_monitor_camera_picture_frozen{{{_BED}}}", words=frozen))
    board.with_panel(number("Light", f"nicu_monitor_camera_picture_dark{{{_BED}}}", words=_LIGHT))
    validity = {"{{validity}}": f"nicu_monitor_observation_validity{{{_BED}}} == 1"}
    text = "`invalid`: nothing can be said, which is not `no pain`. A gap: the bed is not analysed."
    board.with_panel(states("How far the level can be trusted", validity, {"1": ("so", UNKNOWN)}, description=text))
    state = f"nicu_monitor_camera_state{{{_BED}}} == 1"
    board.with_panel(states("State of the camera", {"{{state}}": state}, {"1": ("so", UNKNOWN)}))
    text = "A gap: no face is seen, so that nothing can be said."
    words = {"0": ("no doubt", GOOD), "1": ("NO LIFE", BAD)}
    board.with_panel(states("Life at the face", {"life": _NO_LIFE}, words, description=text, span=24))

    board.with_row(Row("What was seen"))
    level = {
        "level": f"nicu_monitor_pain_level{{{_BED}}}",
        "score of the newest picture": f"nicu_monitor_pain_score{{{_BED}}}",
    }
    text = "Lines: the default thresholds, on at 0.60, off at 0.40. A gap: it is not known."
    board.with_panel(curves("Pain level", level, description=text, span=12, top=1.0, lines=(0.4, 0.6)))
    window = {"face coverage": coverage, "level at or above `on`": f"nicu_monitor_pain_on_ratio{{{_BED}}}"}
    board.with_panel(curves("Shares of the last 30 s", window, unit="percentunit", span=12, top=1.0))
    conditions = {"{{code}}": f"nicu_monitor_alarm_condition{{{_BED}}}"}
    words = {"0": ("signalled, not present", UNKNOWN), "1": ("present", WARNING)}
    board.with_panel(states("Alarm conditions", conditions, words))
    changes = {
        "changes": f"sum by (code, phase) (increase(nicu_monitor_alarm_transitions_total{{{_BED}}}[$__range])) > 0"
    }
    heads = {"code": "condition", "phase": "phase"}
    text = "Estimated by Prometheus; the record is the stream in Redis."
    board.with_panel(rows_of("Changes in the time shown", changes, heads, description=text))

    board.with_row(Row("Camera and speed"))
    rates = {
        "stream": f"nicu_monitor_camera_frames_per_second{{{_BED}}}",
        "decoded": f"rate(nicu_monitor_frames_decoded_total{{{_BED}}}{_RATE})",
        "analysed": f"nicu_bed:frames_analysed:rate1m{{{_BED}}}",
    }
    board.with_panel(curves("Pictures per second", rates))
    newest = {"newest picture": f"nicu_monitor_camera_frame_age_seconds{{{_BED}}}"}
    board.with_panel(curves("Age of the newest picture", newest, unit="s"))
    ages = {"half of them": _age(0.5), "95 %": _age(0.95)}
    board.with_panel(curves("Age at decision, at most", ages, unit="s"))
    drops = {"{{cause}}": f"rate(nicu_monitor_frames_dropped_total{{{_BED}}}{_RATE})"}
    board.with_panel(curves("Pictures not analysed per second, by cause", drops, span=12))
    faults = {
        name.replace("_", " "): f"increase(nicu_monitor_camera_{name}_total{{{_BED}}}{_RATE})" for name in _FAULTS
    }
    faults["key frames only"] = f"nicu_monitor_camera_overloaded{{{_BED}}}"
    board.with_panel(curves("Faults of the stream", faults, span=12))
    return board.build()
