"""The decoding half of a view, one position at a time.

What a position costs does not depend on how many came before it: of those, each
convolution keeps the inputs that its window still sees, self-attention the keys and
values. What follows from the inputs alone is computed once.

Shape suffixes: B inputs, S source positions, R hypotheses (R / B of them for each
input, in the order of the inputs), D model depth, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras import ops

from t2t_multimodel.layers.positions import timing_at
from t2t_multimodel.models.passes import OnePosition

if TYPE_CHECKING:
    from t2t_multimodel.models.multimodel import ProblemView


class Stepwise:
    """Decodes a batch of inputs with a view, position by position.

    Args:
        view: A view whose targets are text.
        encoded_BSD: The encoded inputs, as `view.encode` gives them.
        mask_BS: Their mask, or None.
        command: Replaces the view's own command, int32 scalar.
    """

    def __init__(
        self, view: ProblemView, encoded_BSD: Any, mask_BS: Any, command: Any = None
    ) -> None:
        self._view = view
        self._parts = (view.mixer, view.decoder)
        self._mask_BS = mask_BS
        self._command = ops.convert_to_tensor(
            view.command_id if command is None else command
        )
        self._read = {
            part.name: part.read(encoded_BSD, mask_BS) for part in self._parts
        }
        self._dtype = encoded_BSD.dtype

    def past_shapes(self) -> dict[str, Any]:
        """Shapes of the nested dict of tensors that hypotheses carry along.

        Open (None) are the first dimension, R, and one that grows with the positions.
        """
        return {part.name: part.past_shape() for part in self._parts}

    def start(self, num_rows: Any) -> dict[str, Any]:
        """The past of `num_rows` hypotheses before their first position."""
        return _zeros(self.past_shapes(), num_rows, self._dtype)

    def step(
        self, ids_R: Any, position: Any, past: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Logits of the next token of each hypothesis.

        Args:
            ids_R: int32, the token before; at position 0 it is not looked at, the
                command stands there.
            position: int32 scalar.
            past: What `start` or the step before gave; its rows may be chosen and
                repeated in between, as a beam does.

        Returns:
            logits `[R, V]`, float32, and the past of the next position.
        """
        view = self._view
        x_RD = view.command_table.at(
            view.target_bottom(ids_R), self._command, position == 0
        )
        position_1 = ops.reshape(ops.cast(position, "float32"), (1,))
        run = OnePosition(
            timing_at(position_1, x_RD.shape[-1]), past, self._read, self._mask_BS
        )
        for part in self._parts:
            x_RD = run.part(part, x_RD)
        return view.top(x_RD), run.after


def _zeros(shapes: Any, num_rows: Any, dtype: Any) -> Any:
    if isinstance(shapes, dict):
        return {name: _zeros(inner, num_rows, dtype) for name, inner in shapes.items()}
    return ops.zeros((num_rows, *(size or 0 for size in shapes[1:])), dtype)
