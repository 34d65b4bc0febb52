"""Ports for the servers of tests that run side by side."""

import itertools
import os
import random
import socket

# Below the ports that Linux gives to outgoing connections (32768 and up): one of these could otherwise take a port
# between the moment it was found free and the moment the test's server listens. Each of the workers of pytest-xdist
# has a range of its own for the same reason, and so has a run without workers, which may be beside one with some.
_FIRST, _PER_WORKER, _WORKERS = 12_000, 1_000, 16
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", f"gw{_WORKERS - 1}").removeprefix("gw")) % _WORKERS
# Another run on the same machine most likely begins elsewhere.
_offsets = itertools.count(random.SystemRandom().randrange(_PER_WORKER))


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on now, and that this process had not before."""
    for offset in itertools.islice(_offsets, _PER_WORKER):
        port = _FIRST + _PER_WORKER * _worker + offset % _PER_WORKER
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port is free from {_FIRST + _PER_WORKER * _worker} on")
