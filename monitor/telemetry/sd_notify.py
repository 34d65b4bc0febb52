"""Messages to systemd (sd_notify(3)): ready, alive, what is going on, stopping."""

import os
import socket

__all__ = ["ServiceNotifier"]


class ServiceNotifier:
    """Speaks to the service manager that started this process; silent where there is none.

    Args:
        environment: Holds NOTIFY_SOCKET; the process's own when absent.
    """

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        values = dict(os.environ) if environment is None else environment
        address = values.get("NOTIFY_SOCKET", "")
        # A leading @ stands for Linux's abstract name space, whose addresses begin with a zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    @property
    def present(self) -> bool:
        """Whether there is a service manager to speak to."""
        return bool(self._address)

    def ready(self, status: str = "") -> None:
        """Say that start-up is complete."""
        self._send("READY=1" + (f"\nSTATUS={_one_line(status)}" if status else ""))

    def feed(self) -> None:
        """Say that every loop still turns."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Say in one line what is going on; shown by `systemctl status`."""
        self._send(f"STATUS={_one_line(text)}")

    def stopping(self) -> None:
        """Say that the process is about to end."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(0.0)  # never wait for the manager
                channel.sendto(message.encode(), self._address)
        except OSError:
            # The manager went away or is too busy; it notices silence by itself.
            return


def _one_line(text: str) -> str:
    return " ".join(text.split())
