"""Synthetic infants: procedurally rendered faces on a cot, moment by moment, with ground truth.

They test software and drive the demo. They show nothing about clinical accuracy.
"""

from monitor.synthetic.bed import SCENARIOS, BedOptions, SyntheticBed
from monitor.synthetic.truth import GroundTruth

__all__ = ["SCENARIOS", "BedOptions", "GroundTruth", "SyntheticBed"]
