"""What is not known of what a model was tested on, in words: "none was seen" takes names and hashes on both sides."""

from collections.abc import Mapping
from typing import Any

__all__ = ["doubts_of_infants", "doubts_of_pictures", "other_class"]


def doubts_of_infants(seen: Mapping[str, Any]) -> list[str]:
    """Return why infants that were tested may have been learnt from, as clauses; none where they were not.

    Args:
        seen: As metrics.json of an evaluation has it; earlier versions did not store all.
    """
    if not seen["is_known"]:
        return []
    if not seen.get("subjects_are_known", True):
        return ["whose faces these are is not known of every picture, so neither is whether the model had seen them"]
    namesakes = seen.get("namesakes")
    if namesakes is None:
        return ["the model records no names of infants without their data set, so other tables of theirs go unnoticed"]
    if namesakes == 0 and not seen.get("spellings_are_known"):
        return ["the model records names of infants in one spelling only, so those spelt otherwise go unnoticed"]
    if namesakes == 0:
        return []
    word = "infant has" if namesakes == 1 else "infants have"
    found = f"{namesakes} tested {word} the name of one that the model learnt from, in another table"
    if seen.get("spellings_are_known"):
        found += " or another spelling"
    return [f"{found}; if they are the same, give both tables one --name (`nicu-trainer ingest`), and test on others"]


def doubts_of_pictures(seen: Mapping[str, Any]) -> list[str]:
    """Return why pictures that were tested may have been learnt from, as clauses; none where they were not.

    Args:
        seen: As metrics.json of an evaluation has it; earlier versions did not store all.
    """
    if not seen["is_known"]:
        return []
    alike = seen.get("look_alikes")
    if alike is None:
        return ["the model does not record what its pictures look like, so copies in another format go unnoticed"]
    if alike == 0:
        return []
    word = "picture looks" if alike == 1 else "pictures look"
    return [f"{alike} tested {word} like one that the model learnt from: a copy in another format, or moments apart"]


def other_class(results: Mapping[str, Any]) -> str | None:
    """Return that a model was tested on another class than it learnt, as a clause; None where it was not.

    Args:
        results: Content of metrics.json of an evaluation.
    """
    positive = results.get("positive")
    if not isinstance(positive, Mapping) or positive["learnt"] == positive["tested"]:
        return None
    return f"the model learnt {positive['learnt']!r}, and the metrics here are of {positive['tested']!r}"
