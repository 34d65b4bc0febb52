"""What people ask on the ward's page goes to the bed, as a command over Redis; its station does it."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from monitor.board.board import Board
from monitor.config import RedisSettings
from monitor.config.secret_file import read_secret_file
from monitor.control.requests import (
    WHOLE_STATION,
    Acknowledge,
    Admit,
    Discharge,
    OperatorRequest,
    Pause,
    Procedure,
    Resume,
    Standby,
    Undo,
    Withdraw,
)
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.errors import ConfigError, RefusalCode, RefusedError
from monitor.localization import Phrase
from monitor.ward.reader import WardView

__all__ = ["WardRequests"]

_log = logging.getLogger(__name__)

_LONGEST_STREAM = 10_000


class WardRequests:
    """Sends commands; every method may be called from any thread.

    Args:
        redis: Where to.
        station: Id of the ward's own process.
        board: Finds the bed of an alert.
        view: Returns who watches what.
        token_file: Token of the ward's page; None where the stations ask for none.

    Raises:
        ConfigError: The token cannot be read.
    """

    def __init__(
        self, redis: RedisSettings, station: str, board: Board, view: Callable[[], WardView], token_file: Path | None
    ) -> None:
        self._settings = redis
        self._prefix = redis.key_prefix
        self._station = station
        self._board = board
        self._view = view
        self._client: Any = connect_redis(redis)
        self._token = None
        if token_file is not None:
            try:
                self._token = read_secret_file(token_file)
            except ValueError as error:
                raise ConfigError(f"fleet.command_token_file: {token_file} {error}") from None

    def handle(self, request: OperatorRequest) -> bool:
        """Send what is asked to the bed that it concerns.

        Raises:
            RefusedError: Nobody can do it: the alert is the ward's own, or Redis is away.
        """
        fields = _fields(request)
        stream = self._stream(request)
        if self._token is not None:
            fields["token"] = self._token
        try:
            self._client.xadd(stream, fields, maxlen=_LONGEST_STREAM, approximate=True)
        except (RedisError, OSError) as error:
            reason = describe_failure(error, redis_address(self._settings))
            words = Phrase("this did not reach the station: {reason}", reason=reason)
            raise RefusedError(words, RefusalCode.NOT_DELIVERED) from None
        return True

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _stream(self, request: OperatorRequest) -> str:
        if isinstance(request, Acknowledge | Withdraw):
            episode = self._board.find_alert(request.alert_id)
            if episode is None:
                raise RefusedError(Phrase("there is no such alert"), RefusalCode.ALERT_UNKNOWN)
            bed, station = episode.newest.bed, episode.newest.station
            if station == self._station:
                words = Phrase("this is the ward's own notice: it ends by itself when its cause is over")
                raise RefusedError(words, RefusalCode.ALERT_OF_WARD)
        else:
            bed, station = request.bed, None
        if bed is None and station is None:
            words = Phrase("say which bed is meant; a ward has no conditions of its own to pause")
            raise RefusedError(words, RefusalCode.BED_MISSING)
        view = self._view()
        owner = station if bed is None else view.beds.get(bed)
        if bed is not None and bed in view.shared:
            return Keys(self._prefix, self._station).bed_commands(bed)
        if owner is None:
            raise RefusedError(Phrase("no station watches bed {bed} now", bed=bed), RefusalCode.BED_UNWATCHED)
        return Keys(self._prefix, owner).commands


def _fields(request: OperatorRequest) -> dict[str, str]:
    """Return a request as the fields of a command."""
    match request:
        case Acknowledge() | Withdraw():
            action = "acknowledge" if isinstance(request, Acknowledge) else "withdraw"
            return {"action": action, "alert_id": request.alert_id, "by": request.by}
        case Pause():
            seconds = {} if request.duration_seconds is None else {"seconds": f"{request.duration_seconds:g}"}
            return {"action": "pause", "bed": request.bed or WHOLE_STATION, "by": request.by, **seconds}
        case Resume():
            return {"action": "resume", "bed": request.bed or WHOLE_STATION, "by": request.by}
        case Admit():
            infant = {} if request.infant is None else {"infant": request.infant}
            return {"action": "admit", "bed": request.bed, "by": request.by, **infant}
        case Discharge() | Undo():
            statement = {"statement": str(request.statement)} if isinstance(request, Undo) else {}
            action = "undo" if isinstance(request, Undo) else "discharge"
            return {"action": action, "bed": request.bed, "by": request.by, **statement}
        case Procedure() | Standby():
            return _limited_fields(request)


def _limited_fields(request: Procedure | Standby) -> dict[str, str]:
    seconds = {} if request.duration_seconds is None else {"seconds": f"{request.duration_seconds:g}"}
    common = {"bed": request.bed, "by": request.by, **seconds}
    if isinstance(request, Procedure):
        return {"action": "procedure", "kind": str(request.kind), "note": request.note, **common}
    until_face = "true" if request.until_face else "false"
    return {"action": "standby", "reason": request.reason, "until_face": until_face, **common}
