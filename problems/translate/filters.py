"""Which sentence pairs of a training corpus are left out because they teach nothing."""

from __future__ import annotations

import dataclasses

# Below this length a pair is never uneven: "No." may well be a whole clause elsewhere.
_ALWAYS_EVEN = 60


@dataclasses.dataclass(frozen=True)
class PairFilter:
    """Limits that a pair must keep.

    Attributes:
        max_words: Words, between blanks, that a text may have.
        max_characters: Characters that a text may have.
        max_ratio: How many times as many characters as the other a text may have, once
            it has over 60 of them.
    """

    max_words: int = 250
    max_characters: int = 2_000
    max_ratio: float = 5.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{field.name} is {value!r}; it is a number")
            if value < 1:
                raise ValueError(f"{field.name} is {value}; at least 1")

    def fault(self, inputs: str, targets: str) -> str:
        """Why the pair is left out; "" where it is not."""
        shorter, longer = len(inputs), len(targets)
        if longer < shorter:
            shorter, longer = longer, shorter
        if longer > self.max_characters:
            return "over-long"
        if longer > _ALWAYS_EVEN and longer > self.max_ratio * shorter:
            return "uneven lengths"
        # A word has a character and a blank, so most texts need no counting.
        if longer > 2 * self.max_words - 2 and any(
            len(text.split()) > self.max_words for text in (inputs, targets)
        ):
            return "over-long"
        return ""
