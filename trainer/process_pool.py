"""Work in several processes, of which each may be killed."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from trainer.errors import DataError

__all__ = ["open_process_pool"]


@contextmanager
def open_process_pool(jobs: int, what_remains: str) -> Iterator[ProcessPoolExecutor]:
    """Run work in processes of its own; after an interruption or an error, only what runs is finished.

    Args:
        jobs: How many processes.
        what_remains: What becomes of the work done, and what to do: the end of the sentence where one was killed.

    Raises:
        DataError: A process was killed, as the system does where memory is short.
    """
    # Spawned, not forked: a fork of a process whose libraries already run threads can hang.
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool
    except BaseException as error:
        # Waiting for what runs: a pool that is gone, or shut down again by its own `with`, forgets to cancel the rest.
        pool.shutdown(cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            raise DataError(
                f"one of {jobs} processes was killed, perhaps because memory is short; {what_remains}"
            ) from error
        raise
    pool.shutdown()
