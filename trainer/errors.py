"""What can go wrong in the trainer, as leaves of the project's one error tree.

MonitorError
|-- DataError          an image set, manifest or crop set is missing, damaged or cannot serve
|-- SettingsError      a configuration, preset or command-line value is wrong
|-- CheckpointError    a checkpoint is missing, damaged or of another network
`-- TrainingError      a training run cannot go on
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.errors import ConfigError, MonitorError

__all__ = ["CheckpointError", "DataError", "SettingsError", "TrainingError", "naming"]


class DataError(MonitorError):
    """An image set, manifest or crop set is missing, damaged or cannot serve."""


class SettingsError(ConfigError):
    """A configuration, a preset or a command-line value is wrong."""


class CheckpointError(MonitorError):
    """A checkpoint is missing, damaged, or belongs to another network."""


class TrainingError(MonitorError):
    """A training run cannot go on."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put a file's name before the sentence of every data error within that does not name it already."""
    try:
        yield
    except DataError as error:
        if str(path) in str(error):
            raise
        raise DataError(f"{path}: {error}") from error
