"""Step (d): NVDEC with a clip ($NICU_CLIP): pictures a second for 1 to 64 sessions."""

import importlib
import importlib.util
import os
import threading
import time
from pathlib import Path
from typing import Any

from step import NotHereError, is_rehearsal, run_step

_SESSIONS = (1, 4, 16, 64)
_SECONDS = 4.0


def measure(numbers: dict[str, Any]) -> None:
    clip = Path(os.environ.get("NICU_CLIP", ""))
    if not clip.is_file():
        raise NotHereError("$NICU_CLIP names no clip; `tests/gpu/run.sh pack` makes one")
    if importlib.util.find_spec("PyNvVideoCodec") is None:
        raise NotHereError("PyNvVideoCodec is not installed")
    if is_rehearsal():
        raise NotHereError("NVDEC has no stand-in")
    for sessions in _SESSIONS:
        counts = [0] * sessions
        failures: list[str] = []
        until = time.monotonic() + _SECONDS
        threads = [
            threading.Thread(target=_decode, args=(clip, counts, number, until, failures)) for number in range(sessions)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        numbers[f"{sessions} sessions"] = {
            "pictures per second": sum(counts) / _SECONDS,
            "refused": len(failures),
            "reason": failures[0] if failures else "",
        }


def _decode(clip: Path, counts: list[int], number: int, until: float, failures: list[str]) -> None:
    codec = importlib.import_module("PyNvVideoCodec")

    try:
        while time.monotonic() < until:
            demuxer = codec.CreateDemuxer(filename=str(clip))
            decoder = codec.CreateDecoder(gpuid=0, codec=demuxer.GetNvCodecId(), usedevicememory=True)
            for packet in demuxer:
                counts[number] += len(decoder.Decode(packet))
                if time.monotonic() >= until:
                    return
    except Exception as error:  # noqa: BLE001 - a session that is refused is a result
        failures.append(f"{type(error).__name__}: {error}".splitlines()[0])


if __name__ == "__main__":
    run_step("d_nvdec", measure)
