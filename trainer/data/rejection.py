"""Why a picture is not taken into a data set."""

from enum import StrEnum

from trainer.errors import DataError

__all__ = ["Reason", "RejectedImageError"]


class Reason(StrEnum):
    """Every reason for leaving a picture out; reports count them by this word."""

    UNKNOWN_NAME = "unknown_name"
    NO_LABEL = "no_label"
    BAD_ROW = "bad_row"
    BAD_NAME = "bad_name"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_A_PICTURE = "not_a_picture"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    NOT_A_NUMBER = "not_a_number"
    DUPLICATE = "duplicate"
    CONFLICTING_LABEL = "conflicting_label"


class RejectedImageError(DataError):
    """A picture cannot be used.

    Args:
        reason: The kind.
        message: One sentence that names the file.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
