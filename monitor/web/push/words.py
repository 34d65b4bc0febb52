"""What a notice says: no more than the page's own notice does, in the language of its device."""

import json
import re
from zoneinfo import ZoneInfo

from monitor.alerts.record import AlertDraft
from monitor.config import StationConfig
from monitor.localization import Localizer
from monitor.web.pages.labels import alert_title
from monitor.web.push.devices import PushDevice

__all__ = ["alert_payload", "ended_payload", "topic_of", "trial_payload"]

_PADDED_BYTES = 512
"""What a push service sees is the length of a notice: all have the same."""


def alert_payload(alert: AlertDraft, device: PushDevice, config: StationConfig) -> bytes:
    """Return the notice of an alert: whose, what, and when; the bed's id where both station and person want it."""
    t = _localizer(device, config)
    is_named = device.choices.names_bed and config.web.push.names_beds
    if alert.bed is None:
        scope, path = t("Station"), "/station"
    elif is_named:
        scope, path = alert.bed, f"/bed/{alert.bed}"
    else:
        scope, path = t("A bed"), "/"
    return _payload(
        t,
        title=f"{scope}: {alert_title(alert, t)}",
        body=f"{t.time(alert.determined_at)} - {t('Look at the infant.')}",
        path=path,
        tag=alert.alert_id,
    )


def ended_payload(device: PushDevice, config: StationConfig) -> bytes:
    """Return the last notice of a device whose login has come to its end."""
    t = _localizer(device, config)
    return _payload(
        t,
        title=t("No more notices on this device"),
        body=t("Your login has ended. Log in on the page for more."),
        path="/",
        tag="ended",
    )


def trial_payload(device: PushDevice, config: StationConfig) -> bytes:
    """Return the notice with which somebody tries a device."""
    t = _localizer(device, config)
    body = t("Notices reach this device. No alert does not mean no pain.")
    return _payload(t, title=t("A trial"), body=body, path="/", tag="trial")


def topic_of(tag: str) -> str:
    """Return the topic of a tag: a notice that waits is replaced by a newer one of the same topic."""
    return re.sub(r"[^A-Za-z0-9_-]", "", tag)[:32]


def _localizer(device: PushDevice, config: StationConfig) -> Localizer:
    station = config.station
    zone = None if station.time_zone is None else ZoneInfo(station.time_zone)
    return Localizer(device.language, zone, station.time_zone)


def _payload(t: Localizer, **fields: str) -> bytes:
    content = json.dumps({**fields, "language": t.language}, ensure_ascii=False).encode()
    return content + b" " * (-len(content) % _PADDED_BYTES)
