"""What was left out of a split: how often for which reason, and the first by name.

Two kinds are told apart. What a problem filters on purpose is counted without limit.
What is at fault (a picture that cannot be decoded, a label that is no class) is counted
too, but beyond a share of the split it stops the generation: a corpus half of which
cannot be read is not a corpus that was generated.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

# So many examples of a reason are named, and so many reasons told apart.
NUM_NAMED = 5
MAX_REASONS = 20

_MAX_WORDS = 12
_MAX_WHERE = 300
_PARTICULAR = re.compile(
    r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|<[^<>]*>|\S*[/\\]\S*|\S*\d\S*|\S+\.\w+"
)


@dataclasses.dataclass
class Skipped:
    """Counts of what was left out.

    Attributes:
        filtered: How many were left out on purpose, by reason.
        faults: How many were left out as faulty, by reason.
        first: The first few of each reason, in words.
    """

    filtered: Counter[str] = dataclasses.field(default_factory=Counter)
    faults: Counter[str] = dataclasses.field(default_factory=Counter)
    first: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    @property
    def num_faults(self) -> int:
        """How many examples were faulty."""
        return self.faults.total()

    @property
    def counts(self) -> dict[str, int]:
        """How many were left out, by reason, in alphabetical order."""
        return dict(sorted((self.filtered + self.faults).items()))

    def add(self, reason: str, where: str, is_fault: bool) -> None:
        """Counts one example."""
        other = Skipped()
        (other.faults if is_fault else other.filtered)[reason] = 1
        other.first[reason] = [where[:_MAX_WHERE]]
        self.update(other)

    def update(self, other: Skipped) -> None:
        """Adds counts of examples that come after those counted so far."""
        for mine, more in (
            (self.filtered, other.filtered),
            (self.faults, other.faults),
        ):
            for reason, count in more.items():
                is_known = reason in self.first or len(self.first) < MAX_REASONS
                named = reason if is_known else "other reasons"
                mine[named] += count
                first = self.first.setdefault(named, [])
                first += other.first[reason][: NUM_NAMED - len(first)]

    def scaled(self, share: float) -> Skipped:
        """What is left of the counts for a share of the examples, rounded."""
        filtered, faults = (
            Counter(
                {why: scaled for why, n in c.items() if (scaled := round(n * share))}
            )
            for c in (self.filtered, self.faults)
        )
        kept = filtered.keys() | faults.keys()
        first = {why: named for why, named in self.first.items() if why in kept}
        return Skipped(filtered, faults, first)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "filtered": dict(self.filtered),
            "faults": dict(self.faults),
            "first": self.first,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Skipped:
        """The inverse of `to_dict`."""
        return cls(
            Counter(data["filtered"]), Counter(data["faults"]), dict(data["first"])
        )

    def check_share(self, split: str, num_examples: int, max_bad_share: float) -> None:
        """Refuses a split too much of which is faulty.

        Args:
            split: What to call the split.
            num_examples: All its examples, the faulty ones among them.
            max_bad_share: The share of them that may be faulty.

        Raises:
            ValueError: More is; the message has the counts and the first fault.
        """
        if self.num_faults > max_bad_share * num_examples:
            raise ValueError(
                f"{split}: {self._told(num_examples)}; that is more than "
                f"--max_bad_share={max_bad_share:g} allows"
            )

    def told(self, split: str, num_examples: int) -> str:
        """A sentence on the faults of a split with so many good examples."""
        return f"{split}: {self._told(num_examples + self.num_faults)}; left out"

    def _told(self, num_examples: int) -> str:
        counts = ", ".join(f"{n}: {why}" for why, n in sorted(self.faults.items()))
        reason, first = next((r, w) for r, w in self.first.items() if r in self.faults)
        return (
            f"{self.num_faults} of {num_examples} examples are at fault ({counts}); "
            f"the first: {first[0] or reason}"
        )


def kind_of(error: Exception) -> str:
    """The kind of an error in a few words, without what differs between examples.

    It is the first part of the message between colons and semicolons that holds more
    than names and numbers, without these. An error that has a text as its `reason` is
    told by it.
    """
    reason = getattr(error, "reason", None)
    if isinstance(reason, str) and reason:
        return reason
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    for part in re.split(r"[:;](?:\s|$)", str(error)):
        words = _PARTICULAR.sub("…", part).split()[:_MAX_WORDS]
        told = " ".join(words).strip("…,. ")
        if told:
            return told
    return type(error).__name__
