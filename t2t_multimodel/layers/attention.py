"""Multi-head scaled dot-product attention, over oneself or over a source.

Shape suffixes: B batch, L target positions, S source positions, D model depth,
N heads, W width of a head.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.randomness import Dropout

# A score that no softmax sees; float16 holds it too.
HIDDEN_SCORE = -3e4

# So many keys are kept apart from the older ones while decoding. A step copies what it
# extends; in this way it copies these alone, and the older ones once in so many steps.
RECENT = 32

# Up to so many products, one position's scores are summed up elementwise. A batched
# matrix product that threads share costs as much as 30 such sums before it begins.
FEW = 2**16


@keras.saving.register_keras_serializable("t2t_multimodel")
class MultiHeadAttention(keras.layers.Layer):
    """Attention of a target over a source (or, without one, over itself).

    Keys and values come from two different pointwise convolutions of the source
    ("One Model To Learn Them All", section 2.2). The width of a head is depth / heads:
    the paper does not say.

    Args:
        num_heads: Number of heads (N); must divide the depth.
        dropout: Share of the attention weights dropped in training.
        layer_path: See `LayerSeed`.

    Call arguments:
        x_BLD: The target.
        source_BSD: The source; None for self-attention.
        source_mask_BS: bool, True where a source position may be looked at; None: all.
        causal: Self-attention only: position t sees positions up to t.

    Returns:
        `[B, L, D]`.
    """

    def __init__(
        self, num_heads: int, dropout: float, layer_path: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout = dropout
        self.layer_path = layer_path
        self.weight_dropout = Dropout(
            dropout, f"{layer_path}/weights", dtype=self.dtype_policy, name="dropout"
        )

    def build(self, input_shape: Any) -> None:
        depth = input_shape[-1]
        if depth % self.num_heads:
            raise ValueError(
                f"the depth ({depth}) must be a multiple of num_heads "
                f"({self.num_heads})."
            )
        # Glorot for square matrices, which a fused [D, 2D] kernel would not get.
        limit = (3.0 / depth) ** 0.5
        uniform = keras.initializers.RandomUniform(-limit, limit)
        self.query_kernel = self.add_weight(
            name="query_kernel", shape=(depth, depth), initializer=uniform
        )
        self.key_value_kernel = self.add_weight(
            name="key_value_kernel", shape=(depth, 2 * depth), initializer=uniform
        )
        self.output_kernel = self.add_weight(
            name="output_kernel", shape=(depth, depth), initializer=uniform
        )
        self.built = True

    def call(
        self,
        x_BLD: Any,
        source_BSD: Any = None,
        source_mask_BS: Any = None,
        causal: bool = False,
        training: bool = False,
    ) -> Any:
        if causal and source_BSD is not None:
            raise ValueError("attention over another source cannot be causal.")
        source_BSD = x_BLD if source_BSD is None else source_BSD
        query_BNLW = self._heads(ops.matmul(x_BLD, self.query_kernel * self._scale))
        key_BNWS, value_BNSW = self.read(source_BSD)
        visible = self._visible(x_BLD, source_mask_BS, causal)
        scores_BNLS = _hidden(ops.matmul(query_BNLW, key_BNWS), visible)
        weights_BNLS = ops.cast(ops.softmax(scores_BNLS), query_BNLW.dtype)
        weights_BNLS = self.weight_dropout(weights_BNLS, training=training)
        y_BNLW = ops.matmul(weights_BNLS, value_BNSW)
        y_BLNW = ops.transpose(y_BNLW, (0, 2, 1, 3))
        return self._output(ops.reshape(y_BLNW, ops.shape(x_BLD)))

    def read(self, source_BSD: Any) -> tuple[Any, Any]:
        """Keys `[B, N, W, S]` and values `[B, N, S, W]` of a source."""
        # A split's gradient joins the two at once; that of `[..., :depth]` is slow.
        key_BSD, value_BSD = ops.split(self._key_value(source_BSD), 2, axis=-1)
        key_BNWS = ops.transpose(self._split(key_BSD), (0, 2, 3, 1))
        return key_BNWS, self._heads(value_BSD)

    def step(self, x_BD: Any, past: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """One position of causal self-attention.

        Args:
            x_BD: The target at this position.
            past: Keys and values of all positions before it, the latest apart from the
                others; all are empty at the start. Its shapes are `past_shape`.

        Returns:
            `[B, D]`, and the past of the next position.
        """
        depth = x_BD.shape[-1]
        width = depth // self.num_heads
        key_value = self._key_value(x_BD)
        new_key = ops.reshape(key_value[:, :depth], (-1, self.num_heads, width, 1))
        new_value = ops.reshape(key_value[:, depth:], (-1, self.num_heads, 1, width))
        key, value = past["key"], past["value"]
        recent_key = ops.concatenate([past["recent_key"], new_key], axis=3)
        recent_value = ops.concatenate([past["recent_value"], new_value], axis=2)
        query_BN1W = ops.reshape(self._query(x_BD), (-1, self.num_heads, 1, width))
        y_BN1W = _attend(query_BN1W, [key, recent_key], [value, recent_value])
        key, recent_key, value, recent_value = ops.cond(
            ops.shape(recent_key)[3] < RECENT,
            lambda: (key, recent_key, value, recent_value),
            lambda: (
                ops.concatenate([key, recent_key], axis=3),
                recent_key[:, :, :, :0],
                ops.concatenate([value, recent_value], axis=2),
                recent_value[:, :, :0],
            ),
        )
        after = {
            "key": key,
            "recent_key": recent_key,
            "value": value,
            "recent_value": recent_value,
        }
        return self._output(ops.reshape(y_BN1W, (-1, depth))), after

    def past_shape(self) -> dict[str, tuple[int | None, ...]]:
        """Shapes of the `past` of `step`; open are the batch and what grows."""
        width = self.query_kernel.shape[0] // self.num_heads
        key = (None, self.num_heads, width, None)
        value = (None, self.num_heads, None, width)
        return {"key": key, "recent_key": key, "value": value, "recent_value": value}

    def step_over(self, x_RD: Any, read: tuple[Any, Any], visible_BS: Any) -> Any:
        """One position of attention over a source.

        Args:
            x_RD: The targets, R / B of them for each source.
            read: What `read` gave for the sources.
            visible_BS: As `source_mask_BS`.

        Returns:
            `[R, D]`.
        """
        key_BNWS, value_BNSW = read
        depth = x_RD.shape[-1]
        # The targets of one source are to it as so many positions.
        by_source = (ops.shape(key_BNWS)[0], -1, depth)
        query_BNLW = self._heads(ops.reshape(self._query(x_RD), by_source))
        visible = self._visible(x_RD, visible_BS, causal=False)
        y_BNLW = _attend(query_BNLW, [key_BNWS], [value_BNSW], visible)
        y_BLNW = ops.transpose(y_BNLW, (0, 2, 1, 3))
        return self._output(ops.reshape(y_BLNW, (-1, depth)))

    @property
    def _scale(self) -> float:
        return float((self.query_kernel.shape[0] // self.num_heads) ** -0.5)

    def _query(self, x_RD: Any) -> Any:
        """Queries of one position each, `[R, D]`."""
        # The input is scaled and not the kernel: it is the smaller one here.
        return ops.matmul(x_RD * self._scale, ops.cast(self.query_kernel, x_RD.dtype))

    def _key_value(self, x: Any) -> Any:
        """Keys and values side by side, `[..., 2D]`."""
        return ops.matmul(x, ops.cast(self.key_value_kernel, x.dtype))

    def _output(self, y: Any) -> Any:
        return ops.matmul(y, ops.cast(self.output_kernel, y.dtype))

    def _heads(self, x_BLD: Any) -> Any:
        return ops.transpose(self._split(x_BLD), (0, 2, 1, 3))

    def _split(self, x_BLD: Any) -> Any:
        """`[B, L, N, W]`."""
        batch, length = ops.shape(x_BLD)[:2]
        width = x_BLD.shape[-1] // self.num_heads
        return ops.reshape(x_BLD, (batch, length, self.num_heads, width))

    def _visible(self, x_BLD: Any, mask_BS: Any, causal: bool) -> Any:
        """bool, broadcastable to `[B, N, L, S]`, or None where all is visible."""
        visible = None
        if mask_BS is not None:
            visible = ops.reshape(mask_BS, (ops.shape(mask_BS)[0], 1, 1, -1))
        if causal:
            position_L = ops.arange(ops.shape(x_BLD)[1])
            past_LL = ops.expand_dims(position_L, 1) >= position_L
            visible = past_LL if visible is None else ops.logical_and(visible, past_LL)
        return visible

    def compute_output_shape(self, input_shape: Any, *_: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "layer_path": self.layer_path,
        }


def _attend(
    query_BNLW: Any, keys: list[Any], values: list[Any], visible: Any = None
) -> Any:
    """Few positions' `[B, N, L, W]` over the keys and values of the lists, joined.

    Args:
        query_BNLW: The queries, scaled.
        keys, values: Each `[B, N, W, S]` and `[B, N, S, W]`, with an S of its own.
        visible: Broadcastable to `[B, N, L, S]`; only with a single S.
    """
    scores = [_hidden(_scores(query_BNLW, key), visible) for key in keys]
    top_BNL1 = None
    for scores_BNLS in scores:
        own_BNL1 = ops.max(scores_BNLS, -1, keepdims=True, initial=-float("inf"))
        top_BNL1 = own_BNL1 if top_BNL1 is None else ops.maximum(top_BNL1, own_BNL1)
    total_BNL1, y_BNLW = 0.0, 0.0
    for scores_BNLS, value_BNSW in zip(scores, values, strict=True):
        weights_BNLS = ops.exp(scores_BNLS - top_BNL1)
        total_BNL1 += ops.sum(weights_BNLS, -1, keepdims=True)
        weights_BNLS = ops.cast(weights_BNLS, value_BNSW.dtype)
        y_BNLW += _weighted_sum(weights_BNLS, value_BNSW)
    return y_BNLW / ops.cast(total_BNL1, query_BNLW.dtype)


def _scores(query_BNLW: Any, key_BNWS: Any) -> Any:
    def summed() -> Any:
        return ops.sum(ops.expand_dims(query_BNLW, 4) * key_BNWS[:, :, None], axis=3)

    return ops.cond(
        _num_products(query_BNLW, key_BNWS) <= FEW,
        summed,
        lambda: ops.matmul(query_BNLW, key_BNWS),
    )


def _weighted_sum(weights_BNLS: Any, value_BNSW: Any) -> Any:
    def summed() -> Any:
        return ops.sum(ops.expand_dims(weights_BNLS, 4) * value_BNSW[:, :, None], 3)

    return ops.cond(
        _num_products(weights_BNLS, value_BNSW) <= FEW,
        summed,
        lambda: ops.matmul(weights_BNLS, value_BNSW),
    )


def _num_products(rows_BNLX: Any, matrix_BNXY: Any) -> Any:
    batch, heads, rows = ops.shape(rows_BNLX)[:3]
    inner, columns = ops.shape(matrix_BNXY)[2:]
    return batch * heads * rows * inner * columns


def _hidden(scores_BNLS: Any, visible: Any) -> Any:
    """Scores in float32, in mixed precision too: what a softmax is taken of."""
    scores_BNLS = ops.cast(scores_BNLS, "float32")
    if visible is None:
        return scores_BNLS
    return ops.where(visible, scores_BNLS, HIDDEN_SCORE)
