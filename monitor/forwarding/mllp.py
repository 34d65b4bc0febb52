"""HL7 v2 over MLLP: one message, one answer."""

import socket
import uuid
from contextlib import suppress

import hl7

from monitor.clock import Clock
from monitor.forwarding.hl7_report import compose_report
from monitor.forwarding.message import DeliveryError, Message, MessageRefusedError
from monitor.forwarding.settings import Hl7Settings

__all__ = ["Mllp"]

_START, _END = b"\x0b", b"\x1c\r"
_LARGEST_ANSWER_BYTES = 65_536
# Application and commit accept; application and commit error or reject (HL7 table 0008).
_ACCEPTED = frozenset({"AA", "CA"})
_REFUSED = frozenset({"AE", "AR", "CE", "CR"})


class Mllp:
    """One receiver of HL7 v2 messages.

    Args:
        settings: Where to, and how messages are marked.
        clock: Time of the messages.
    """

    def __init__(self, settings: Hl7Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._socket: socket.socket | None = None

    def send(self, message: Message) -> None:
        """Send one message, and read the answer.

        Raises:
            MessageRefusedError: The receiver answers that it does not take it.
            DeliveryError: It cannot be reached, or its answer is none.
        """
        # The same message has the same control id at every attempt, by which receivers know repeats.
        control_id = uuid.uuid5(uuid.NAMESPACE_URL, message.key).hex[:20]
        text = compose_report(message, self._settings, control_id, self._clock.wall())
        try:
            answer = self._exchange(text.encode())
        except OSError as error:
            self.close()
            raise DeliveryError(f"the receiver cannot be reached ({type(error).__name__})") from error
        self._check(answer, control_id)

    def _exchange(self, content: bytes) -> bytes:
        until_seconds = self._clock.monotonic() + self._settings.timeout_seconds
        if self._socket is None:
            address = (self._settings.host, self._settings.port)
            self._socket = socket.create_connection(address, self._settings.timeout_seconds)
        self._socket.settimeout(self._settings.timeout_seconds)
        self._socket.sendall(_START + content + _END)
        answer = b""
        while not answer.endswith(_END):
            left_seconds = until_seconds - self._clock.monotonic()
            if left_seconds <= 0.0:
                raise TimeoutError("the receiver does not finish its answer")
            self._socket.settimeout(left_seconds)
            part = self._socket.recv(4096)
            if not part or len(answer) > _LARGEST_ANSWER_BYTES:
                raise ConnectionError("the receiver ended its answer in the middle")
            answer += part
        return answer

    def _check(self, answer: bytes, control_id: str) -> None:
        try:
            segment = hl7.parse(answer.removeprefix(_START).removesuffix(_END).decode("utf-8", "replace")).segment(
                "MSA"
            )
            code, answered_id = str(segment[1]), str(segment[2])
        except (hl7.exceptions.HL7Exception, KeyError, IndexError, ValueError) as error:
            self.close()
            raise DeliveryError("the receiver's answer is no HL7 acknowledgement") from error
        if answered_id != control_id:
            self.close()
            raise DeliveryError("the receiver acknowledged another message")
        if code in _REFUSED:
            raise MessageRefusedError(f"the receiver refused it ({code})")
        if code not in _ACCEPTED:
            raise DeliveryError(f"the receiver's answer has an unknown code ({code[:8]})")

    def close(self) -> None:
        """Close the connection; the next message opens a new one."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None
