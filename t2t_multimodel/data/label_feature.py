"""A class among several as a feature."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from t2t_multimodel import quiet
from t2t_multimodel.data.feature import Feature, Stored
from t2t_multimodel.data.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = quiet.LazyTensorFlow()


class ClassLabel(Feature):
    """One of several classes.

    Args:
        names: The classes' names, in the order of their numbers, or how many there are
            (their names are then their numbers). None: the corpus decides; whoever has
            the data knows them.
    """

    modality = "label"
    default_metrics = ("top_1", "top_5")
    storage = "int64"
    is_short = True

    def __init__(self, names: Sequence[str] | int | None) -> None:
        self._names: tuple[str, ...] = ()
        if names is not None:
            if isinstance(names, int):
                names = [str(number) for number in range(names)]
            if isinstance(names, str) or not names or len(set(names)) < len(names):
                raise ValueError(f"ClassLabel needs distinct names, not {names!r}")
            self._names = tuple(names)
        self._numbers = {name: number for number, name in enumerate(self._names)}

    @property
    def names(self) -> tuple[str, ...]:
        """The classes' names.

        Raises:
            ValueError: The corpus decides, and it has not been looked at.
        """
        if not self._names:
            raise ValueError(
                "the classes are those of the corpus: Problem.with_source or with_data "
                "gives a problem that knows them"
            )
        return self._names

    def modality_options(self) -> dict[str, Any]:
        return {"num_classes": len(self.names)}

    def describe(self) -> str:
        if not self._names:
            return "label (classes of the corpus)"
        return f"label ({len(self._names)} classes)"

    def output_space(self, inputs: Feature) -> str:
        return f"{inputs.modality}_label"

    def load(self, value: Any) -> int:
        if isinstance(value, str):
            if value not in self._numbers:
                raise ValueError(
                    f"no class {value!r}; classes: {', '.join(self.names[:10])}"
                )
            return self._numbers[value]
        try:
            number = operator.index(value)
        except TypeError:
            kind = type(value).__name__
            raise ValueError(f"a label is a name or a number, not {kind}") from None
        if not 0 <= number < len(self.names):
            raise ValueError(f"no class {number}; there are {len(self.names)}")
        return number

    def raw(self, stored: Stored) -> int:
        assert isinstance(stored, int)
        return stored

    def tensors(
        self,
        key: str,
        stored_B: tf.Tensor,
        vocabulary: Vocabulary | None,
        pad_to: tf.Tensor | None = None,
        seeds_B2: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        return {key: tf.cast(stored_B, tf.int32)}
