"""What ingesting a data set found: what was taken, what was refused and why, what a person should check."""

import json
from collections import Counter
from dataclasses import dataclass, field

from trainer.data.manifest import ImageRecord
from trainer.data.naming import Label, Role
from trainer.data.rejection import Reason

__all__ = ["IngestReport", "Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One picture that was left out.

    Attributes:
        file: As given.
        reason: The kind.
        message: One sentence.
    """

    file: str
    reason: Reason
    message: str


@dataclass(slots=True)
class IngestReport:
    """The outcome of one ingestion.

    Attributes:
        records: What was taken.
        refused: What was left out.
        slips: File to the misspelt word in its name that was understood.
        near_duplicates: Pairs of pictures that look alike.
        warnings: Sentences about what is odd but was accepted.
    """

    records: list[ImageRecord] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    slips: dict[str, str] = field(default_factory=dict)
    near_duplicates: list[tuple[ImageRecord, ImageRecord]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def refuse(self, file: str, reason: Reason, message: str) -> None:
        """Note that a picture is left out."""
        self.refused.append(Refusal(file, reason, message))

    def as_json(self) -> str:
        """Return the report for programs."""
        content = {
            "taken": len(self.records),
            "subjects": len({record.subject for record in self.records}),
            "by_label": dict(Counter(str(record.label) for record in self.records)),
            "by_stimulus": dict(Counter(record.stimulus or "unknown" for record in self.records)),
            "by_role": dict(Counter(str(record.role) for record in self.records)),
            "refused": [
                {"file": refusal.file, "reason": str(refusal.reason), "message": refusal.message}
                for refusal in self.refused
            ],
            "refused_by_reason": dict(Counter(str(refusal.reason) for refusal in self.refused)),
            "slips_understood": self.slips,
            "near_duplicates": [
                {
                    "first": first.image,
                    "second": second.image,
                    "same_subject": first.subject == second.subject,
                    "same_label": first.label == second.label,
                }
                for first, second in self.near_duplicates
            ],
            "warnings": self.warnings,
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def lines(self) -> list[str]:
        """Return the report for people, one sentence a line."""
        main = [record for record in self.records if record.role is Role.MAIN]
        pain = sum(record.label is Label.PAIN for record in main)
        taken = (
            f"{len(self.records)} pictures of {len({record.subject for record in self.records})} subjects taken: "
            f"{pain} pain and {len(main) - pain} no pain to train and test on, "
            f"{len(self.records) - len(main)} others to see what is mistaken for pain."
        )
        lines = [taken]
        if self.slips:
            lines.append(f"{len(self.slips)} misspelt names understood, such as {next(iter(self.slips))}.")
        if self.near_duplicates:
            across = sum(first.subject != second.subject for first, second in self.near_duplicates)
            differ = sum(first.label != second.label for first, second in self.near_duplicates)
            pairs = f"{len(self.near_duplicates)} pairs look alike"
            lines.append(f"{pairs}: {across} across subjects, {differ} with different labels.")
        lines += self.warnings
        if self.refused:
            counts = ", ".join(
                f"{count} {reason}"
                for reason, count in Counter(str(item.reason) for item in self.refused).most_common()
            )
            lines.append(f"{len(self.refused)} files refused ({counts}):")
            lines += [f"  {refusal.message}" for refusal in self.refused]
        else:
            lines.append("No file was refused.")
        return lines
