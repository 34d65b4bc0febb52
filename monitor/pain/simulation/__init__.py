"""Made-up scores with a known truth, to test the alarm logic and to show what its defaults are worth.

They speak of software, not of infants: nothing here is evidence about clinical accuracy.
"""

from monitor.pain.simulation.alarm_run import AlarmRun, run_alarms
from monitor.pain.simulation.infants import InfantSettings, SimulatedInfant, simulate_infant
from monitor.pain.simulation.signals import SimulatedSignal, irregular_times, regular_times, signal_of_segments

__all__ = [
    "AlarmRun",
    "InfantSettings",
    "SimulatedInfant",
    "SimulatedSignal",
    "irregular_times",
    "regular_times",
    "run_alarms",
    "signal_of_segments",
    "simulate_infant",
]
