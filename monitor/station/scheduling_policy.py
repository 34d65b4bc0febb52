"""How the kernel divides the cores among a station's threads."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["batch_scheduling"]

_log = logging.getLogger(__name__)


@contextmanager
def batch_scheduling() -> Iterator[None]:
    """Let this thread, and every thread that it starts meanwhile, finish its turn when another one wakes.

    A station has eight threads a bed, most of which wake for every picture. Each used to take the core from a worker in
    the middle of a model, whose caches were cold afterwards. Under Linux's policy for batch work (sched(7)) they wait
    for the few milliseconds of its turn instead. Where the system has no such policy, or refuses it, all stays as it
    was.
    """
    changed = _change("SCHED_OTHER", "SCHED_BATCH")
    try:
        yield
    finally:
        if changed:
            _change("SCHED_BATCH", "SCHED_OTHER")


def _change(before: str, after: str) -> bool:
    """Give this thread another policy where it has that one; return whether it has changed."""
    old, new = getattr(os, before, None), getattr(os, after, None)
    try:
        # One that somebody has chosen for this program, such as a real-time one, stays.
        if old is None or new is None or os.sched_getscheduler(0) != old:
            return False
        os.sched_setscheduler(0, new, os.sched_param(0))
    except OSError as error:
        _log.info("the system refuses the scheduling policy %s (%s)", after, error)
        return False
    return True
