"""The alerts that are on, as the alarm logic last reported them: what Redis must say of them, too."""

import threading

from monitor.alerts.record import AlertDraft

__all__ = ["SignalledAlerts"]


class SignalledAlerts:
    """The newest record of every alert that is present or signalled; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, AlertDraft] = {}

    def note(self, draft: AlertDraft) -> None:
        """Take an alert's newest record."""
        with self._lock:
            if draft.is_on:
                self._newest[draft.alert_id] = draft
            else:
                self._newest.pop(draft.alert_id, None)

    def of_bed(self, bed: str) -> list[AlertDraft]:
        """Return the newest record of every alert of a bed."""
        with self._lock:
            return [draft for draft in self._newest.values() if draft.bed == bed]

    def forget(self, bed: str) -> None:
        """Compare the alerts of a bed no more: another station goes on with them."""
        with self._lock:
            self._newest = {key: draft for key, draft in self._newest.items() if draft.bed != bed}

    def by_id(self) -> dict[str, AlertDraft]:
        """Return the newest record of every alert, by alert id."""
        with self._lock:
            return dict(self._newest)

    def is_newest(self, draft: AlertDraft) -> bool:
        """Return whether nothing newer was noted of this record's alert."""
        with self._lock:
            return self._newest.get(draft.alert_id) is draft
