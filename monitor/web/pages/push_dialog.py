"""The settings of notices that reach this device while the page is closed; `assets/push.js` fills them.

The browser alone knows whether it can show notices and what forbids it, so the dialog says all reasons and the script
shows the true one.
"""

import html
import json

from nicegui import ui

from monitor.localization import Localizer
from monitor.web.access import Visitor
from monitor.web.pages.labels import NOTICE

__all__ = ["build_push_dialog"]


def build_push_dialog(t: Localizer, visitor: Visitor) -> None:
    """Build the dialog, closed.

    Args:
        t: The reader's language.
        visitor: Whose devices.
    """
    words = {
        "checking": t("One moment."),
        "insecure": t("This page came without HTTPS: browsers then allow no notices. Ask who keeps the station."),
        "unsupported": t(
            "This browser has no Web Push. On an iPhone or iPad, first add this page to the home screen and open it "
            "from there."
        ),
        "blocked": t("This browser blocks notices of this page. Allow them in its settings for this site."),
        "unanswered": t("The browser was not allowed to show notices."),
        "browser_refused": t("The browser did not reach its push service, or has none: {reason}"),
        "station_lost": t("The station did not answer."),
        "off": t("Off on this device."),
        "on": t("On for this device, until you log out or your login ends."),
        "turn_on": t("Turn on"),
        "save": t("Save"),
        "saved": t("Saved."),
        "this_device": t("this device"),
        "added": t("since {time}"),
        "remove": t("Remove"),
        "remove_named": t("Remove {name}"),
        "none": t("None"),
    }
    choices = (
        ("pain", t("Signs of pain")),
        ("unwatched", t("Beds that cannot be seen, or that nobody watches")),
        ("technical", t("Trouble of the station")),
        ("only_urgent", t("Of these, only medium and high priority")),
        ("names_bed", t("With the bed's name")),
    )
    rows = "".join(
        f'<label class="push-choice"><input type="checkbox" name="{name}"> <span>{html.escape(text)}</span></label>'
        for name, text in choices
    )
    data = html.escape(json.dumps(words, ensure_ascii=False))
    user = html.escape(visitor.name or "")
    ui.html(
        f'<dialog id="push" aria-labelledby="push-title" data-words="{data}" data-user="{user}">'
        f'<h2 id="push-title">{html.escape(t("Notices while this page is closed"))}</h2>'
        f"<p>{html.escape(_explanation(t))}</p>"
        f"<p><strong>{html.escape(t('They come late or not at all at times, and are no alarm.'))} "
        f"{html.escape(t(NOTICE))}</strong></p>"
        '<p id="push-state" role="status"></p>'
        f"<form hidden><fieldset><legend>{html.escape(t('Notify me of'))}</legend>{rows}</fieldset>"
        '<div class="push-buttons">'
        '<button type="submit" class="push-save"></button>'
        f'<button type="button" class="push-try">{html.escape(t("Try"))}</button>'
        f'<button type="button" class="push-off">{html.escape(t("Turn off on this device"))}</button>'
        "</div></form>"
        f'<div class="push-mine" hidden><h3>{html.escape(t("My devices"))}</h3><ul></ul></div>'
        f'<div class="push-buttons"><button type="button" class="push-close">{html.escape(t("Close"))}</button></div>'
        "</dialog>",
        sanitize=False,
    ).classes("push-slot")


def _explanation(t: Localizer) -> str:
    return t(
        "They leave the hospital: the maker of this browser carries them over the internet, encrypted. They name the "
        "bed and its state, as the page does."
    )
