"""The languages of the page: phrases that remember their template, message catalogues, numbers and times.

Sentences are written in English where they arise, as a `Phrase` or marked with `message`; what shows them to a
person passes them through the reader's `Localizer`. Codes, names in the API, metrics and logs stay as they are.
"""

from monitor.localization.localizer import LANGUAGES, Localizer
from monitor.phrases import Phrase, joined, message

__all__ = ["LANGUAGES", "Localizer", "Phrase", "joined", "message"]
