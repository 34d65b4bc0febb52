"""The command line `nicu-monitor`."""

from typing import NoReturn

from monitor.commands import LazyCommand, program, run

__all__ = ["main"]

COMMANDS: dict[str, LazyCommand] = {
    "demo": LazyCommand("monitor.demo.command", "Watch two drawn infants; everything else is real."),
    "run": LazyCommand("monitor.station.run_command", "Watch the beds of a configuration: the daemon."),
    "check": LazyCommand("monitor.check_command", "Name every mistake in a configuration file."),
    "doctor": LazyCommand("monitor.doctor_command", "Look for everything that a station needs."),
    "users": LazyCommand("monitor.web.users_command", "Say who may log in to the page and the API."),
    "tail": LazyCommand("monitor.publish.tail_command", "Print alerts from Redis as they come, each once."),
    "acknowledge": LazyCommand("monitor.publish.acknowledge_command", "Say that somebody has seen an alert."),
    "pause": LazyCommand("monitor.publish.pause_command", "Silence what a bed signals, for a limited time."),
    "resume": LazyCommand("monitor.publish.resume_command", "End a pause before its time."),
    "replay": LazyCommand("monitor.replay.command", "Run a recorded video through the same chain."),
    "bench": LazyCommand("monitor.bench.command", "Measure a station: rates, ages, CPU time, memory, capacity."),
}


def main() -> NoReturn:
    """Run `nicu-monitor`."""
    run(
        program(
            "nicu-monitor",
            "Watch NICU cameras for signs of pain. Research software: no alert does not mean no pain.",
            COMMANDS,
        )
    )
