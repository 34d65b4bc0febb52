"""Every error that a user can meet, as one tree.

    MonitorError
    |-- ConfigError         a configuration file is missing or wrong
    |-- BundleError         a model bundle is missing, damaged or does not fit
    |   `-- EngineError     an inference engine cannot be built, loaded or run
    |       `-- EngineInputError    an engine was given tensors that its model does not take
    |-- VideoError          a video source cannot be opened, decoded or has ended
    |-- PublishError        an alert cannot be stored or delivered
    |   `-- SpoolError      the on-disk record cannot be opened, read or written
    `-- RefusedError        what a person asked of a station is not allowed, or cannot be done

The message is one sentence: what, where, and what to do about it. It never holds a credential.
"""

__all__ = [
    "BundleError",
    "ConfigError",
    "EngineError",
    "EngineInputError",
    "HistoryError",
    "MonitorError",
    "PublishError",
    "RefusedError",
    "SpoolError",
    "VideoError",
]


class MonitorError(Exception):
    """Base of all errors that are meant for the user."""


class ConfigError(MonitorError):
    """A configuration file is missing, unreadable or wrong."""


class BundleError(MonitorError):
    """A model bundle is missing, damaged, or not of the kind that was asked for."""


class EngineError(BundleError):
    """An inference engine cannot be built, loaded or run."""


class EngineInputError(EngineError):
    """An engine was given tensors that its model does not take; the engine itself works."""


class VideoError(MonitorError):
    """A video source cannot be opened or decoded, or has ended."""


class PublishError(MonitorError):
    """An alert cannot be stored or delivered."""


class SpoolError(PublishError):
    """The on-disk record of alerts cannot be opened, read or written.

    Args:
        message: One sentence for the user.
        damaged: The file itself is corrupt, so that trying again cannot help.
        in_use: Another station holds the state directory, so that this one must not start.
    """

    def __init__(self, message: str, *, damaged: bool = False, in_use: bool = False) -> None:
        super().__init__(message)
        self.damaged = damaged
        self.in_use = in_use


class HistoryError(MonitorError):
    """The record of levels and alerts behind trends and handover cannot be opened, read or written.

    Args:
        message: One sentence for the user.
        damaged: The file itself is of no use, so that trying again cannot help.
    """

    def __init__(self, message: str, *, damaged: bool = False) -> None:
        super().__init__(message)
        self.damaged = damaged


class RefusedError(MonitorError):
    """What a person asked of a running station is not allowed, or cannot be done."""
