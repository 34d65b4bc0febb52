"""Names of keys and channels in Redis."""

from dataclasses import dataclass

from monitor.control.requests import WHOLE_STATION

__all__ = ["DISPUTED", "Keys", "id_after", "id_before", "id_order"]

DISPUTED = "disputed"
"""Field of a bed's alarm state: another station wrote of the bed's alerts after the one that watches it."""
_LAST_SEQUENCE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Keys:
    """The names that one station uses.

    Args:
        prefix: Common beginning of all names.
        station: Id of the station.
    """

    prefix: str
    station: str

    @property
    def alerts(self) -> str:
        """The stream that is the record of all alerts."""
        return f"{self.prefix}:alerts"

    @property
    def commands(self) -> str:
        """The stream through which commands come in."""
        return f"{self.prefix}:commands:{self.station}"

    def answer(self, command_id: str) -> str:
        """Return the key under which the station says for a minute what came of a command."""
        return f"{self.prefix}:answer:{self.station}:{command_id}"

    @property
    def heartbeat(self) -> str:
        """The key that exists while the station is watching."""
        return f"{self.prefix}:heartbeat:{self.station}"

    @property
    def retirement(self) -> str:
        """The key that says for a minute that somebody took the station out of service; each time another word."""
        return f"{self.prefix}:retired:{self.station}"

    def doorbell(self, bed: str | None) -> str:
        """Return the channel on which alerts of a bed (None: of the whole station) are called out."""
        return f"{self.prefix}:alerts:{bed or WHOLE_STATION}"

    def state(self, bed: str) -> str:
        """Return the hash that shows what a bed is like now."""
        return f"{self.prefix}:state:{bed}"

    def claim(self, bed: str | None) -> str:
        """Return the key through which stations notice that they share a bed (None: the station's own id)."""
        return f"{self.prefix}:claim:station:{self.station}" if bed is None else f"{self.prefix}:claim:bed:{bed}"

    def history(self, bed: str) -> str:
        """Return the stream with the last hours of a bed, a minute an entry."""
        return f"{self.prefix}:history:{bed}"

    @property
    def beds(self) -> str:
        """The hash of all beds that stations share: id to document."""
        return f"{self.prefix}:beds"

    @property
    def leases(self) -> str:
        """The stream whose consumer group says who watches which bed."""
        return f"{self.prefix}:beds:leases"

    @property
    def entries(self) -> str:
        """The hash of each bed's entry in that stream."""
        return f"{self.prefix}:beds:entries"

    @property
    def offers(self) -> str:
        """The hash of beds that their station hands to another one."""
        return f"{self.prefix}:beds:offers"

    @property
    def meta(self) -> str:
        """The hash with the version of the shared beds."""
        return f"{self.prefix}:beds:meta"

    @property
    def stations(self) -> str:
        """The set of all stations that ever shared beds."""
        return f"{self.prefix}:beds:stations"

    def station_card(self, station: str) -> str:
        """Return the hash that says what a station is, while it lives."""
        return f"{self.prefix}:beds:station:{station}"

    def alarm_state(self, bed: str) -> str:
        """Return the hash from which the next station goes on with a bed's alarms."""
        return f"{self.prefix}:beds:alarms:{bed}"

    def bed_commands(self, bed: str) -> str:
        """Return the stream of commands to a bed, on whichever station."""
        return f"{self.prefix}:commands:bed:{bed}"


def id_after(entry_id: str) -> str:
    """Return the smallest id that follows a stream's entry: `(id`, which Redis before 6.2 does not know."""
    milliseconds, sequence = id_order(entry_id)
    return f"{milliseconds + 1}-0" if sequence == _LAST_SEQUENCE else f"{milliseconds}-{sequence + 1}"


def id_before(entry_id: str) -> str:
    """Return the largest id that comes before a stream's entry; that of the first possible entry is itself no entry."""
    milliseconds, sequence = id_order(entry_id)
    if sequence > 0:
        return f"{milliseconds}-{sequence - 1}"
    return f"{milliseconds - 1}-{_LAST_SEQUENCE}" if milliseconds > 0 else "0-0"


def id_order(entry_id: str) -> tuple[int, int]:
    """Return what a stream's ids are ordered by: milliseconds, and the number within them.

    Raises:
        ValueError: It is no id.
    """
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
