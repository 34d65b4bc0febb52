"""Whether this browser makes sounds, always visible, with the buttons to turn them on and to try them."""

import html
import json

from nicegui import ui

from monitor.board import AlertEpisode, BoardSnapshot
from monitor.localization import Localizer
from monitor.pain.vocabulary import Kind, Priority, Signal
from monitor.web.pages.labels import alert_title

__all__ = ["build_sound_bar", "signals_json"]


def build_sound_bar(t: Localizer, *, with_buttons: bool, with_push: bool = False) -> None:
    """Build the bar; `assets/sound.js` fills it.

    Args:
        t: The reader's language.
        with_buttons: Whether somebody sits at the page; on a wall `?sound=on` turns the tones on.
        with_push: Whether the station sends notices to people's own devices.
    """
    data = {
        "off": t("Sound is off"),
        "on": t("Sound is on"),
        "blocked": t("Sound is blocked by the browser: click anywhere"),
        "notice": t("Look at the infant."),
    }
    attributes = " ".join(f'data-{name}="{html.escape(words)}"' for name, words in data.items())
    buttons = ""
    if with_buttons:
        named = [
            ("sound-switch", t("Sound")),
            ("sound-test", t("Try the tones")),
            ("notice-switch", t("Desktop notices")),
        ]
        if with_push:
            named.append(("push-open", t("Push notices")))
        buttons = "".join(
            f'<button type="button" class="{name}">{html.escape(words)}</button>' for name, words in named
        )
    state = html.escape(data["off"])
    ui.html(
        f'<div id="sound" {attributes} data-state="off"><span class="sound-state" role="status">{state}</span>{buttons}'
        "</div>",
        sanitize=False,
    ).classes("sound-slot")


def signals_json(snapshot: BoardSnapshot, t: Localizer) -> str:
    """Return what is signalled and not acknowledged, as the script reads it: id, tone and words."""
    found = [
        (bed.info.bed_id, episode)
        for bed in snapshot.beds
        for episode in bed.open_alerts
        if episode.newest.signal in {Signal.ON, Signal.LATCHED}
    ]
    found += [(t("Station"), item) for item in snapshot.open_alerts if item.newest.signal is Signal.ON]
    signals = [
        {"id": item.newest.alert_id, "tone": _tone(item), "words": f"{scope}: {alert_title(item.newest, t)}"}
        for scope, item in found
    ]
    return json.dumps(signals, ensure_ascii=False)


def _tone(episode: AlertEpisode) -> str:
    """Return the tone of an alert: that of pain, or of the equipment; latched pain reminds as the lowest does."""
    alert = episode.newest
    kind = Kind.PHYSIOLOGICAL if alert.kind is Kind.PHYSIOLOGICAL else Kind.TECHNICAL
    priority = alert.priority if alert.signal is Signal.ON else Priority.LOW
    return f"{kind.value}_{priority.value}"
