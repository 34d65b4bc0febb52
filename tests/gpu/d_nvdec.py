"""Step (d): NVDEC with a clip ($NICU_CLIP): pictures a second for 1 to 64 sessions.

One decoder a session, as a camera has one: counted is from the moment on at which every session has given its first
picture, and the clip is fed into the same decoder again and again.
"""

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
_OPEN_SECONDS = 5.0
"""A session that gives no picture by then is none; so the step stays within its 40 s."""


def measure(numbers: dict[str, Any]) -> None:
    clip = Path(os.environ.get("NICU_CLIP", ""))
    if not clip.is_file():
        raise NotHereError("$NICU_CLIP names no clip; `tests/gpu/run.sh pack` makes one")
    if is_rehearsal():
        raise NotHereError("NVDEC has a stand-in in tests/gpu/test_nvdec.py only")
    codec = load_codec()
    for sessions in _SESSIONS:
        numbers[f"{sessions} sessions"] = result = count(codec, clip, sessions, _SECONDS, _OPEN_SECONDS)
        if not result["pictures per second"]:
            raise RuntimeError(f"{sessions} sessions gave no picture ({result['reason']})")


def load_codec() -> Any:
    """Import PyNvVideoCodec, which wants the driver's libraries for decoding and for encoding.

    Raises:
        NotHereError: It is not installed, or a library is missing: an import says so with a RuntimeError.
    """
    if importlib.util.find_spec("PyNvVideoCodec") is None:
        raise NotHereError("PyNvVideoCodec is not installed")
    try:
        return importlib.import_module("PyNvVideoCodec")
    except Exception as error:
        raise NotHereError(f"PyNvVideoCodec cannot be loaded: {error}".splitlines()[0]) from error


def count(codec: Any, clip: Path, sessions: int, seconds: float, open_seconds: float) -> dict[str, Any]:
    """Decode the clip in some sessions at once.

    Args:
        codec: PyNvVideoCodec.
        clip: A video file.
        sessions: How many.
        seconds: Of counting.
        open_seconds: How long sessions may take to give a first picture.
    """
    run = _Run(codec, clip, sessions)
    began = time.monotonic()
    threads = [threading.Thread(target=run.decode, args=(number,), daemon=True) for number in range(sessions)]
    for thread in threads:
        thread.start()
    while run.undecided and time.monotonic() - began < open_seconds:
        time.sleep(0.005)
    late = run.undecided
    opened = time.monotonic()
    run.is_counting.set()
    if len(run.failures) < sessions:
        time.sleep(seconds)
    pictures, counted = sum(run.counts), time.monotonic() - opened
    run.is_over.set()
    for thread in threads:
        thread.join(open_seconds)
    return {
        "pictures per second": pictures / counted,
        "seconds to the first picture of all": opened - began,
        "refused": len(run.failures),
        "without a picture": late,
        "reason": run.failures[0] if run.failures else "",
    }


class _Run:
    def __init__(self, codec: Any, clip: Path, sessions: int) -> None:
        self.codec, self.clip = codec, clip
        self.counts = [0] * sessions
        self.has_picture = [False] * sessions
        self.failures: list[str] = []
        self.is_counting, self.is_over = threading.Event(), threading.Event()

    @property
    def undecided(self) -> int:
        """How many sessions have neither a picture nor a failure."""
        return len(self.counts) - sum(self.has_picture) - len(self.failures)

    def decode(self, number: int) -> None:
        try:
            self._decode(number)
        except Exception as error:  # noqa: BLE001 - a session that is refused is a result
            self.has_picture[number] = False
            self.failures.append(f"{type(error).__name__}: {error}".splitlines()[0])

    def _decode(self, number: int) -> None:
        decoder = None
        while not self.is_over.is_set():
            demuxer = self.codec.CreateDemuxer(filename=str(self.clip))
            if decoder is None:
                decoder = self.codec.CreateDecoder(gpuid=0, codec=demuxer.GetNvCodecId(), usedevicememory=True)
            for packet in demuxer:
                pictures = len(decoder.Decode(packet))
                if self.is_over.is_set():
                    return
                if self.is_counting.is_set():
                    self.counts[number] += pictures
                elif pictures:
                    self.has_picture[number] = True
                    self.is_counting.wait()


if __name__ == "__main__":
    run_step("d_nvdec", measure)
