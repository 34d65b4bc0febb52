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
    changed = _choose("SCHED_BATCH")
    try:
        yield
    finally:
        if changed:
            _choose("SCHED_OTHER")


def _choose(name: str) -> bool:
    """Give this thread another policy; return whether it has changed."""
    policy: int | None = getattr(os, name, None)
    try:
        if policy is None or os.sched_getscheduler(0) == policy:
            return False
        os.sched_setscheduler(0, policy, os.sched_param(0))
    except OSError as error:
        _log.info("the system refuses the scheduling policy %s (%s)", name, error)
        return False
    return True
