"""One experiment with several seeds: how much of a result is the luck of a division and of a start.

The standard deviation over folds mixes other infants with other seeds. Repeats divide the same infants otherwise and
start the networks otherwise; all infants are tested in each, so the spread over repeats is of the seeds alone.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.atomic_file import write_atomically
from trainer.errors import DataError
from trainer.experiments.config import ExperimentConfig
from trainer.training import MakeListener, no_progress

if TYPE_CHECKING:
    from trainer.experiments.cluster import Cluster

__all__ = ["REPEATS_NAME", "cross_validate_repeatedly", "read_repeats", "repeat_folder", "spread_of"]

REPEATS_NAME = "repeats.json"
_AT_ONCE = 32
"""Repeats that wait for the cluster at the same time."""


def repeat_folder(folder: Path, seed: int) -> Path:
    """Return where the repeat with a seed is written; each is a run of its own."""
    return folder / "repeats" / f"seed-{seed}"


def cross_validate_repeatedly(
    config: ExperimentConfig,
    folder: Path,
    repeats: int,
    make_listener: MakeListener = no_progress,
    jobs: int = 1,
    cluster: "Cluster | None" = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run an experiment with its own seed and with the seeds that follow; what was finished is taken as it is.

    Args:
        config: With the first seeds, of the folds and of the training.
        folder: Becomes the run with the first seed; the others are in `repeats` within it.
        repeats: How many runs in all, at least 2.
        make_listener: As for `cross_validate`.
        jobs: As for `cross_validate`.
        cluster: As for `cross_validate`; the repeats after the first then run beside each other.

    Returns:
        The content of metrics.json of the first run, and of repeats.json.

    Raises:
        MonitorError: As `cross_validate` says.
    """
    from trainer.experiments.cross_validation import cross_validate

    first = cross_validate(config, folder, make_listener, jobs, cluster)
    training = int(config.training.get("seed", 0))
    seeds = [config.protocol.seed + step for step in range(repeats)]

    def repeat(step: int) -> dict[str, Any]:
        changed = config.model_copy(
            update={
                "protocol": config.protocol.model_copy(update={"seed": seeds[step]}),
                "training": config.training | {"seed": training + step},
            }
        )
        return cross_validate(changed, repeat_folder(folder, seeds[step]), make_listener, jobs, cluster)

    if cluster is None:
        results = [first, *(repeat(step) for step in range(1, repeats))]
    else:
        results = [first, *_beside_each_other(repeat, range(1, repeats), cluster)]
    summary = {"seeds": seeds, "metrics": spread_of(results)}
    write_atomically(folder / REPEATS_NAME, (json.dumps(summary, indent=1) + "\n").encode())
    return first, summary


def _beside_each_other(
    repeat: Callable[[int], dict[str, Any]], steps: Sequence[int], cluster: "Cluster"
) -> list[dict[str, Any]]:
    """Run repeats beside each other; the first that fails ends all."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = [pool.submit(repeat, step) for step in steps]
        try:
            for done in as_completed(running):
                done.result()
        except BaseException:
            cluster.cancel()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [item.result() for item in running]


def spread_of(results: list[dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Return, for each pooled metric, mean and standard deviation over repeats and the mean deviation over folds.

    Args:
        results: Content of each repeat's metrics.json.
    """
    found = {}
    for name in results[0]["pooled"]:
        values = np.array([r["pooled"][name]["value"] for r in results if r["pooled"][name]["value"] is not None])
        folds = np.array(
            [
                r["mean_over_folds"][name]["sd"]
                for r in results
                if r["mean_over_folds"].get(name, {}).get("sd") is not None
            ]
        )
        found[name] = {
            "mean": float(values.mean()) if len(values) else None,
            "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
            "fold_sd": float(folds.mean()) if len(folds) else None,
        }
    return found


def read_repeats(folder: Path) -> dict[str, Any] | None:
    """Return the content of a run's repeats.json; None where it was run once.

    Raises:
        DataError: It is damaged.
    """
    path = folder / REPEATS_NAME
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    return content
