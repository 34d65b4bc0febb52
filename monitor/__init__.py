"""Real-time monitor of newborns' faces: camera streams in, alerts and metrics out.

Research software, not a medical device. No alert does not mean no pain.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("nicu-pain-monitor")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
