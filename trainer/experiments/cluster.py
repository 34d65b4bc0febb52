"""Trainings on the machines of a Ray cluster: each fold is one task on one core, or on one GPU.

Every machine must see the same folders under the same names (a network file system), and have the same version of this
program. A task is the same code as a fold in a process of this machine, with one thread: its numbers are the same. A
task whose machine dies begins again on another one, from the checkpoint of the last epoch in the shared folder.

Everybody who reaches the ports of a Ray cluster runs programs on it. It is therefore used with its token only.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from monitor.errors import MonitorError
from trainer.crops import open_study
from trainer.errors import SettingsError, TrainingError
from trainer.evaluation.clip_results import ClipResults
from trainer.experiments.config import ExperimentConfig
from trainer.experiments.fitting import FinalModel, fit_all
from trainer.experiments.fold import FoldOutcome, fold_folder, run_fold
from trainer.experiments.fold_processes import error_of, forward
from trainer.experiments.planning import plan_network
from trainer.experiments.run import Run
from trainer.protocols import read_fold_map
from trainer.training import EpochReport, Listener, MakeListener, resolve_device

__all__ = ["Cluster"]

_LOOK_AGAIN_SECONDS = 0.5
_EVERY_BATCHES = 8
_RESTARTS = 20
_CONNECT_SECONDS = 5.0
_REFUSED = "AuthenticationError"


class Cluster:
    """A connection to a Ray cluster; a context manager.

    Args:
        address: `HOST:PORT` of its head, or `auto` on one of its machines; this machine must be one of them.

    Raises:
        SettingsError: Ray is not installed, authentication is off, or the token is wrong.
        TrainingError: No cluster answers there.
    """

    def __init__(self, address: str) -> None:
        if os.environ.setdefault("RAY_AUTH_MODE", "token") != "token":
            raise SettingsError(
                "RAY_AUTH_MODE is not `token`: everybody who reaches an open Ray port runs programs on its machines; "
                "start the cluster with RAY_AUTH_MODE=token"
            )
        if address != "auto":
            _check_listens(address)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise SettingsError("--cluster needs Ray: pip install 'nicu-pain-monitor[cluster]'") from None
        self._ray: Any = ray
        self._cancelled = threading.Event()
        try:
            with _silent_stderr():
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # noqa: BLE001 - Ray has no common class for these
            if any(_REFUSED in text for text in (type(error).__name__, str(error), str(error.__cause__))):
                raise SettingsError(
                    f"the Ray cluster at {address} refuses this token; give its own in RAY_AUTH_TOKEN or "
                    "RAY_AUTH_TOKEN_PATH, or `ray get-auth-token` on its head"
                ) from None
            # Something listens there: another version of Ray or Python, say, which Ray names in its first line.
            why = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise TrainingError(f"the Ray cluster at {address} cannot be used: {why.strip()}") from None

    def __enter__(self) -> Self:
        """Return the cluster."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the cluster; tasks that still run are ended."""
        self._ray.shutdown()

    def cancel(self) -> None:
        """End all trainings that run, from any thread; what they have done so far is kept."""
        self._cancelled.set()

    def run_folds(
        self, config: ExperimentConfig, folder: Path, titles: list[tuple[str, int]], make_listener: MakeListener
    ) -> list[FoldOutcome]:
        """Run all folds of `folder`'s fold map, as many at a time as the cluster has room for.

        Args:
            config: What to do.
            folder: The run's folder, which holds its fold map and which every machine sees.
            titles: Title and planned epochs of each fold.
            make_listener: Makes the listener to each fold's progress.

        Returns:
            The folds' outcomes, in the folds' order.

        Raises:
            MonitorError: As `run_fold` says; the other folds are ended and can be resumed.
            TrainingError: Machines died too often.
        """
        needs = self._needs(config)
        shared = _shared(config)
        with ExitStack() as listening:
            listeners = [
                listening.enter_context(make_listener(*title, fold_folder(folder, fold)))
                for fold, title in enumerate(titles)
            ]
            return self._run(
                [(_run_one_fold, (shared, folder.resolve(), fold)) for fold in range(len(titles))], listeners, needs
            )

    def fit(
        self,
        config: ExperimentConfig,
        folder: Path,
        final: FinalModel,
        cross_validation: Run | None,
        make_listener: MakeListener,
        clips: ClipResults | None,
    ) -> Path:
        """Do what `fit_all` does, on a machine of the cluster.

        Raises:
            MonitorError: As `fit_all` says.
            TrainingError: Machines died too often.
        """
        arguments = (_shared(config), folder.resolve(), final, cross_validation, clips)
        with make_listener(f"{config.model}, all infants", plan_network(config).training.epochs, folder) as listener:
            path: Path = self._run([(_fit, arguments)], [listener], self._needs(config))[0]
        return path

    def _needs(self, config: ExperimentConfig) -> dict[str, float]:
        is_gpu = resolve_device(config.training.get("device", "auto")).type == "cuda"
        return {"num_cpus": 1, "num_gpus": 1 if is_gpu else 0}

    def _run(
        self,
        works: list[tuple[Callable[..., Any], tuple[Any, ...]]],
        listeners: list[Listener],
        needs: dict[str, float],
    ) -> list[Any]:
        ray = self._ray
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        # On this machine: when another dies, the progress of all others is still known.
        messages = ray.remote(num_cpus=0, scheduling_strategy=here)(_Messages).remote()
        tasks = {
            ray.remote(max_retries=_RESTARTS, **needs)(work).remote(*arguments, messages): index
            for index, (work, arguments) in enumerate(works)
        }
        results: dict[int, Any] = {}
        waiting = list(tasks)
        try:
            while waiting:
                done, waiting = ray.wait(waiting, timeout=_LOOK_AGAIN_SECONDS)
                for index, kind, content in ray.get(messages.take.remote()):
                    forward(listeners[index], kind, content)
                for task in done:
                    kind, content = ray.get(task)
                    if kind == "failed":
                        raise error_of(*content)
                    results[tasks[task]] = content
                if self._cancelled.is_set():
                    raise TrainingError("ended, because another training on the cluster failed")
        except ray.exceptions.RayTaskError:
            raise  # a fault of this program: its traceback is that of the task
        except ray.exceptions.RayError as error:
            raise TrainingError(
                f"the cluster lost a training for good ({type(error).__name__}); start the same command again to go on"
            ) from None
        finally:
            for task in waiting:
                ray.cancel(task, force=True)
            ray.kill(messages)
        return [results[index] for index in sorted(results)]


def _no_answer(address: str) -> str:
    return f"no Ray cluster answers at {address}; start one with `ray start`, this machine included"


def _check_listens(address: str) -> None:
    """Fail at once where nothing listens: Ray tries for minutes.

    Raises:
        SettingsError: This is no HOST:PORT.
        TrainingError: Nothing listens there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise SettingsError(
            f"--cluster {address}: give HOST:PORT of the cluster's head, or `auto` on one of its machines"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError):
        raise TrainingError(_no_answer(address)) from None


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drop what is written to file 2: Ray's library writes a warning for each attempt to connect, at any log level."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class _Messages:
    """What the tasks report, until this program takes it; lives in a process of its own."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str, Any]] = []

    def put(self, index: int, kind: str, content: Any) -> None:  # noqa: ANN401 - what the kind says
        """Keep a message."""
        self._found.append((index, kind, content))

    def take(self) -> list[tuple[int, str, Any]]:
        """Return the messages since the last time."""
        found, self._found = self._found, []
        return found


class _Reporter:
    """A listener that reports to the program that started the run."""

    def __init__(self, index: int, messages: Any) -> None:  # noqa: ANN401 - an actor of Ray
        self._index, self._messages = index, messages
        self._last: Any = None

    def batch_done(self, epoch: int, done: int, total: int) -> None:
        """Report every eighth batch and the last one."""
        if done % _EVERY_BATCHES == 0 or done == total:
            self._put("batch", (epoch, done, total))

    def epoch_done(self, report: EpochReport) -> None:
        """Pass on."""
        self._put("epoch", report)

    def note(self, message: str) -> None:
        """Pass on."""
        self._put("note", message)

    def _put(self, kind: str, content: Any) -> None:  # noqa: ANN401 - what the kind says
        self._last = self._messages.put.remote(self._index, kind, content)

    def flush(self) -> None:
        """Wait until everything has arrived: an actor takes one sender's calls in their order."""
        if self._last is not None:
            import ray

            ray.get(self._last)


def _shared(config: ExperimentConfig) -> ExperimentConfig:
    """Return an experiment whose paths mean the same in every folder that a task may run in."""
    paths = {
        name: path.resolve()
        for name in ExperimentConfig.model_fields
        if isinstance(path := getattr(config, name), Path)
    }
    return config.model_copy(update=paths)


def _run_one_fold(config: ExperimentConfig, folder: Path, fold: int, messages: Any) -> tuple[str, Any]:  # noqa: ANN401 - as above
    reporter = _Reporter(fold, messages)

    def work() -> FoldOutcome:
        study = open_study(config.manifest, config.crops)
        chosen = read_fold_map(folder / "folds.json", study).folds[fold]
        return run_fold(config, study, chosen, fold_folder(folder, fold), reporter)

    return _outcome(work, reporter)


def _fit(
    config: ExperimentConfig,
    folder: Path,
    final: FinalModel,
    cross_validation: Run | None,
    clips: ClipResults | None,
    messages: Any,  # noqa: ANN401 - as above
) -> tuple[str, Any]:
    reporter = _Reporter(0, messages)

    def listen(*_: object) -> AbstractContextManager[Listener]:
        return nullcontext(reporter)

    return _outcome(lambda: fit_all(config, folder, final, cross_validation, listen, clips), reporter)


def _outcome(work: Callable[[], Any], reporter: _Reporter) -> tuple[str, Any]:
    try:
        return "done", work()
    except MonitorError as error:
        return "failed", (type(error).__module__, type(error).__name__, str(error))
    finally:
        reporter.flush()
