"""The command line `nicu-monitor`."""

import os
from typing import NoReturn

from monitor.cli_framework import LazyCommand, program, run

__all__ = ["main"]

COMMANDS: dict[str, LazyCommand] = {
    "demo": LazyCommand("monitor.commands.demo", "Watch two synthetic infants; everything else is real."),
    "run": LazyCommand("monitor.commands.run", "Watch the beds of a configuration: the daemon."),
    "reload": LazyCommand("monitor.commands.reload", "Let a running station take its changed configuration."),
    "beds": LazyCommand("monitor.commands.beds", "The beds that several stations share, in Redis.", "beds"),
    "ward": LazyCommand("monitor.commands.ward", "Show every bed of every station on one page."),
    "check": LazyCommand("monitor.commands.check", "Name every mistake in a configuration file."),
    "doctor": LazyCommand("monitor.commands.doctor", "Look for everything that a station needs."),
    "cameras": LazyCommand("monitor.commands.cameras", "Find cameras, choose their profiles, try one."),
    "users": LazyCommand("monitor.commands.users", "Say who may log in to the page and the API."),
    "sessions": LazyCommand("monitor.commands.sessions", "See who is logged in to the page, and end sessions."),
    "tail": LazyCommand("monitor.commands.tail", "Print alerts from Redis as they come, each once."),
    "forward": LazyCommand("monitor.commands.forward", "Forward alerts to webhooks, MQTT, HL7 v2 and e-mail."),
    "acknowledge": LazyCommand("monitor.commands.silence", "Say that somebody has seen an alert.", "acknowledge"),
    "pause": LazyCommand("monitor.commands.silence", "Silence what a bed signals, for a limited time.", "pause"),
    "resume": LazyCommand("monitor.commands.silence", "End a pause or a stand-by before its time.", "resume"),
    "admit": LazyCommand("monitor.commands.occupancy", "Say that an infant was laid into a bed.", "admit"),
    "discharge": LazyCommand("monitor.commands.occupancy", "Say that a bed is empty.", "discharge"),
    "standby": LazyCommand("monitor.commands.occupancy", "Say that an infant is away for a while.", "standby"),
    "procedure": LazyCommand("monitor.commands.occupancy", "Say that something painful is done now.", "procedure"),
    "audit": LazyCommand("monitor.commands.audit", "Check that nobody changed the audit log."),
    "backup": LazyCommand(
        "monitor.commands.backup", "Write a station's state and configuration to one file.", "backup"
    ),
    "restore": LazyCommand("monitor.commands.backup", "Put a station back from such a file.", "restore"),
    "replay": LazyCommand("monitor.commands.replay", "Run a recorded video through the same chain."),
    "tune": LazyCommand("monitor.commands.tune", "Find the fastest engine and number of workers for this machine."),
    "bench": LazyCommand("monitor.commands.bench", "Measure a station: rates, ages, CPU time, memory, capacity."),
}


def main() -> NoReturn:
    """Run `nicu-monitor`."""
    # Before NumPy is imported: the threads of its linear algebra spin between products that take microseconds here, and
    # took a tenth of a core from twelve beds.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    run(
        program(
            "nicu-monitor",
            "Watch NICU cameras for signs of pain. Research software: no alert does not mean no pain.",
            COMMANDS,
        )
    )
