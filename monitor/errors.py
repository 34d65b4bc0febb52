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

import re
from enum import StrEnum

__all__ = [
    "BundleError",
    "ConfigError",
    "EngineError",
    "EngineInputError",
    "HistoryError",
    "MonitorError",
    "PublishError",
    "RefusalCode",
    "RefusedError",
    "SpoolError",
    "VideoError",
    "without_logins",
]

_LOGIN = re.compile(r"(?<=[a-z0-9]:)(//?)[^/\s@]+@", re.IGNORECASE)


def without_logins(text: str) -> str:
    """Return a text without the logins of addresses, also of one that was taken for a path (`rtsp:/user:...@host`)."""
    return _LOGIN.sub(r"\1***@", text)


class MonitorError(Exception):
    """Base of all errors that are meant for the user."""

    def __str__(self) -> str:
        """Return the sentence, without the logins of addresses in it."""
        return without_logins(super().__str__())


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

    @property
    def words(self) -> str:
        """The message; a `monitor.phrases.Phrase` can be said in the reader's language."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else str(self)


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


class RefusalCode(StrEnum):
    """Why a request is refused, for programs: the sentence beside it differs from language to language."""

    NOT_LOGGED_IN = "not_logged_in"
    ROLE_MISSING = "role_missing"
    OTHER_SITE = "other_site"
    HOST_UNKNOWN = "host_unknown"
    USER_UNKNOWN = "user_unknown"
    PROXY_AMBIGUOUS = "proxy_ambiguous"
    BED_UNKNOWN = "bed_unknown"
    BED_EMPTY = "bed_empty"
    BED_UNWATCHED = "bed_unwatched"
    BED_MISSING = "bed_missing"
    BEDS_LIMITED = "beds_limited"
    ALERT_UNKNOWN = "alert_unknown"
    ALERT_OF_WARD = "alert_of_ward"
    PAUSE_TOO_LONG = "pause_too_long"
    STANDBY_TOO_LONG = "standby_too_long"
    STANDBY_ENDLESS = "standby_endless"
    PROCEDURE_TOO_LONG = "procedure_too_long"
    UNDO_TOO_LATE = "undo_too_late"
    NAME_WRONG = "name_wrong"
    PSEUDONYM_WRONG = "pseudonym_wrong"
    REASON_WRONG = "reason_wrong"
    BEDS_WRONG = "beds_wrong"
    USER_EXISTS = "user_exists"
    LAST_ADMIN = "last_admin"
    PASSWORD_SHORT = "password_short"  # noqa: S105 - a code
    PERIOD_WRONG = "period_wrong"
    TOO_MANY_POINTS = "too_many_points"
    HISTORY_OFF = "history_off"
    HISTORY_UNREADABLE = "history_unreadable"
    PICTURE_NONE = "picture_none"
    NOT_A_WARD = "not_a_ward"
    CONFIGURATION_NONE = "configuration_none"
    CONFIGURATION_REFUSED = "configuration_refused"
    CAMERA_WRONG = "camera_wrong"
    CAMERA_BUSY = "camera_busy"
    CAMERA_UNTRIED = "camera_untried"
    PUSH_OFF = "push_off"
    PUSH_SERVICE_UNKNOWN = "push_service_unknown"
    PUSH_KEYS_WRONG = "push_keys_wrong"
    PUSH_TOO_MANY = "push_too_many"
    PUSH_DEVICE_UNKNOWN = "push_device_unknown"
    PUSH_BUSY = "push_busy"
    LANGUAGE_UNKNOWN = "language_unknown"
    NOT_DELIVERED = "not_delivered"
    VALUES_WRONG = "values_wrong"
    IMPOSSIBLE = "impossible"


class RefusedError(MonitorError, ValueError):
    """What a person asked of a running station is not allowed, or cannot be done.

    Args:
        words: One sentence; a `monitor.localization.Phrase` can be said in the reader's language.
        code: The same in every language.
    """

    def __init__(self, words: str, code: RefusalCode = RefusalCode.IMPOSSIBLE) -> None:
        super().__init__(words)
        self.words = words
        self.code = code
