"""Language: one embedding, one softmax and one vocabulary for all text problems.

Shape suffixes: B batch, L positions, D depth, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("t2t_multimodel")
class TextBottom(keras.layers.Layer):
    """Embedding of token ids, scaled to about unit variance.

    Args:
        vocab_size: Number of pieces (V).
        depth: Width of the representation (D).

    Call arguments:
        ids_BL: int32.

    Returns:
        `[B, L, D]`.
    """

    def __init__(self, vocab_size: int, depth: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.depth = depth
        self.embedding = self.add_weight(
            name="embedding",
            shape=(vocab_size, depth),
            initializer=keras.initializers.RandomNormal(stddev=depth**-0.5),
        )
        self.built = True

    def call(self, ids_BL: Any) -> Any:
        x_BLD = ops.take(self.embedding, ids_BL, axis=0)
        return ops.cast(x_BLD, self.compute_dtype) * self.depth**0.5

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocab_size": self.vocab_size,
            "depth": self.depth,
        }


@keras.saving.register_keras_serializable("t2t_multimodel")
class TextTop(keras.layers.Layer):
    """Learned linear map to the vocabulary, not tied to the embedding.

    Args:
        vocab_size: Number of pieces (V).

    Call arguments:
        x_BLD: The body's output.

    Returns:
        logits `[B, L, V]`, float32.
    """

    def __init__(self, vocab_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocab_size = vocab_size

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.vocab_size),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.vocab_size,), initializer="zeros"
        )
        self.built = True

    def call(self, x_BLD: Any) -> Any:
        # As a matrix: a product in float32 then adds the bias itself.
        x_ND = ops.reshape(x_BLD, (-1, x_BLD.shape[-1]))
        logits_NV = ops.cast(ops.matmul(x_ND, self.kernel), "float32")
        logits_NV = ops.add(logits_NV, ops.cast(self.bias, "float32"))
        return ops.reshape(logits_NV, (*ops.shape(x_BLD)[:-1], self.vocab_size))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocab_size": self.vocab_size}
