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
        depth = x_BLD.shape[-1]
        scale = (depth // self.num_heads) ** -0.5
        query_BNLW = self._heads(ops.matmul(x_BLD, self.query_kernel * scale))
        key_value = ops.matmul(source_BSD, self.key_value_kernel)
        key_BNSW = self._heads(key_value[..., :depth])
        value_BNSW = self._heads(key_value[..., depth:])
        scores_BNLS = ops.matmul(query_BNLW, ops.transpose(key_BNSW, (0, 1, 3, 2)))
        # The softmax is taken in float32 under mixed precision too.
        scores_BNLS = ops.cast(scores_BNLS, "float32")
        visible = self._visible(x_BLD, source_mask_BS, causal)
        if visible is not None:
            scores_BNLS = ops.where(visible, scores_BNLS, HIDDEN_SCORE)
        weights_BNLS = ops.cast(ops.softmax(scores_BNLS), x_BLD.dtype)
        weights_BNLS = self.weight_dropout(weights_BNLS, training=training)
        y_BLNW = ops.transpose(ops.matmul(weights_BNLS, value_BNSW), (0, 2, 1, 3))
        return ops.matmul(ops.reshape(y_BLNW, ops.shape(x_BLD)), self.output_kernel)

    def _heads(self, x_BLD: Any) -> Any:
        batch, length = ops.shape(x_BLD)[:2]
        width = x_BLD.shape[-1] // self.num_heads
        x_BLNW = ops.reshape(x_BLD, (batch, length, self.num_heads, width))
        return ops.transpose(x_BLNW, (0, 2, 1, 3))

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
