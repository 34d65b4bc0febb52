"""From pain scores to alarm conditions: pure logic, no I/O, no clock of its own."""

from monitor.pain.bed_alarms import BedAlarms, BedUpdate
from monitor.pain.conditions import CONDITIONS, Condition, Source
from monitor.pain.occupancy import BedOccupancy
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import (
    AlarmEvidence,
    Bout,
    Code,
    Kind,
    Observation,
    Occupancy,
    Phase,
    Priority,
    Region,
    Sample,
    Signal,
    Transition,
    Validity,
    Visibility,
)

__all__ = [
    "CONDITIONS",
    "AlarmEvidence",
    "BedAlarms",
    "BedOccupancy",
    "BedUpdate",
    "Bout",
    "Code",
    "Condition",
    "Kind",
    "Observation",
    "Occupancy",
    "Phase",
    "Priority",
    "Region",
    "Sample",
    "Signal",
    "Source",
    "StationAlarms",
    "Transition",
    "Validity",
    "Visibility",
]
