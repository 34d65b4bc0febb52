"""One station: does it watch, does it keep up, do its alerts arrive, how is its machine?"""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.models import dashboard as models

from deploy.grafana.builder.panels import (
    BAD,
    GOOD,
    INSTANCE,
    WARNING,
    curves,
    new_dashboard,
    note,
    number,
    rows_of,
    states,
    station_variables,
)

__all__ = ["station_dashboard"]

_RATE = "[$__rate_interval]"
_WATCHED = {"0": ("not watched", BAD), "1": ("watched", GOOD)}


def _quantile(share: float, histogram: str) -> str:
    rate = f"rate(nicu_monitor_{histogram}_bucket{{{INSTANCE}}}{_RATE})"
    return f"histogram_quantile({share}, sum by (le) ({rate}))"


def station_dashboard() -> models.Dashboard:
    """Return the dashboard."""
    board = station_variables(new_dashboard("nicu-station", "NICU monitor: station", "One station and its machine."))
    board.with_panel(note())
    for add in (_watching, _keeping_up, _delivering, _machine):
        add(board)
    return board.build()


def _watching(board: Dashboard) -> None:
    board.with_row(Row("Does it watch?"))
    board.with_panel(number("Beds watched", f"nicu_station:beds_watched:sum{{{INSTANCE}}}"))
    board.with_panel(number("Beds configured", f"nicu_station:beds:count{{{INSTANCE}}}"))
    redis = {"0": ("AWAY", BAD), "1": ("answers", GOOD)}
    board.with_panel(number("Redis", f"nicu_monitor_redis_up{{{INSTANCE}}}", words=redis))
    late = ((None, GOOD), (15, WARNING), (30, BAD))
    heartbeat = f"nicu_monitor_heartbeat_age_seconds{{{INSTANCE}}}"
    board.with_panel(number("Heartbeat taken before", heartbeat, unit="s", steps=late))
    disk = {"0": ("CANNOT BE WRITTEN", BAD), "1": ("takes alerts", GOOD)}
    board.with_panel(number("Disk", f"nicu_monitor_spool_writable{{{INSTANCE}}}", words=disk))
    clock = {"0": ("NOT SYNCHRONISED", WARNING), "1": ("synchronised", GOOD)}
    board.with_panel(number("Wall clock", f"nicu_monitor_clock_synchronised{{{INSTANCE}}}", words=clock))
    text = "A bed is watched while its pictures come and are analysed."
    watched = {"{{bed}}": f"nicu_bed:watched:bool{{{INSTANCE}}}"}
    board.with_panel(states("Watched beds", watched, _WATCHED, description=text))
    conditions = {"present": f'nicu_monitor_alarm_condition{{{INSTANCE},kind="technical"}}'}
    heads = {"bed": "bed", "code": "condition", "priority": "priority"}
    board.with_panel(rows_of("Technical conditions now", conditions, heads, description="No bed: the whole station."))


def _keeping_up(board: Dashboard) -> None:
    board.with_row(Row("Does it keep up?"))
    rate = {"{{bed}}": f"nicu_bed:frames_analysed:rate1m{{{INSTANCE}}}"}
    board.with_panel(curves("Pictures analysed per second", rate))
    age = {
        "half of them": f"nicu_station:frame_age_seconds:p50_5m{{{INSTANCE}}}",
        "99 %": f"nicu_station:frame_age_seconds:p99_5m{{{INSTANCE}}}",
    }
    board.with_panel(
        curves("Age at decision, at most", age, unit="s", description="Since the data reached the machine.")
    )
    compute = {
        "find faces": _quantile(0.95, "detection_duration_seconds"),
        "classify one face": _quantile(0.95, "classification_duration_seconds"),
    }
    board.with_panel(curves("Time to find and classify a face (95 %)", compute, unit="s"))
    drops = {"{{cause}}": f"sum by (cause) (rate(nicu_monitor_frames_dropped_total{{{INSTANCE}}}{_RATE}))"}
    text = "`sampling` is normal: the stream is faster than the analysed rate. The others mean that something is slow."
    board.with_panel(curves("Pictures not analysed per second, by cause", drops, description=text))
    unwatched = {f"last {span}": f"nicu_station:unwatched:ratio{span}{{{INSTANCE}}}" for span in ("1h", "6h")}
    text = "Objective: at most 0.5 % over 30 days."
    board.with_panel(curves("Bed time not watched", unwatched, unit="percentunit", description=text, lines=(0.005,)))
    delayed = {f"last {span}": f"nicu_station:late:ratio{span}{{{INSTANCE}}}" for span in ("5m", "1h")}
    text = "Older than one second. Objective: at most 1 % over 30 days."
    board.with_panel(curves("Pictures analysed late", delayed, unit="percentunit", description=text, lines=(0.01,)))


def _delivering(board: Dashboard) -> None:
    board.with_row(Row("Do alerts arrive?"))
    counts = {
        "reached Redis": f"increase(nicu_monitor_alerts_published_total{{{INSTANCE}}}{_RATE})",
        "given up": f"increase(nicu_monitor_alerts_dropped_total{{{INSTANCE}}}{_RATE})",
    }
    board.with_panel(curves("Alerts", counts))
    wait = {
        "alerts that wait": f"nicu_monitor_publisher_backlog_alerts{{{INSTANCE}}}",
        "age of the oldest (s)": f"nicu_monitor_publisher_backlog_age_seconds{{{INSTANCE}}}",
    }
    board.with_panel(curves("Waiting for Redis", wait))
    latency = {"95 %": _quantile(0.95, "alert_publish_latency_seconds")}
    text = "From hand-over to Redis; nothing where there were no alerts."
    board.with_panel(curves("Delay of an alert", latency, unit="s", description=text))
    commands = {"{{outcome}}": f"increase(nicu_monitor_commands_total{{{INSTANCE}}}{_RATE})"}
    board.with_panel(curves("Commands from Redis, by outcome", commands))
    spool = {"spool": f"nicu_monitor_spool_bytes{{{INSTANCE}}}"}
    board.with_panel(curves("Disk space of the spool", spool, unit="bytes"))


def _machine(board: Dashboard) -> None:
    board.with_row(Row("Machine and models"))
    of_cameras = "nicu_monitor_camera_process_cpu_seconds_total"
    processor = {
        "cores, station": f"rate(process_cpu_seconds_total{{{INSTANCE}}}{_RATE})",
        "cores, camera process {{process}}": f"rate({of_cameras}{{{INSTANCE}}}{_RATE})",
    }
    board.with_panel(curves("CPU", processor))
    memory = {
        "station": f"process_resident_memory_bytes{{{INSTANCE}}}",
        "camera process {{process}}": f"nicu_monitor_camera_process_resident_bytes{{{INSTANCE}}}",
    }
    board.with_panel(curves("Memory", memory, unit="bytes"))
    board.with_panel(curves("Open files", {"files": f"process_open_fds{{{INSTANCE}}}"}))
    board.with_panel(
        number("Running for", f"time() - process_start_time_seconds{{{INSTANCE}}}", unit="s"),
    )
    in_use = {"in use": f"nicu_monitor_model_info{{{INSTANCE}}}"}
    heads = {"role": "role", "name": "model", "engine": "engine", "sha256": "SHA-256"}
    board.with_panel(rows_of("Models", in_use, heads))
    build = {"running": f"nicu_monitor_build_info{{{INSTANCE}}}"}
    heads = {"version": "version", "station": "station", "generation_mode": "pictures"}
    board.with_panel(rows_of("Program", build, heads, span=8))
