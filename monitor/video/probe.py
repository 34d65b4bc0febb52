"""What is measured on a pipeline's own threads: arrival times, the choice of pictures, counters.

A probe holds no GStreamer object: pad probes hold their callback alive indefinitely, and a callback that led back to
the pipeline would never be freed.
"""

import threading
from collections import Counter
from dataclasses import dataclass

from monitor.clock import Clock
from monitor.video.picture_damage import PictureDamage
from monitor.video.picture_groups import PictureGroups
from monitor.video.picture_references import ReferenceRate
from monitor.video.sampling import Sampler
from monitor.video.status import DropCause

__all__ = ["LARGEST_PIXELS", "LARGEST_SIDE_PX", "FrameTiming", "PipelineProbe"]

LARGEST_SIDE_PX = 8192
LARGEST_PIXELS = 33_177_600
"""8K UHD, 7680 x 4320: larger pictures are refused before they are decoded."""

_MOST_PENDING = 512
_MOST_IN_FLIGHT = 64
# By how much the time stamps may contradict the clock: data waits on a busy machine, and some time stamps are wrong.
_LARGEST_JITTER_SECONDS = 1.5
# A decoder may hold back 16 pictures (H.264 and H.265, size of the decoded picture buffer).
_SILENT_PICTURES, _SILENT_SECONDS, _LONGEST_SILENT_SECONDS = 20, 2.0, 5.0
# Above the period of the usual rates; what watches for silence, and the alarm, count in seconds.
_LONGEST_HOLD_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class FrameTiming:
    """What belongs to one picture on its way: see `Frame` for the meaning."""

    arrival_seconds: float
    pts_ns: int | None
    index: int


class PipelineProbe:
    """Measures one pipeline; its methods are called from streaming threads and from the camera's thread.

    Args:
        clock: Monotonic time.
        sampler: Chooses the pictures that are passed on.
        groups: What was learned of the camera's groups by earlier pipelines.
    """

    def __init__(self, clock: Clock, sampler: Sampler, groups: PictureGroups | None = None) -> None:
        self._clock = clock
        self._sampler = sampler
        self._lock = threading.Lock()
        self._pending: dict[int, tuple[float, bool]] = {}
        self._in_flight: dict[int, FrameTiming] = {}
        self._serial = 0
        self._claimed = 0
        self._last_pts_ns: int | None = None
        self._newest_arrival_seconds = float("-inf")
        self._damage = PictureDamage()
        self._left_out_as: DropCause | None = None
        self._awaited_as: DropCause | None = None
        self._references = ReferenceRate()
        self._unanswered = 0
        self._unanswered_since_seconds: float | None = None
        self._is_decoding_well = False
        self._is_awaited = threading.Condition(self._lock)
        self._all_due_seconds = self._released_seconds = self._arrived_seconds = float("-inf")
        self._before_key_seconds = self._given_seconds = self._group_seconds = float("-inf")
        self._groups = groups or PictureGroups()
        self._groups.begin_stream()
        self._is_tail = self._is_closed = False
        self._sampler.begin_group(clock.monotonic(), None)
        self.sample_before_decoding = False
        # All keys from the start: other threads copy it while it counts.
        self.drops: Counter[DropCause] = Counter(dict.fromkeys(DropCause, 0))
        self.pictures = 0
        self.undecoded = 0
        self.timestamp_faults = 0
        self.data_seconds: float | None = None
        self.picture_seconds: float | None = None
        self.decoded_seconds: float | None = None
        self.lag_seconds = 0.0
        self._keyframe_seconds: float | None = None
        self._keyframe_pts_ns: int | None = None
        self.keyframe_interval_seconds: float | None = None
        self.refused_size_px: tuple[int, int] | None = None
        self.nominal_rate: float | None = None

    def encoded(self, pts_ns: int | None, *, keyframe: bool) -> bool:
        """Note the arrival of one encoded picture.

        Args:
            pts_ns: Its time stamp, None where it has none.
            keyframe: Whether it can be decoded by itself.

        Returns:
            Whether it is to be decoded.
        """
        now = self._clock.monotonic()
        with self._lock:
            self.data_seconds = now
            if self.refused_size_px is not None:
                return False
            if keyframe:
                self._awaited_as = None
                self._note_keyframe(now, pts_ns)
            elif (cause := self._left_out_as or self._awaited_as) is not None:
                self._count_undecoded(cause)
                return False
            if self.sample_before_decoding and not self._sampler.due(now):
                # Pictures that need no others, as in MJPEG, need not be decoded to be left out.
                self.drops[DropCause.SAMPLING] += 1
                self.pictures += 1
                self.undecoded += 1
                if self._is_decoding_well and self._unanswered_since_seconds is None:
                    # The next chosen one may be further away than the time after which a camera counts as lost.
                    self.picture_seconds = self.decoded_seconds = now
                return False
            if keyframe and self._unanswered_since_seconds is None:
                self._unanswered, self._unanswered_since_seconds = 0, now
            self._unanswered += 1
            if pts_ns is not None:
                if len(self._pending) >= _MOST_PENDING:
                    del self._pending[next(iter(self._pending))]
                self._pending.setdefault(pts_ns, (now, keyframe))
            self._note_arrived(now, keyframe=keyframe)
            return True

    def hold(self, pts_ns: int | None, *, keyframe: bool = False, begins_anew: bool = False) -> bool:
        """Wait, before a picture is decoded, until one has arrived that is analysed; 0.3 s at most.

        Those in between are needed by later pictures only, and may as well be decoded at once, right before that one:
        a decoder that works in bursts finds its tables in the caches, and wakes less often. At the end of a group of
        pictures there are those that none needs.

        Args:
            pts_ns: Its time stamp; None where it has none.
            keyframe: Whether it can be decoded by itself.
            begins_anew: Whether, besides, nothing that follows it needs an earlier picture.

        Returns:
            Whether it is to be decoded. If not, it is counted.
        """
        with self._lock:
            known = None if pts_ns is None else self._pending.get(pts_ns)
            if pts_ns is None or known is None:
                self._is_tail = self._is_tail and not keyframe
                return not self._is_tail
            arrival = known[0]
            if keyframe:
                self._begin_group(pts_ns, arrival, begins_anew=begins_anew)
            elif not self._is_tail and self._holds(arrival):
                waits_seconds = _LONGEST_HOLD_SECONDS - (self._clock.monotonic() - arrival)
                is_released = self._is_awaited.wait_for(lambda: not self._holds(arrival), max(0.0, waits_seconds))
                self._released_seconds = self._clock.monotonic()
                if not is_released:  # none came in time: all that have arrived are decoded, and the next ones wait
                    self._all_due_seconds = self._arrived_seconds
            self._is_tail = not keyframe and (self._is_tail or self._is_needless(arrival))
            if self._is_tail:
                self._note_left_out(pts_ns, arrival)
                return False
            self._given_seconds = arrival
            return True

    def close(self) -> None:
        """Hold no picture any more: the pipeline ends."""
        with self._lock:
            if self._is_tail and not self._is_closed:
                self._groups.end_in_tail(self._clock.monotonic() - self._group_seconds)
            self._is_closed = True
            self._is_awaited.notify_all()

    @property
    def awaits_key_frame(self) -> bool:
        """Whether the end of a group is left out now, and the next key frame is not overdue."""
        with self._lock:
            has_come = (self._keyframe_seconds or self._group_seconds) > self._group_seconds
            waited_seconds = self._clock.monotonic() - self._group_seconds
            return self._is_tail and (has_come or not self._groups.is_overdue(waited_seconds))

    def _note_arrived(self, now_seconds: float, *, keyframe: bool) -> None:
        if keyframe:
            self._before_key_seconds = self._arrived_seconds
        self._arrived_seconds = now_seconds
        if keyframe or self._sampler.would_be_due(now_seconds):
            self._is_awaited.notify_all()

    def _holds(self, arrival_seconds: float) -> bool:
        if arrival_seconds <= self._all_due_seconds or self._left_out_as is not None or self._is_closed:
            return False
        return not (self._is_needless(arrival_seconds) or self._sampler.would_be_due(self._arrived_seconds))

    def _is_needless(self, arrival_seconds: float) -> bool:
        """Return whether neither a picture nor any that follows it in its group is analysed."""
        if self._groups.longest_seconds is None or self._left_out_as is not None or self._is_closed:
            return False
        if self._sampler.is_group_done(arrival_seconds):
            return True
        has_ended = arrival_seconds <= self._before_key_seconds
        return has_ended and not self._sampler.would_be_due(self._before_key_seconds)

    def _begin_group(self, pts_ns: int, arrival_seconds: float, *, begins_anew: bool) -> None:
        given = (arrival for arrival, _ in self._pending.values() if arrival <= self._given_seconds)
        was_prompt = not any(arrival >= self._group_seconds for arrival in given)
        self._group_seconds = arrival_seconds
        self._groups.begin(pts_ns / 1e9, begins_anew=begins_anew, was_prompt=was_prompt)
        self._sampler.begin_group(arrival_seconds, self._groups.longest_seconds)

    def note_damaged(self) -> None:
        """Note an encoded picture that is not decoded because it was found damaged."""
        with self._lock:
            self.data_seconds = self._clock.monotonic()
            self.drops[DropCause.CORRUPT] += 1
            self.pictures += 1
            self.undecoded += 1
            self._is_decoding_well = False

    def is_still_due(self, pts_ns: int | None, *, keyframe: bool) -> bool:
        """Return whether a picture that waited for the decoder is still to be decoded.

        When the load is shed, seconds of pictures wait already; decoding them would prolong the lag.
        """
        cause = self._left_out_as
        if keyframe or cause is None:
            return True
        with self._lock:
            self._count_undecoded(cause)
            if pts_ns is not None:
                self._pending.pop(pts_ns, None)
        return False

    def note_referenced(self, pts_ns: int | None) -> None:
        """Note a picture on its way to the decoder that other pictures need, or may need."""
        with self._lock:
            self._references.note(self._arrival_seconds(pts_ns))

    def leave_out(self, pts_ns: int | None) -> bool:
        """Return whether a picture that no other needs is left out before the decoder, and note it if so.

        It is, as long as the other pictures are enough to choose from.
        """
        with self._lock:
            arrival = self._arrival_seconds(pts_ns)
            if not self._references.are_enough(arrival, self._sampler.frames_per_second):
                return False
            self._note_left_out(pts_ns, arrival)
            return True

    def _note_left_out(self, pts_ns: int | None, arrival_seconds: float) -> None:
        if pts_ns is not None:
            self._pending.pop(pts_ns, None)
        self._newest_arrival_seconds = max(arrival_seconds, self._newest_arrival_seconds)
        self._sampler.skip(self._newest_arrival_seconds)
        self._count_undecoded(DropCause.SAMPLING)

    def _arrival_seconds(self, pts_ns: int | None) -> float:
        known = None if pts_ns is None else self._pending.get(pts_ns)
        return self._clock.monotonic() if known is None else known[0]

    def is_damaged(self, pts_ns: int | None, *, marked: bool, concealed_macroblocks: int) -> bool:
        """Return whether a decoded picture shows what the decoder made up; call it once for each, before `decoded`.

        Args:
            pts_ns: Time stamp of the picture.
            marked: Whether the decoder marked it as damaged.
            concealed_macroblocks: How many blocks of 16 x 16 px were painted over since the last picture.
        """
        if not concealed_macroblocks and self._damage.is_none:
            return marked
        now = self._clock.monotonic()
        with self._lock:
            _, keyframe = self._pending.get(pts_ns, (now, False)) if pts_ns is not None else (now, False)
            return self._damage.take(now, concealed_macroblocks, keyframe=keyframe) or marked

    def decoded(self, pts_ns: int | None, *, corrupt: bool) -> int | None:
        """Note one decoded picture.

        Returns:
            The serial number to `claim` it by, or None where it is to be dropped before it is converted.
        """
        now = self._clock.monotonic()
        with self._lock:
            arrival = now if pts_ns is None else self._pending.pop(pts_ns, (now, False))[0]
            # Pictures that are shown later may arrive earlier (B-frames); the time of frames must not go back.
            self._newest_arrival_seconds = arrival = max(arrival, self._newest_arrival_seconds)
            index, self.pictures = self.pictures, self.pictures + 1
            self._unanswered_since_seconds = None
            self.lag_seconds = now - max(arrival, self._released_seconds)
            self._check_pts(pts_ns)
            self._is_decoding_well = not corrupt
            if corrupt:
                self.drops[DropCause.CORRUPT] += 1
                return None
            self.picture_seconds = arrival
            self.decoded_seconds = now
            if not self.sample_before_decoding and not self._sampler.due(arrival):
                self.drops[DropCause.SAMPLING] += 1
                return None
            return self._register(FrameTiming(arrival, pts_ns, index))

    @property
    def was_keyframe_given(self) -> bool:
        """Whether a decoder has been given a picture that it can decode by itself."""
        return self._keyframe_seconds is not None

    @property
    def is_decoder_silent(self) -> bool:
        """Whether a decoder was given a key frame and what followed it for a while, and has given no picture since."""
        with self._lock:
            since, newest = self._unanswered_since_seconds, self.data_seconds
            if since is None or newest is None:
                return False
            silent_seconds = newest - since
            is_long = silent_seconds >= _LONGEST_SILENT_SECONDS and self._unanswered > 2
            return is_long or (silent_seconds >= _SILENT_SECONDS and self._unanswered >= _SILENT_PICTURES)

    def claim(self, serial: int) -> FrameTiming | None:
        """Return what belongs to a picture that came out; those that were overtaken count as dropped in the queue."""
        with self._lock:
            if serial > self._claimed:
                self.drops[DropCause.QUEUE] += serial - self._claimed
            self._claimed = serial + 1
            for overtaken in [known for known in self._in_flight if known < serial]:
                del self._in_flight[overtaken]
            return self._in_flight.pop(serial, None)

    def accepts(self, width_px: int, height_px: int, frames_per_second: float | None) -> bool:
        """Note the format that the stream announces; refuse pictures that would exhaust the memory.

        A few bytes of a stream can ask for gigabytes, so this is checked before anything is decoded.

        Args:
            width_px: Announced width.
            height_px: Announced height.
            frames_per_second: Announced rate; None where the stream announces none.
        """
        with self._lock:
            self.nominal_rate = frames_per_second or self.nominal_rate
            self._damage.macroblocks = width_px * height_px / 256
            if max(width_px, height_px) <= LARGEST_SIDE_PX and width_px * height_px <= LARGEST_PIXELS:
                return True
            self.refused_size_px = (width_px, height_px)
            return False

    @property
    def left_out_as(self) -> DropCause | None:
        """As what pictures that need others are left out before the decoder; None while they are not."""
        return self._left_out_as

    def leave_out_deltas(self, cause: DropCause | None) -> None:
        """Leave out pictures that need others before the decoder, or do so no more.

        Args:
            cause: What they are counted as; None decodes every picture again, from the next key frame on.
        """
        with self._lock:
            # What follows the last picture that was left out cannot be decoded before the next key frame.
            if cause is None:
                self._awaited_as = self._left_out_as or self._awaited_as
            self._left_out_as = cause
            self._is_awaited.notify_all()

    @property
    def keyframe_seconds(self) -> float | None:
        """When the newest picture arrived that can be decoded by itself; None before the first."""
        return self._keyframe_seconds

    def _note_keyframe(self, now_seconds: float, pts_ns: int | None) -> None:
        if self._keyframe_seconds is not None:
            interval_seconds = now_seconds - self._keyframe_seconds
            if pts_ns is not None and self._keyframe_pts_ns is not None:
                by_stamps_seconds = (pts_ns - self._keyframe_pts_ns) / 1e9
                if by_stamps_seconds > 0 and abs(by_stamps_seconds - interval_seconds) < _LARGEST_JITTER_SECONDS:
                    interval_seconds = by_stamps_seconds
            self.keyframe_interval_seconds = interval_seconds
        self._keyframe_seconds, self._keyframe_pts_ns = now_seconds, pts_ns

    def _count_undecoded(self, cause: DropCause) -> None:
        self.drops[cause] += 1
        if cause is DropCause.SAMPLING:  # Nobody asked for it: it counts as a picture that was not chosen.
            self.pictures += 1
            self.undecoded += 1

    def _register(self, timing: FrameTiming) -> int:
        """Remember a picture that is on its way; return its serial number."""
        serial, self._serial = self._serial, self._serial + 1
        if len(self._in_flight) >= _MOST_IN_FLIGHT:
            del self._in_flight[next(iter(self._in_flight))]
        self._in_flight[serial] = timing
        return serial

    def _check_pts(self, pts_ns: int | None) -> None:
        if pts_ns is not None:
            if self._last_pts_ns is not None and pts_ns <= self._last_pts_ns:
                self.timestamp_faults += 1
            self._last_pts_ns = pts_ns
