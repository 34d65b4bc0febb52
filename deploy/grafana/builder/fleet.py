"""All stations: which of them needs somebody?"""

from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.builder.panels import BAD, GOOD, WARNING, curves, new_dashboard, note, number, rows_of, states

__all__ = ["fleet_dashboard"]

_JOB = 'job="nicu-monitor"'
_UP = f"up{{{_JOB}}}"
_RATE = "[$__rate_interval]"
# Of a station and of its camera processes.
_MEMORY = (
    "sum by (job, instance) "
    f'({{__name__=~"process_resident_memory_bytes|nicu_monitor_camera_process_resident_bytes",{_JOB}}})'
)
_CPU = (
    "sum by (job, instance) "
    f'(rate({{__name__=~"process_cpu_seconds_total|nicu_monitor_camera_process_cpu_seconds_total",{_JOB}}}{_RATE}))'
)


def _named(expression: str) -> str:
    """Give the series of one station each the station's own name."""
    return f"({expression}) * on (job, instance) group_left (station) nicu_station:info"


def _or_none(expression: str, known: str) -> str:
    """Make 0 of no result, but only where something is known: without it the panel says so, and not that all is well.

    Args:
        expression: What is counted, with no result where there is none.
        known: Has a result where that count can be trusted.
    """
    return f"{expression} or 0 * count({known})"


def fleet_dashboard() -> Dashboard:
    """Return the dashboard."""
    board = new_dashboard("nicu-fleet", "NICU monitor: fleet", "All stations that this Prometheus knows.")
    board.with_panel(note())

    some_bad = ((None, GOOD), (1, BAD))
    board.with_row(Row("Now"))
    board.with_panel(number("Stations that answer", f"sum({_UP})"))
    board.with_panel(number("Stations that do not", _or_none(f"count({_UP} == 0)", _UP), steps=some_bad))
    board.with_panel(number("Beds watched", "sum(nicu_station:beds_watched:sum)"))
    unwatched = _or_none("count(nicu_bed:watched:bool == 0)", "nicu_bed:watched:bool")
    board.with_panel(number("Beds not watched", unwatched, steps=some_bad))
    away = _or_none("count(nicu_monitor_redis_up == 0)", "nicu_monitor_redis_up")
    board.with_panel(number("Stations without Redis", away, steps=some_bad))
    firing = _or_none('count(ALERTS{alertstate="firing",team="operations"})', _UP)
    board.with_panel(number("Alerts that fire", firing, steps=((None, GOOD), (1, WARNING))))

    stations = {
        "running": "nicu_monitor_build_info",
        "beds": _named("nicu_station:beds:count"),
        "watched": _named("nicu_station:beds_watched:sum"),
        "age at decision, 99 % (s)": _named("nicu_station:frame_age_seconds:p99_5m"),
        "alerts that wait": _named("nicu_monitor_publisher_backlog_alerts"),
        "memory (bytes)": _named(_MEMORY),
    }
    heads = {"station": "station", "instance": "address", "version": "version", "generation_mode": "pictures"}
    board.with_panel(rows_of("Stations", stations, heads, span=14))
    alerts = {"firing": 'ALERTS{alertstate="firing",team="operations"}'}
    heads = {"severity": "severity", "alertname": "alert", "station": "station", "bed": "bed", "instance": "address"}
    board.with_panel(rows_of("Alerts of the equipment", alerts, heads, span=10))

    board.with_row(Row("Shared beds"))
    nobody = _or_none("max(nicu_monitor_fleet_beds_unwatched)", f"{_UP} == 1")
    board.with_panel(number("Shared beds that nobody watches", nobody, steps=some_bad))
    twice = _or_none(
        "count(count by (job, bed) (rate(nicu_monitor_frames_analysed_total[1m]) > 0 "
        "and on (job, instance) nicu_monitor_fleet_beds_limit) > 1)",
        f"{_UP} == 1",
    )
    board.with_panel(number("Beds with two stations", twice, steps=((None, GOOD), (1, WARNING))))
    held = {
        "{{station}} has": _named("nicu_monitor_fleet_beds_held"),
        "{{station}} may have": _named("nicu_monitor_fleet_beds_limit"),
    }
    board.with_panel(curves("Shared beds of each station", held))
    moved = {"{{station}}": _named("increase(nicu_monitor_fleet_takeovers_total[1h])")}
    board.with_panel(curves("Beds taken over, last hour", moved))

    board.with_row(Row("Over time"))
    up = {"{{instance}}": _UP}
    board.with_panel(states("Answers", up, {"0": ("does not answer", BAD), "1": ("answers", GOOD)}))
    share = {"{{station}}": _named("nicu_station:beds_watched:sum / nicu_station:beds:count")}
    board.with_panel(curves("Share of the beds that are watched", share, unit="percentunit", span=12, top=1.0))
    age = {"{{station}}": _named("nicu_station:frame_age_seconds:p99_5m")}
    board.with_panel(curves("Age at decision, 99 % at most", age, unit="s"))
    waiting = {"{{station}}": _named("nicu_monitor_publisher_backlog_alerts")}
    board.with_panel(curves("Alerts that wait for Redis", waiting))
    reopened = _named("sum by (job, instance) (increase(nicu_monitor_camera_reconnects_total[1h]))")
    board.with_panel(curves("Cameras opened again, last hour", {"{{station}}": reopened}))
    cpu = {"{{station}}": _named(_CPU)}
    board.with_panel(curves("CPU, cores", cpu))
    memory = {"{{station}}": _named(_MEMORY)}
    board.with_panel(curves("Memory", memory, unit="bytes"))
    starts = {"{{station}}": _named(f"changes(process_start_time_seconds{{{_JOB}}}[1h])")}
    board.with_panel(curves("Starts, last hour", starts))
    return board.build()
