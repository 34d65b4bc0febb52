"""Frees what lies on a device that may be lost."""

import logging
from typing import Protocol

from monitor.inference.tensors import first_line

__all__ = ["Closable", "free"]

_log = logging.getLogger(__name__)


class Closable(Protocol):
    """What is freed with `close`."""

    def close(self) -> None:
        """Free what it holds."""
        ...


def free(resource: Closable, name: str) -> None:
    """Close something; a failure is logged and goes no further, for nobody can free it any more.

    Args:
        resource: An engine, or what holds some.
        name: What it is, for the log.
    """
    try:
        resource.close()
    except Exception as error:  # noqa: BLE001 - on a lost device libraries raise errors of many kinds of their own
        _log.warning("%s could not be freed: %s", name, first_line(error))
