"""How a process ended, in words."""

import signal

__all__ = ["describe_exit"]


def describe_exit(status: int | None) -> str:
    """Return `exit status 3`, `killed by SIGKILL`, or that it has not ended.

    Args:
        status: As `subprocess` and `multiprocessing` give it: the negative number of the signal that ended the process;
            None where it has not ended.
    """
    if status is None:
        return "it does not end"
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:  # real-time signals have no names
        return f"killed by signal {-status}"
