"""Which experts a position goes to: the noisy top-k router and its balancing losses.

From "Outrageously Large Neural Networks" (arXiv 1701.06538), sections 2 and 4.

Shape suffixes: T tokens (batch and positions flattened), D model depth, E experts, K
experts chosen for a token.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.randomness import LayerSeed


def squared_cv(x_E: Any) -> Any:
    """Squared coefficient of variation, `variance / mean^2`; 0 when the mean is 0."""
    mean = ops.mean(x_E)
    variance = ops.mean(ops.square(x_E - mean))
    return variance / ops.maximum(ops.square(mean), 1e-10)


@keras.saving.register_keras_serializable("t2t_multimodel")
class NoisyTopKRouter(keras.layers.Layer):
    """Scores every expert for every token and keeps the best `top_k`.

    `G(x) = Softmax(KeepTopK(H(x), k))`,
    `H(x)_i = (x W_g)_i + N(0, 1) * Softplus((x W_noise)_i)`; noise in training only.
    Both matrices start at zero, so that all experts begin alike.

    Args:
        num_experts: How many experts there are (E).
        top_k: How many of them a token goes to (K).
        importance_weight: Weight of `CV(sum_x G(x))^2`.
        load_weight: Weight of `CV(sum_x P(x, i))^2`, where P is the probability that
            expert i is chosen when only its own noise is drawn anew.
        layer_path: See `LayerSeed`.

    Call arguments:
        x_TD: Tokens.
        mask_T: float, 1 where a token counts and 0 for padding, or None.

    Returns:
        weight_TK: Softmax weights of the chosen experts, float32; 0 for padding.
        expert_TK: Their indices, int32.
        load_E: Tokens that chose each expert, float32.
    """

    def __init__(
        self,
        num_experts: int,
        top_k: int,
        importance_weight: float,
        load_weight: float,
        layer_path: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 1 <= top_k <= num_experts:
            raise ValueError(
                f"top_k must be between 1 and num_experts ({num_experts}), not {top_k}."
            )
        self.num_experts = num_experts
        self.top_k = top_k
        self.importance_weight = importance_weight
        self.load_weight = load_weight
        self.layer_path = layer_path
        self.noise_seed = LayerSeed(f"{layer_path}/noise")

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[-1], self.num_experts)
        self.gate_kernel = self.add_weight(
            name="gate_kernel", shape=shape, initializer="zeros"
        )
        self.noise_kernel = self.add_weight(
            name="noise_kernel", shape=shape, initializer="zeros"
        )
        self.built = True

    def call(
        self, x_TD: Any, mask_T: Any = None, training: bool = False
    ) -> tuple[Any, Any, Any]:
        # In float32 under mixed precision too: a rounded score misroutes a token.
        x_TD = ops.cast(x_TD, "float32")
        clean_TE = ops.matmul(x_TD, ops.cast(self.gate_kernel, "float32"))
        noisy_TE, scale_TE = clean_TE, None
        if training:
            noise_kernel = ops.cast(self.noise_kernel, "float32")
            scale_TE = ops.softplus(ops.matmul(x_TD, noise_kernel))
            noisy_TE = clean_TE + scale_TE * keras.random.normal(
                ops.shape(clean_TE), dtype="float32", seed=self.noise_seed
            )
        # One score more than is kept: the threshold of the load's probability.
        num_scores = min(self.top_k + 1, self.num_experts)
        score_TK1, expert_TK1 = ops.top_k(noisy_TE, num_scores)
        score_TK = score_TK1[:, : self.top_k]
        # A softmax; Keras's own warns when there is one expert to choose.
        weight_TK = ops.exp(score_TK - ops.logsumexp(score_TK, axis=-1, keepdims=True))
        expert_TK = ops.cast(expert_TK1[:, : self.top_k], "int32")
        if mask_T is not None:
            mask_T = ops.cast(mask_T, "float32")
            weight_TK = weight_TK * ops.expand_dims(mask_T, 1)
        counted_TK = ops.ones_like(weight_TK)
        if mask_T is not None:
            counted_TK = counted_TK * ops.expand_dims(mask_T, 1)
        if training:
            importance_E = self._by_expert(weight_TK, expert_TK)
            self.add_loss(self.importance_weight * squared_cv(importance_E))
            if num_scores > self.top_k:
                probability_TE = load_probability(
                    clean_TE, noisy_TE, scale_TE, score_TK1, self.top_k
                )
                if mask_T is not None:
                    probability_TE = probability_TE * ops.expand_dims(mask_T, 1)
                load_E = ops.sum(probability_TE, 0)
                self.add_loss(self.load_weight * squared_cv(load_E))
        return weight_TK, expert_TK, self._by_expert(counted_TK, expert_TK)

    def _by_expert(self, x_TK: Any, expert_TK: Any) -> Any:
        """The sum of each expert's values, `[E]`."""
        flat = (ops.reshape(each, (-1,)) for each in (x_TK, expert_TK))
        return ops.segment_sum(*flat, num_segments=self.num_experts)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_experts": self.num_experts,
            "top_k": self.top_k,
            "importance_weight": self.importance_weight,
            "load_weight": self.load_weight,
            "layer_path": self.layer_path,
        }


def load_probability(
    clean_TE: Any, noisy_TE: Any, scale_TE: Any, best_TK1: Any, top_k: int
) -> Any:
    """Probability that a token chooses an expert if only that one's noise is redrawn.

    `P(x, i) = Phi(((x W_g)_i - kth_excluding(H(x), k, i)) / Softplus((x W_noise)_i))`.

    Args:
        clean_TE, noisy_TE: Scores without and with noise.
        scale_TE: Standard deviation of the noise.
        best_TK1: The `top_k + 1` best noisy scores, in falling order.
        top_k: K.

    Returns:
        `[T, E]`, in [0, 1].
    """
    kth_T1 = best_TK1[:, top_k - 1 : top_k]
    next_T1 = best_TK1[:, top_k : top_k + 1]
    # The k-th best of the *other* experts: for one that is itself among the k best
    # that is the (k+1)-th best of all.
    threshold_TE = ops.where(noisy_TE >= kth_T1, next_T1, kth_T1)
    z_TE = (clean_TE - threshold_TE) / ops.maximum(scale_TE, 1e-6)
    return 0.5 * (1.0 + ops.erf(z_TE * (0.5**0.5)))
