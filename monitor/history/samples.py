"""Two seconds of a bed, packed: thirty of them are one row of the database."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.board import BedState
from monitor.pain.vocabulary import FaceAction

__all__ = [
    "ACTIONS",
    "MINUTE_SECONDS",
    "SAMPLE",
    "SAMPLES_A_MINUTE",
    "SAMPLE_SECONDS",
    "UNWATCHED",
    "WITH_SIGNS",
    "Minute",
    "SampleSeries",
    "empty_minute",
    "fill_minute",
    "join_minutes",
    "pack_minute",
    "set_sample",
    "state_code",
    "unpack_minute",
]

SAMPLE_SECONDS = 2
SAMPLES_A_MINUTE = 30
MINUTE_SECONDS = 60

ACTIONS = tuple(FaceAction)
"""Order of the facial actions within a sample."""

# A state's number is stored: states are only ever appended.
_STATES = (
    BedState.PAIN_SUSTAINED,
    BedState.PAIN_SIGN,
    BedState.PAIN_LATCHED,
    BedState.CAMERA_LOST,
    BedState.CANNOT_SEE,
    BedState.STARTING,
    BedState.LEVEL_RAISED,
    BedState.NO_SIGN,
    BedState.STANDBY,
    BedState.EMPTY,
)
_NO_SAMPLE = 255
_NO_SHARE = 255
_NO_LEVEL = 65_535
_LEVELS = 1_000
_SHARES = 200
_ACTION_COUNT = len(ACTIONS)

SAMPLE = np.dtype([("level", "<u2"), ("coverage", "u1"), ("state", "u1"), ("actions", "u1", (_ACTION_COUNT,))])
"""One sample as it is stored: level in thousandths, shares in two hundredths, and a state's number."""

_MINUTE_BYTES = SAMPLES_A_MINUTE * SAMPLE.itemsize

Minute = NDArray[np.void]
"""The samples of one minute, shape (30,), of the type `SAMPLE`."""


def _codes(*states: BedState) -> NDArray[np.uint8]:
    return np.array([_STATES.index(state) for state in states], dtype=np.uint8)


WITH_SIGNS = _codes(BedState.PAIN_SUSTAINED, BedState.PAIN_SIGN)
"""States in which a pain alarm is on."""
_NOT_SEEN = _codes(BedState.CAMERA_LOST, BedState.CANNOT_SEE, BedState.STARTING)
UNWATCHED = _codes(BedState.STANDBY, BedState.EMPTY)
"""States in which people have said that pain is not watched."""


@dataclass(frozen=True, slots=True)
class SampleSeries:
    """Samples of one bed, oldest first, two seconds or more apart. All arrays have the same length n.

    Attributes:
        seconds: Beginning of each sample in seconds since 1970 (UTC), shape (n,), float64.
        level: Highest displayed level in [0, 1] within it, NaN where it could not be determined, shape (n,).
        coverage: Coverage in [0, 1] at its end, NaN where it is not known, shape (n,).
        state: Number of the bed's state, shape (n,), uint8.
        actions: Share in [0, 1] of the last half minute for each of `ACTIONS`, NaN where not measured, shape (n, 5).
    """

    seconds: NDArray[np.float64]
    level: NDArray[np.float64]
    coverage: NDArray[np.float64]
    state: NDArray[np.uint8]
    actions: NDArray[np.float64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.seconds)

    def is_any(self, codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return for each sample whether its state is one of these."""
        return np.isin(self.state, codes)

    def is_not_seen(self) -> NDArray[np.bool_]:
        """Return for each sample whether the face should have been assessed and could not be.

        A pain alarm stays on where the face is out of sight: that is not seen, too.
        """
        return ~self.is_any(UNWATCHED) & (self.is_any(_NOT_SEEN) | np.isnan(self.level))

    def state_at(self, index: int) -> BedState | None:
        """Return the state of one sample; None where a newer version of the program has stored it."""
        code = int(self.state[index])
        return _STATES[code] if code < len(_STATES) else None


def state_code(state: BedState) -> int:
    """Return the number that stands for a state."""
    return _STATES.index(state)


def empty_minute() -> Minute:
    """Return a minute without samples."""
    minute = np.zeros(SAMPLES_A_MINUTE, dtype=SAMPLE)
    minute["level"], minute["coverage"], minute["state"] = _NO_LEVEL, _NO_SHARE, _NO_SAMPLE
    minute["actions"] = _NO_SHARE
    return minute


def set_sample(
    minute: Minute,
    slot: int,
    state: BedState,
    level: float | None = None,
    coverage: float | None = None,
    actions: Sequence[float | None] = (),
) -> None:
    """Put one sample into a minute, instead of what stood there.

    Args:
        minute: Of `empty_minute`.
        slot: Which sample of the minute, 0 to 29.
        state: What the bed shows.
        level: In [0, 1]; None, or a number outside, is not known.
        coverage: In [0, 1]; likewise.
        actions: One share for each of `ACTIONS`, or none at all.
    """
    known = level is not None and 0.0 <= level <= 1.0
    minute[slot]["level"] = round(level * _LEVELS) if known and level is not None else _NO_LEVEL
    minute[slot]["coverage"] = _packed_share(coverage)
    minute[slot]["state"] = state_code(state)
    minute[slot]["actions"] = [_packed_share(share) for share in actions] if actions else _NO_SHARE


def fill_minute(minute: Minute, other: Minute) -> None:
    """Take from another record of the same minute, into the first, the samples that it lacks."""
    is_lacking = minute["state"] == _NO_SAMPLE
    minute[is_lacking] = other[is_lacking]


def pack_minute(minute: Minute) -> bytes:
    """Return a minute as it is stored."""
    return zlib.compress(minute.tobytes(), 6)


def unpack_minute(packed: bytes) -> Minute:
    """Return a stored minute.

    Raises:
        ValueError: It is damaged.
    """
    unpacker = zlib.decompressobj()
    try:
        # No more than a minute and a byte: who may write to Redis could let a few kilobytes grow into gigabytes.
        content = unpacker.decompress(packed, _MINUTE_BYTES + 1)
    except zlib.error as error:
        raise ValueError("a minute of the history is damaged") from error
    if len(content) != _MINUTE_BYTES or not unpacker.eof:
        raise ValueError("a minute of the history is damaged")
    return np.frombuffer(content, dtype=SAMPLE)


def join_minutes(minutes: Sequence[tuple[int, Minute]], from_seconds: float, to_seconds: float) -> SampleSeries:
    """Return the samples of several minutes that begin within a stretch of time.

    Args:
        minutes: Minutes since 1970 and their samples, oldest first.
        from_seconds: Seconds since 1970; earlier samples are left out.
        to_seconds: Likewise; samples that begin then or later are left out.
    """
    if minutes:
        samples = np.concatenate([minute for _, minute in minutes])
        starts = np.array([number for number, _ in minutes], dtype=np.float64) * MINUTE_SECONDS
        offsets = np.arange(SAMPLES_A_MINUTE) * float(SAMPLE_SECONDS)
        seconds = (starts[:, None] + offsets[None, :]).ravel()
    else:
        samples, seconds = np.zeros(0, dtype=SAMPLE), np.zeros(0)
    is_kept = (samples["state"] != _NO_SAMPLE) & (seconds >= from_seconds) & (seconds < to_seconds)
    samples, seconds = samples[is_kept], seconds[is_kept]
    return SampleSeries(
        seconds=seconds,
        level=np.where(samples["level"] > _LEVELS, np.nan, samples["level"] / _LEVELS),
        coverage=np.where(samples["coverage"] > _SHARES, np.nan, samples["coverage"] / _SHARES),
        state=samples["state"],
        actions=np.where(samples["actions"] > _SHARES, np.nan, samples["actions"] / _SHARES),
    )


def _packed_share(share: float | None) -> int:
    return round(share * _SHARES) if share is not None and 0.0 <= share <= 1.0 else _NO_SHARE
