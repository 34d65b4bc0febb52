"""From pain scores to alarm conditions: pure logic, no I/O, no clock of its own."""

from monitor.pain.bed import BedMonitor, Step
from monitor.pain.conditions import CONDITIONS, Condition, Source
from monitor.pain.station import StationMonitor
from monitor.pain.vocabulary import (
    Code,
    Evidence,
    Kind,
    Observation,
    Phase,
    Priority,
    Sample,
    Signal,
    Transition,
    Validity,
    Visibility,
)

__all__ = [
    "CONDITIONS",
    "BedMonitor",
    "Code",
    "Condition",
    "Evidence",
    "Kind",
    "Observation",
    "Phase",
    "Priority",
    "Sample",
    "Signal",
    "Source",
    "StationMonitor",
    "Step",
    "Transition",
    "Validity",
    "Visibility",
]
