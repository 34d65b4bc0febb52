"""What people did, in the reader's language."""

import json

from monitor.board import BedSnapshot
from monitor.history.entries import ActionEntry
from monitor.localization import Localizer, message
from monitor.pain.procedure import PROCEDURE_TITLES, ProcedureKind
from monitor.pain.vocabulary import Code

__all__ = ["PROCEDURES", "action_title", "procedure_title", "procedure_words"]

PROCEDURES = {
    ProcedureKind.HEEL_LANCE: message("Heel lance"),
    ProcedureKind.VENIPUNCTURE: message("Venipuncture"),
    ProcedureKind.INJECTION: message("Injection"),
    ProcedureKind.SUCTIONING: message("Suctioning"),
    ProcedureKind.TUBE_PLACEMENT: message("Tube placement"),
    ProcedureKind.DRESSING_CHANGE: message("Dressing or tape change"),
    ProcedureKind.EYE_EXAMINATION: message("Eye examination"),
    ProcedureKind.OTHER: message("Other procedure"),
}

_ACTIONS = {
    "admit": message("Admitted"),
    "discharge": message("Discharged"),
    "standby": message("Stand-by"),
    "pause": message("Paused"),
    "resume": message("Pause or stand-by ended"),
    "undo": message("Taken back"),
}


def action_title(entry: ActionEntry, t: Localizer) -> str:
    """Return what somebody did, in a few words."""
    if entry.action != "procedure":
        return t(_ACTIONS.get(entry.action, entry.action))
    details = json.loads(entry.details)
    kind, note = str(details.get("kind", "")), str(details.get("note", ""))
    title = t(PROCEDURES[ProcedureKind(kind)]) if kind in list(ProcedureKind) else t("Procedure")
    return f"{title} ({note})" if note else title


def procedure_title(detail: str, t: Localizer) -> str:
    """Return what a procedure is called whose alert has this detail."""
    found = next((title for title in PROCEDURE_TITLES.values() if detail.startswith(title)), "")
    return t(found) if found else t("Procedure")


def procedure_words(bed: BedSnapshot, t: Localizer) -> str:
    """Return the procedure that is under way at a bed and since when; an empty text where there is none."""
    for episode in bed.open_alerts:
        newest = episode.newest
        if newest.code is Code.PROCEDURE and newest.condition_present:
            title = procedure_title(newest.detail, t)
            return t("{title} since {time}", title=title, time=t.time(newest.onset_at, seconds=False))
    return ""
