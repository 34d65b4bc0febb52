"""How much later an alarm begins where a station is too slow: pictures spread evenly, and the first of each group.

    python tests/bench/slower_bed.py --rate 2.5 --seeds 1 3 6 8 --phases 5

Synthetic episodes of pain in the whole chain of a bed, which gets 30 pictures a second with a key frame in 50 and
analyses five of them a second, or so many as `--rate` says, chosen both ways; the key frames, and the pictures that are
spread evenly, lie at several phases. Seconds from the begin of pain to the alarm.
"""

import argparse
import itertools
import json
import statistics
import time

import cv2
from calm_key_frames import ALARMS, CALM_SECONDS_BEFORE, RATE, WATCHED_SECONDS, note_begins, onset_seconds

from monitor.config import AlarmSettings, BedSettings, CameraSettings, FaceSettings, ModelSettings
from monitor.pain.vocabulary import Code
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.pipeline.models import ModelSet
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame
from monitor.video.sampling import Sampler

PICTURES_PER_SECOND, GROUP_PICTURES = 30, 50


def alarm_seconds(bed, models, onset, rate, phase, *, by_groups):
    """Return when each of the two alarms about pain began, None where it did not, and the share that was decoded.

    Args:
        bed: Draws the pictures.
        models: The chain's.
        onset: When pain begins; the bed is watched from a while before.
        rate: Pictures to analyse a second.
        phase: Of the key frames and of the sampler, in [0, 1).
        by_groups: Whether the length of the groups is known.
    """
    numbers = itertools.count()
    settings = BedSettings(id="bed", camera=CameraSettings(url="synthetic://pain"))
    pipeline = BedPipeline(settings, FaceSettings(), AlarmSettings(), lambda: f"id-{next(numbers)}", time.monotonic)
    sampler = Sampler(RATE, phase)
    sampler.frames_per_second = rate
    begins = dict.fromkeys(ALARMS)
    first = round((onset - CALM_SECONDS_BEFORE) * PICTURES_PER_SECOND)
    pictures = decoded = 0
    for index in range(first, round((onset + WATCHED_SECONDS) * PICTURES_PER_SECOND)):
        now = index / PICTURES_PER_SECOND
        if (index + round(phase * GROUP_PICTURES)) % GROUP_PICTURES == 0:
            sampler.begin_group(now, GROUP_PICTURES / PICTURES_PER_SECOND if by_groups else None)
        pictures += 1
        decoded += not sampler.is_group_done(now)
        if not sampler.due(now):
            continue
        result = pipeline.analyse(Frame(bed.frame(now)[0], now, None, index), models)
        if note_begins(begins, result.transitions, now):
            break
    return begins, decoded / pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, default=2.5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 3, 6, 8])
    parser.add_argument("--phases", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    models = ModelSet(ModelSettings(), FaceSettings()).open()
    later = {"even": [], "groups": []}
    for seed in options.seeds:
        bed = SyntheticBed(seed, "pain", width_px=960, height_px=540)
        began = onset_seconds(bed)
        usual, _ = alarm_seconds(bed, models, began, RATE, 0.0, by_groups=False)
        if usual[Code.PAIN_SIGN] is None:
            print(json.dumps({"seed": seed, "pain_from": began, "alarm": None}), flush=True)
            continue
        for way, delays in later.items():
            phases = [number / options.phases for number in range(options.phases)]
            runs = [
                alarm_seconds(bed, models, began, options.rate, phase, by_groups=way == "groups") for phase in phases
            ]
            for code in ALARMS:
                took = [None if run[code] is None else round(run[code] - began, 2) for run, _ in runs]
                usually = None if usual[code] is None else round(usual[code] - began, 2)
                row = {"seed": seed, "way": way, "alarm": code, "usual": usually, "slower": took}
                row["decoded"] = round(statistics.mean(share for _, share in runs), 2)
                print(json.dumps(row), flush=True)
                if usually is not None:
                    delays += [seconds - usually for seconds in took if seconds is not None]
    for way, delays in later.items():
        if delays:
            print(
                f"{way}: later by {statistics.mean(delays):.2f} s on average, {max(delays):.2f} s at worst, "
                f"{min(delays):.2f} s at best, of {len(delays)}"
            )


if __name__ == "__main__":
    main()
