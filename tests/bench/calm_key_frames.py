"""What a calm bed costs when only its key frames are decoded, and how much later an alarm begins.

    python tests/bench/calm_key_frames.py cost --rounds 3
    python tests/bench/calm_key_frames.py cost --rounds 1 --beds 24
    python tests/bench/calm_key_frames.py delay --seeds 5 23 --phases 5

`cost`: each bed of a whole station watches a synthetic infant at rest with a key frame a second over RTSP, each way in
turn; CPU seconds of the station a second, as `nicu-monitor bench` counts them. `delay`: synthetic episodes of pain in
the whole chain of a bed, which gets either five pictures a second, or those that a station with `calm_key_frames`
decodes; the key frames lie at several phases of a second. Seconds from the begin of pain to the alarm.
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
from pathlib import Path

import cv2

from monitor.bench.clips import draw_clip
from monitor.bench.process import run_in_new_process
from monitor.bench.pure import measure_pure_costs
from monitor.bench.run import Plan
from monitor.config import (
    AlarmSettings,
    AnalysisSettings,
    BedSettings,
    CameraSettings,
    FaceSettings,
    ModelSettings,
    StationConfig,
)
from monitor.pain.vocabulary import Code
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.pipeline.models import ModelSet
from monitor.station.adaptive_rate import AdaptiveRate
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame
from monitor.video.writer import CameraEncoding

RATE = 5.0
KEY_FRAME_SECONDS = 1.0
CALM_SECONDS_BEFORE = 22.0
WATCHED_SECONDS = 25.0
ALARMS = (Code.PAIN_SIGN, Code.PAIN_SUSTAINED)
ANALYSIS_SECONDS = 0.1
"""From a picture to its result, and to the camera's knowing of it."""


def cost(rounds, seconds, beds):
    """Print what so many calm beds use and get, each way."""
    with tempfile.TemporaryDirectory() as directory:
        clip = Path(directory) / "calm.mp4"
        draw_clip(clip, 720, 8.0, CameraEncoding(key_frame_pictures=30))
        bed = BedSettings(id="bed-1", camera=CameraSettings(url=str(clip.absolute())))
        base = StationConfig(beds=(bed,))
        pure = measure_pure_costs(clip, base)
        used = {"every picture": [], "key frames when calm": []}
        for _ in range(rounds):
            for way, key_frames in zip(used, (False, True), strict=True):
                # With a calm rate of its own the benchmark waits until the bed is calm.
                analysis = AnalysisSettings(
                    frames_per_second=RATE, calm_frames_per_second=RATE, calm_key_frames=key_frames
                )
                plan = Plan(clip, beds, seconds, "rtsp", base.model_copy(update={"analysis": analysis}), pure)
                result = run_in_new_process(plan)
                slowest = min(bed.frames_per_second for bed in result.beds.values())
                oldest_ms = 1000 * result.total.age_seconds["p99"]
                rates = (result.total.frames_per_second, slowest, result.total.decoded / seconds)
                used[way].append((result.cores_used, *rates, oldest_ms))
    names = ("cores", "frames_per_second", "of_the_slowest_bed", "decoded_per_second", "age_p99_ms")
    for way, rows in used.items():
        medians = [round(statistics.median(column), 3) for column in zip(*rows, strict=True)]
        print(json.dumps({"way": way, **dict(zip(names, medians, strict=True))}))


def onset_seconds(bed):
    """Return when the first pain begins that follows a long calm."""
    now = calm_since = 0.0
    while not (bed.frame(now)[1].is_pain and now - calm_since > CALM_SECONDS_BEFORE):
        calm_since = now if bed.frame(now)[1].is_pain else calm_since
        now += 1 / RATE
    return now


def note_begins(begins, transitions, now):
    """Note when alarms began first, by code; return whether all have."""
    for change in transitions:
        if change.code in begins and begins[change.code] is None:
            begins[change.code] = now
    return None not in begins.values()


def alarm_seconds(bed, models, onset, key_phase):
    """Return when each of the two alarms about pain began; None where it did not.

    Args:
        bed: Draws the pictures.
        models: The chain's.
        onset: When pain begins; the bed is watched from a while before.
        key_phase: When, in each second, the key frame comes; None decodes every picture always.
    """
    numbers = itertools.count()
    settings = BedSettings(id="bed", camera=CameraSettings(url="synthetic://pain"))
    pipeline = BedPipeline(settings, FaceSettings(), AlarmSettings(), lambda: f"id-{next(numbers)}", time.monotonic)
    pace = AdaptiveRate(RATE, None, AlarmSettings().off_level, key_frames=True)
    rests, back_seconds = False, 0.0
    begins = dict.fromkeys(ALARMS)
    ticks = 10 * RATE
    for index in range(round((onset - CALM_SECONDS_BEFORE) * ticks), round((onset + WATCHED_SECONDS) * ticks)):
        now = index / ticks
        is_key = key_phase is not None and abs((now - key_phase + 0.5) % KEY_FRAME_SECONDS - 0.5) < 0.4 / ticks
        is_due = index % 10 == 0
        if not (is_key if rests else is_due and now >= back_seconds):
            continue
        result = pipeline.analyse(Frame(bed.frame(now)[0], now, None, index), models)
        if note_begins(begins, result.transitions, now):
            break
        pace.rate("bed", result.observation)
        was, rests = rests, key_phase is not None and pace.may_rest("bed", now)
        if was and not rests:
            # Every picture from the first key frame on that comes after the camera knows.
            known = now + ANALYSIS_SECONDS
            back_seconds = known + (key_phase - known) % KEY_FRAME_SECONDS
    return begins


def delay(seeds, phases):
    """Print how long the alarm took from the begin of pain, each way."""
    cv2.setNumThreads(1)
    models = ModelSet(ModelSettings(), FaceSettings()).open()
    for seed in seeds:
        bed = SyntheticBed(seed, "pain", width_px=960, height_px=540)
        began = onset_seconds(bed)
        usual = alarm_seconds(bed, models, began, None)
        if usual[Code.PAIN_SIGN] is None:
            print(json.dumps({"seed": seed, "pain_from": began, "alarm": None}), flush=True)
            continue
        starts = [round(phase / phases * 10 * RATE) / (10 * RATE) for phase in range(phases)]
        rested = [alarm_seconds(bed, models, began, start) for start in starts]
        for code in ALARMS:
            later = [None if run[code] is None else round(run[code] - began, 2) for run in (usual, *rested)]
            row = {"seed": seed, "pain_from": began, "alarm": code, "usual": later[0], "key_frames": later[1:]}
            print(json.dumps(row), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("cost", "delay"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 23])
    parser.add_argument("--beds", type=int, default=1)
    parser.add_argument("--phases", type=int, default=5)
    options = parser.parse_args()
    if options.what == "cost":
        cost(options.rounds, options.seconds, options.beds)
    else:
        delay(options.seeds, options.phases)


if __name__ == "__main__":
    main()
