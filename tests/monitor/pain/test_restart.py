"""After a restart, whose monotonic clock begins anywhere, everything is as long ago as it was.

The story: a time that was not moved with the others lay hours ahead, and what waited for it never came to an end.
"""

import json

import pytest

from monitor.pain import Code
from monitor.pain.procedure import ProcedureKind

ORIGIN_SECONDS = 4096.0
NO_TIMES = {
    "coverage", "judged_score", "lasted_seconds", "level", "mass", "newest_score", "proven", "share_of_window",
    "unknown_seconds", "weighted",
}  # fmt: skip
"""Numbers that are no moment; every other one is, and moves with the origin."""


def remembered(monitor):
    return json.loads(json.dumps(monitor.snapshot()))


def moments(value, path=()):
    """Yield (path, number) for everything that a memory holds, in order."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from moments(part, (*path, key))
    elif isinstance(value, float):
        yield path, value


def bouts_of_pain(watched):
    """Pain that ended, began again and was acknowledged, during a procedure; then calm begins."""
    watched.show(20, 0.05)
    watched.show(40, 0.95)
    watched.show(30, 0.05)
    watched.note(watched.monitor.begin_procedure("nurse-7", watched.now, ProcedureKind.HEEL_LANCE))
    watched.note(watched.monitor.report(Code.CAMERA_LOST, present=True, time_seconds=watched.now))
    watched.note(watched.monitor.report(Code.CAMERA_LOST, present=False, time_seconds=watched.now + 0.5))
    watched.show(20, 0.95)
    watched.note(watched.monitor.acknowledge(None, "nurse-7", watched.now))
    watched.note(watched.monitor.pause("nurse-7", watched.now))
    watched.show(12, 0.05)


def pain_goes_on(watched):
    watched.show(20, 0.05)
    watched.show(40, 0.95)
    watched.note(watched.monitor.acknowledge(None, "nurse-7", watched.now))


def face_is_gone(watched):
    watched.show(20, 0.05)
    watched.show(30)


def infant_is_away(watched):
    watched.note(watched.monitor.standby("nurse-7", watched.now, 600.0, until_face=True))
    watched.show(8)
    watched.show(2, 0.05)
    watched.show(0.5)


@pytest.mark.parametrize("story", [bouts_of_pain, pain_goes_on, face_is_gone, infant_is_away])
def test_everything_is_as_long_ago_after_a_restart_as_it_was_before(watched, watch, story):
    story(watched)
    before, again = remembered(watched.monitor), watch()
    again.monitor.restore(before, watched.now + ORIGIN_SECONDS)
    after = dict(moments(remembered(again.monitor)["memory"]))
    for path, number in moments(before["memory"]):
        moved = 0.0 if NO_TIMES.intersection(path[-1:]) else ORIGIN_SECONDS
        assert after[path] == pytest.approx(number + moved, abs=1e-6), path


@pytest.mark.parametrize(("name", "arguments"), [("discharge", ()), ("standby", (600.0,))])
def test_a_bed_that_nobody_watches_raises_no_alarm_after_a_restart_either(watched, watch, name, arguments):
    getattr(watched.monitor, name)("nurse-7", 0.0, *arguments)
    again = watch()
    again.monitor.restore(remembered(watched.monitor), 0.0)
    again.note(again.monitor.report(Code.PICTURE_DARK, present=True, time_seconds=0.0))
    assert again.wait(120) == []
