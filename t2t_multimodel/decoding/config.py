"""How outputs are searched for: one frozen dataclass, written as `"beam_size=4"`.

Nothing here imports TensorFlow, so that a misspelt field is refused at once.
"""

from __future__ import annotations

import dataclasses

from t2t_multimodel.training.config import near
from t2t_multimodel.training.fields import field_types, parse, split_list


@dataclasses.dataclass(frozen=True)
class DecodeConfig:
    """How text is searched for. Classes are ranked as they are, whatever stands here.

    Attributes:
        beam_size: Hypotheses kept at each position; 1 searches greedily.
        alpha: Of the length penalty by which a beam ranks; 0 ranks by probability
            alone, more favours longer outputs. See `beam.length_penalty`.
        nbest: How many hypotheses of a beam are given, at most `beam_size`.
        temperature: Above 0 outputs are drawn at random, from probabilities raised to
            the power of `1 / temperature`.
        top_k: Drawn is from the k likeliest tokens; 0: from all.
        top_p: Drawn is from the likeliest tokens that together have this probability.
        num_samples: How many outputs are drawn for an input.
        min_length: The fewest tokens of an output, its end included.
        max_length: The most tokens of an output, its end included; 0: as many as the
            length of its input suggests, at most the longest that was trained on.
        constrained: Where the problem has a grammar, only what is well formed comes
            out.
        seed: Of what is drawn. It depends on this, on the input's place in the list or
            split, on the number of the sample and on the position; on nothing else.

    Raises:
        ValueError: A field's value is not possible, or has no effect beside another's.
    """

    beam_size: int = 1
    alpha: float = 0.6
    nbest: int = 1
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    num_samples: int = 1
    min_length: int = 0
    max_length: int = 0
    constrained: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (
            *(("beam_size", 1), ("nbest", 1), ("num_samples", 1)),
            *(("temperature", 0), ("top_k", 0), ("min_length", 0), ("max_length", 0)),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: at least {least}.")
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p is {self.top_p}: above 0 and at most 1.")
        if self.nbest > self.beam_size:
            raise ValueError(
                f"nbest ({self.nbest}) is larger than beam_size ({self.beam_size})."
            )
        if self.max_length and self.min_length > self.max_length:
            raise ValueError(
                f"min_length ({self.min_length}) is larger than max_length "
                f"({self.max_length})."
            )
        if self.temperature and self.beam_size > 1:
            raise ValueError("a beam draws nothing: set beam_size or temperature.")
        draws = self.top_k or self.top_p < 1.0 or self.num_samples > 1
        if draws and not self.temperature:
            raise ValueError(
                "top_k, top_p and num_samples are for drawing: set temperature too, "
                "1.0 for example."
            )

    @classmethod
    def from_text(cls, text: str) -> DecodeConfig:
        """The configuration that `"beam_size=4,alpha=0.6"` writes out.

        Raises:
            ValueError: A field does not exist (near names are given), or its value is
                not of its type or not possible.
        """
        types = field_types(cls)
        changes = {}
        for assignment in split_list(text):
            field, equals, value = (part.strip() for part in assignment.partition("="))
            if not equals:
                raise ValueError(f"{assignment!r} is not of the form field=value.")
            if field not in types:
                raise ValueError(
                    f"decoding has no field {field!r}; {near(field, tuple(types))}"
                )
            if field in changes:
                raise ValueError(f"{field} is set twice in {text!r}.")
            changes[field] = parse(f"decoding: {field}", types[field], value)
        return cls(**changes)

    @property
    def num_outputs(self) -> int:
        """How many outputs an input gets, at most."""
        return max(self.nbest, self.num_samples)
