"""Brings tokens to their experts and what these say back.

An assignment is a token and one of its experts. Each has a row of its own in what the
experts read; the rows of an expert lie together. Both ways are reads, and so are their
gradients: nothing is added up at scattered places, which is slow, and on some devices
in no fixed order.

Shape suffixes: T tokens, K experts chosen for a token, N = K * T assignments (the first
choices of all tokens, then the second ones ...), E experts, C rows of an expert, R rows
in all, D depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops


class Dispatch:
    """Where each assignment has its row.

    Rows are packed, each expert having as many as tokens, or even: C for every expert.
    Packed ones leave none idle, but their bounds are known only at run time.

    Where an expert has fewer rows than tokens, the choices that come first get them: a
    token's best expert goes before anybody's second one, then earlier tokens before
    later ones. The others are dropped. Padding takes no row and no place.

    Args:
        expert_TK: Chosen experts, best first; `num_experts` (one too many) for padding.
        num_experts: E.
        capacity: C; None: packed. A number gives static shapes, where T is static.
        limit: How many rows of an expert may be used, at most C; None: all.

    Attributes:
        kept_KT: bool, whether a choice has a row; False for padding.
        row_KT: Which, int32; anybody's for one that has none.
        token_R: Whose token a row holds. Idle rows repeat somebody's.
        count_E: Choices of each expert, dropped ones too; int32.
    """

    def __init__(
        self,
        expert_TK: Any,
        num_experts: int,
        capacity: Any = None,
        limit: Any = None,
    ) -> None:
        expert_KT = ops.transpose(expert_TK)
        num_tokens = ops.shape(expert_TK)[0]
        expert_N = ops.reshape(expert_KT, (-1,))
        # Stable: sorts by expert, keeps the order of the assignments.
        order_N = ops.cast(ops.argsort(expert_N), "int32")
        # One more than experts: padding's.
        count_E1 = ops.segment_sum(
            ops.ones_like(expert_N), expert_N, num_segments=num_experts + 1
        )
        first_E1 = ops.cumsum(count_E1) - count_E1
        num_choices = ops.shape(order_N)[0]
        rank_N = ops.scatter(
            ops.expand_dims(order_N, 1),
            ops.arange(num_choices, dtype="int32"),
            (num_choices,),
        )
        self.num_experts = num_experts
        self.count_E = count_E1[:-1]
        self._bounds = (first_E1, count_E1)
        is_kept_N = expert_N < num_experts
        if capacity is None:
            row_N, sorted_R = rank_N, order_N
        else:
            slot_N = rank_N - ops.take(first_E1, expert_N)
            is_kept_N &= slot_N < (capacity if limit is None else limit)
            row_N = ops.where(is_kept_N, expert_N * capacity + slot_N, 0)
            sorted_EC = ops.expand_dims(first_E1[:-1], 1) + ops.arange(
                capacity, dtype="int32"
            )
            sorted_EC = ops.minimum(sorted_EC, num_choices - 1)
            sorted_R = ops.take(order_N, ops.reshape(sorted_EC, (-1,)))
        self._num_rows = ops.shape(sorted_R)[0]
        self.token_R = sorted_R % num_tokens
        self.kept_KT = ops.reshape(is_kept_N, ops.shape(expert_KT))
        self.row_KT = ops.reshape(row_N, ops.shape(expert_KT))

    def gather(self, x_TD: Any) -> Any:
        """The rows, `[R, D]`."""

        @ops.custom_gradient
        def gather(x_TD: Any) -> Any:
            def gradient(*arguments: Any, upstream: Any = None) -> Any:
                dy_RD = arguments[0] if upstream is None else upstream
                return self._sum(dy_RD, ops.cast(self.kept_KT, dy_RD.dtype))

            return ops.take(x_TD, self.token_R, axis=0), gradient

        return gather(x_TD)

    def combine(self, y_RD: Any, weight_TK: Any) -> Any:
        """Each token's rows, weighted and added up, `[T, D]`, dropped ones left out.

        The gradient of the weights is float32.
        """

        @ops.custom_gradient
        def combine(y_RD: Any, weight_KT: Any) -> Any:
            def gradient(*arguments: Any, upstream: Any = None) -> Any:
                dout_TD = arguments[0] if upstream is None else upstream
                dout_RD = ops.take(dout_TD, self.token_R, axis=0)
                # Idle rows have the weight 0.
                weight_R = ops.scatter(
                    ops.reshape(self.row_KT, (-1, 1)),
                    ops.reshape(weight_KT, (-1,)),
                    (self._num_rows,),
                )
                dweight_R = ops.sum(ops.cast(dout_RD * y_RD, "float32"), axis=-1)
                dy_RD = dout_RD * ops.cast(ops.expand_dims(weight_R, 1), y_RD.dtype)
                return dy_RD, ops.take(dweight_R, self.row_KT)

            return self._sum(y_RD, ops.cast(weight_KT, y_RD.dtype)), gradient

        kept_KT = ops.cast(self.kept_KT, weight_TK.dtype)
        return combine(y_RD, ops.transpose(weight_TK) * kept_KT)

    def pieces(self, x_RD: Any) -> Sequence[Any]:
        """Packed rows: each expert's, `[its tokens, D]`, and at the end padding's."""

        @ops.custom_gradient
        def cut(x_RD: Any) -> Any:
            def gradient(*dpieces: Any) -> Any:
                return ops.concatenate(dpieces, axis=0)

            return self._cut(x_RD), gradient

        return tuple(cut(x_RD))

    def join(self, pieces: Sequence[Any]) -> Any:
        """Undoes `pieces`."""

        @ops.custom_gradient
        def joined(*pieces: Any) -> Any:
            return ops.concatenate(pieces, axis=0), self._cut

        return joined(*pieces)

    def _cut(self, x_RD: Any) -> list[Any]:
        first_E1, count_E1 = self._bounds
        depth = x_RD.shape[-1]
        depth_E1 = ops.full_like(count_E1, depth)
        starts = ops.unstack(ops.stack([first_E1, ops.zeros_like(first_E1)], 1))
        sizes = ops.unstack(ops.stack([count_E1, depth_E1], 1))
        cut = [ops.slice(x_RD, *each) for each in zip(starts, sizes, strict=True)]
        # The depth is static again.
        return [ops.reshape(piece, (-1, depth)) for piece in cut]

    def _sum(self, y_RD: Any, weight_KT: Any) -> Any:
        """Each token's rows, weighted and added up, `[T, D]`."""
        terms = [
            ops.take(y_RD, self.row_KT[k], axis=0) * ops.expand_dims(weight_KT[k], 1)
            for k in range(self.row_KT.shape[0])
        ]
        return sum(terms[1:], terms[0])
