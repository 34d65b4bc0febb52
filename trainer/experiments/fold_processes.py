"""Several folds at a time, one process each.

One thread computes in each process: two folds beside each other on two cores take half of the time that one fold after
the other takes with two threads or one. The processes report their progress through a queue, and end with the program
that started them, whatever ends it.
"""

import multiprocessing
import os
import queue
import threading
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from monitor.errors import MonitorError
from monitor.exit_status import describe_exit
from trainer.crops import open_study
from trainer.errors import TrainingError
from trainer.experiments.config import ExperimentConfig
from trainer.experiments.fold import FoldOutcome, fold_folder, run_fold
from trainer.protocols import read_fold_map
from trainer.training import EpochReport, Listener, MakeListener

__all__ = ["error_of", "forward", "run_folds_in_processes"]

_LOOK_AGAIN_SECONDS = 0.5
_EVERY_BATCHES = 8
_PRELOADED = (
    "trainer.experiments.fold_processes",
    "trainer.models.network_model",
    "trainer.networks.registry",
    "scipy.optimize",
)
"""What every fold of a network needs."""


class _Remote:
    """A listener that reports to another process.

    Args:
        fold: Which fold speaks.
        messages: Where to.
    """

    def __init__(self, fold: int, messages: "multiprocessing.Queue[tuple[int, str, Any]]") -> None:
        self._fold, self._messages = fold, messages

    def batch_done(self, epoch: int, done: int, total: int) -> None:
        """Report every eighth batch and of the last one; more would only keep the other process busy."""
        if done % _EVERY_BATCHES == 0 or done == total:
            self._messages.put((self._fold, "batch", (epoch, done, total)))

    def epoch_done(self, report: EpochReport) -> None:
        """Pass on."""
        self._messages.put((self._fold, "epoch", report))

    def note(self, message: str) -> None:
        """Pass on."""
        self._messages.put((self._fold, "note", message))


def _work(config: ExperimentConfig, folder: Path, fold: int, messages: Any) -> None:  # noqa: ANN401 - a queue has no public type
    """Run one fold in a process of its own."""
    threading.Thread(target=_end_with_the_parent, name="parent watch", daemon=True).start()
    try:
        study = open_study(config.manifest, config.crops)
        chosen = read_fold_map(folder / "folds.json", study).folds[fold]
        outcome = run_fold(config, study, chosen, fold_folder(folder, fold), _Remote(fold, messages))
    except MonitorError as error:
        messages.put((fold, "failed", (type(error).__module__, type(error).__name__, str(error))))
    else:
        messages.put((fold, "done", outcome))


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # nobody is left to report to, and a process that trains on would be in the way of the resumed run


def run_folds_in_processes(
    config: ExperimentConfig, folder: Path, titles: list[tuple[str, int]], jobs: int, make_listener: MakeListener
) -> list[FoldOutcome]:
    """Run all folds of `folder`'s fold map, `jobs` at a time.

    Args:
        config: What to do.
        folder: The run's folder, which holds its fold map.
        titles: Title and planned epochs of each fold.
        jobs: Processes at a time.
        make_listener: Makes the listener to each fold's progress.

    Returns:
        The folds' outcomes, in the folds' order.

    Raises:
        MonitorError: As `run_fold` says; the other folds are stopped and can be resumed.
        TrainingError: A process was ended from outside, for want of memory for example.
    """
    # The server of forks loads the libraries once; no thread runs in it that a fork could break.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    messages: Any = context.Queue()
    waiting = list(range(len(titles)))
    running: dict[int, BaseProcess] = {}
    outcomes: dict[int, FoldOutcome] = {}
    with ExitStack() as listening:
        listeners: dict[int, Listener] = {}
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    fold = waiting.pop(0)
                    listeners[fold] = listening.enter_context(make_listener(*titles[fold], fold_folder(folder, fold)))
                    running[fold] = context.Process(target=_work, args=(config, folder, fold, messages), daemon=True)
                    running[fold].start()
                try:
                    fold, kind, content = messages.get(timeout=_LOOK_AGAIN_SECONDS)
                except queue.Empty:
                    _check_alive(running)
                    continue
                if kind == "done":
                    outcomes[fold] = content
                    running.pop(fold).join()
                elif kind == "failed":
                    raise error_of(*content)
                else:
                    forward(listeners[fold], kind, content)
        finally:
            for process in running.values():
                process.terminate()
            for process in running.values():
                process.join()
            messages.close()
            messages.join_thread()
    return [outcomes[fold] for fold in sorted(outcomes)]


def _check_alive(running: dict[int, BaseProcess]) -> None:
    for fold, process in running.items():
        if process.exitcode not in {None, 0}:
            raise TrainingError(
                f"the process of fold {fold + 1} was ended ({describe_exit(process.exitcode)}), perhaps for want of "
                "memory; start the same command again to go on, with --jobs 1 if it happens again"
            )


def forward(listener: Listener, kind: str, content: Any) -> None:  # noqa: ANN401 - what the kind says
    """Give a listener what a fold reported from elsewhere: `batch`, `epoch` or `note`."""
    if kind == "batch":
        listener.batch_done(*content)
    elif kind == "epoch":
        listener.epoch_done(content)
    else:
        listener.note(content)


def error_of(module: str, name: str, message: str) -> MonitorError:
    """Return the error that a process met, as one of the trainer's kinds."""
    import trainer.errors

    kind = getattr(trainer.errors, name, None) if module == "trainer.errors" else None
    return kind(message) if kind is not None else TrainingError(message)
