"""Sparsely-gated mixture of experts: a router picks k experts for every position.

From "Outrageously Large Neural Networks" (arXiv 1701.06538), sections 2 and 4, as
used by "One Model To Learn Them All". An expert computes only what is routed to it,
and no position is ever dropped.

Shape suffixes: T tokens (batch and positions flattened), D model depth, H hidden
width of an expert, E experts, K experts chosen for a token, N = T * K assignments,
C the largest number of tokens that any expert got.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.notes import note
from t2t_multimodel.layers.randomness import LayerSeed
from t2t_multimodel.layers.recomputing import recomputed


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
        one_hot_TKE = ops.one_hot(expert_TK, self.num_experts, dtype="float32")
        gates_TE = ops.einsum("tk,tke->te", weight_TK, one_hot_TKE)
        chosen_TE = ops.sum(one_hot_TKE, axis=1)
        if mask_T is not None:
            chosen_TE = chosen_TE * ops.expand_dims(mask_T, 1)
        if training:
            self.add_loss(self.importance_weight * squared_cv(ops.sum(gates_TE, 0)))
            if num_scores > self.top_k:
                probability_TE = load_probability(
                    clean_TE, noisy_TE, scale_TE, score_TK1, self.top_k
                )
                if mask_T is not None:
                    probability_TE = probability_TE * ops.expand_dims(mask_T, 1)
                load_E = ops.sum(probability_TE, 0)
                self.add_loss(self.load_weight * squared_cv(load_E))
        return weight_TK, expert_TK, ops.sum(chosen_TE, 0)

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


@keras.saving.register_keras_serializable("t2t_multimodel")
class MixtureOfExperts(keras.layers.Layer):
    """`y = sum_i G(x)_i * Expert_i(x)` over the k chosen experts of each position.

    An expert is `W_2 ReLU(W_1 x + b_1) + b_2`.

    Args:
        num_experts, top_k, importance_weight, load_weight: See `NoisyTopKRouter`.
        hidden_size: Hidden width of an expert (H); the paper does not give it.
        layer_path: See `LayerSeed`.
        output_scale: Factor of the experts' first output weights; small where the
            output is added to something that is to pass.
        recompute: Whether the backward pass runs the experts (not the router) again.

    Call arguments:
        x_BLD: The input.
        mask_BL: bool, True where a position counts; the others are neither routed
            nor counted in the losses, and get 0. None: all count.

    Returns:
        `[B, L, D]`. The two balancing losses are added to `losses` in training. How
        many positions each expert got, float32 `[E]`, is noted as `layer_path`.
    """

    def __init__(
        self,
        num_experts: int,
        top_k: int,
        hidden_size: int,
        importance_weight: float,
        load_weight: float,
        layer_path: str,
        output_scale: float = 1.0,
        recompute: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_experts = num_experts
        self.top_k = top_k
        self.hidden_size = hidden_size
        self.output_scale = output_scale
        self.recompute = recompute
        self.importance_weight = importance_weight
        self.load_weight = load_weight
        self.layer_path = layer_path
        self.router = NoisyTopKRouter(
            num_experts,
            top_k,
            importance_weight,
            load_weight,
            layer_path,
            dtype=self.dtype_policy,
            name="router",
        )

    def build(self, input_shape: Any) -> None:
        depth, experts, hidden = input_shape[-1], self.num_experts, self.hidden_size
        self.router.build((None, depth))

        def uniform(fan_in: int, scale: float = 1.0) -> Any:
            limit = scale * (3.0 / fan_in) ** 0.5
            return keras.initializers.RandomUniform(-limit, limit)

        self.hidden_kernel = self.add_weight(
            name="hidden_kernel",
            shape=(experts, depth, hidden),
            initializer=uniform(depth),
        )
        self.hidden_bias = self.add_weight(
            name="hidden_bias", shape=(experts, 1, hidden), initializer="zeros"
        )
        self.output_kernel = self.add_weight(
            name="output_kernel",
            shape=(experts, hidden, depth),
            initializer=uniform(hidden, self.output_scale),
        )
        self.output_bias = self.add_weight(
            name="output_bias", shape=(experts, 1, depth), initializer="zeros"
        )
        self.built = True

    def call(self, x_BLD: Any, mask_BL: Any = None, training: bool = False) -> Any:
        x_TD = ops.reshape(x_BLD, (-1, x_BLD.shape[-1]))
        mask_T = None if mask_BL is None else ops.reshape(mask_BL, (-1,))
        weight_TK, expert_TK, load_E = self.router(x_TD, mask_T, training=training)
        note(self.layer_path, load_E)
        if mask_T is not None:
            # Padding goes to an expert that does not exist, behind all others.
            expert_TK = ops.where(
                ops.expand_dims(mask_T, 1), expert_TK, self.num_experts
            )

        def run(x_TD: Any, weight_TK: Any) -> Any:
            return self._run_experts(x_TD, weight_TK, expert_TK)

        read = (x_TD, weight_TK)
        y_TD = recomputed(run, *read) if self.recompute else run(*read)
        return ops.reshape(y_TD, ops.shape(x_BLD))

    def step(self, x_TD: Any) -> Any:
        """One position of each of T sequences, `[T, D]`; as `call`, with other costs.

        Few tokens leave most experts idle, and `call` would read the weights of all:
        here the chosen ones are picked out, as long as they are fewer.
        """
        weight_TK, expert_TK, _ = self.router(x_TD)
        return ops.cond(
            ops.shape(x_TD)[0] * self.top_k < self.num_experts,
            lambda: self._run_chosen(x_TD, weight_TK, expert_TK),
            lambda: self._run_experts(x_TD, weight_TK, expert_TK),
        )

    def _run_experts(self, x_TD: Any, weight_TK: Any, expert_TK: Any) -> Any:
        dispatch = Dispatch(expert_TK, self.num_experts)
        x_ECD = dispatch.gather(x_TD)
        y_TKD = dispatch.scatter(self._experts(x_ECD, lambda kernel: kernel))
        return self._weighted(weight_TK, y_TKD)

    def _run_chosen(self, x_TD: Any, weight_TK: Any, expert_TK: Any) -> Any:
        """As `_run_experts`, a copy of an expert for each of its tokens."""
        x_TK1D = ops.broadcast_to(
            x_TD[:, None, None], (ops.shape(x_TD)[0], self.top_k, 1, x_TD.shape[-1])
        )
        y_TK1D = self._experts(x_TK1D, lambda kernel: ops.take(kernel, expert_TK, 0))
        return self._weighted(weight_TK, ops.squeeze(y_TK1D, 2))

    def _experts(self, x: Any, pick: Callable[[Any], Any]) -> Any:
        """The experts' nets on `[..., C, D]`; `pick` lays out the weights alike."""
        w1, b1, w2, b2 = (
            ops.cast(pick(weight), x.dtype)
            for weight in (
                self.hidden_kernel,
                self.hidden_bias,
                self.output_kernel,
                self.output_bias,
            )
        )
        return ops.matmul(ops.relu(ops.matmul(x, w1) + b1), w2) + b2

    def _weighted(self, weight_TK: Any, y_TKD: Any) -> Any:
        weight_TK = ops.cast(weight_TK, y_TKD.dtype)
        return ops.sum(ops.expand_dims(weight_TK, -1) * y_TKD, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_experts": self.num_experts,
            "top_k": self.top_k,
            "hidden_size": self.hidden_size,
            "output_scale": self.output_scale,
            "recompute": self.recompute,
            "importance_weight": self.importance_weight,
            "load_weight": self.load_weight,
            "layer_path": self.layer_path,
        }


class Dispatch:
    """Brings every assignment (token, expert) into a row of its expert and back.

    The assignments are sorted by expert; expert e owns the C rows `[e, :]`, where C is
    the largest load, known only at run time: nothing is dropped, and balanced experts
    leave few rows idle.

    Args:
        expert_TK: Chosen experts; `num_experts` (one too many) for padding.
        num_experts: E.
    """

    def __init__(self, expert_TK: Any, num_experts: int) -> None:
        self.num_experts = num_experts
        self.top_k = expert_TK.shape[1]
        num_tokens = ops.shape(expert_TK)[0]
        expert_N = ops.reshape(expert_TK, (-1,))
        # Key (expert, assignment): sorts by expert, keeps the order of the tokens.
        order_N = ops.cast(ops.argsort(expert_N), "int32")
        count_E = ops.sum(
            ops.cast(ops.expand_dims(expert_N, 1) == ops.arange(num_experts), "int32"),
            axis=0,
        )
        first_E = ops.cumsum(count_E) - count_E
        if keras.config.backend() == "jax":
            # Compiled shapes are static there; a token comes to an expert only once.
            self.capacity = num_tokens
        else:
            self.capacity = ops.maximum(ops.max(count_E), 1)
        slot_C = ops.arange(self.capacity, dtype="int32")
        last = ops.shape(order_N)[0] - 1
        sorted_EC = ops.minimum(ops.expand_dims(first_E, 1) + slot_C, last)
        # Rows beyond an expert's load repeat somebody's token; nobody reads them.
        self.token_EC = ops.take(order_N, sorted_EC) // self.top_k
        rank_N = ops.scatter(
            ops.expand_dims(order_N, 1),
            ops.arange(last + 1, dtype="int32"),
            (last + 1,),
        )
        expert_N = ops.minimum(expert_N, num_experts - 1)
        row_N = rank_N - ops.take(first_E, expert_N) + expert_N * self.capacity
        row_N = ops.clip(row_N, 0, num_experts * self.capacity - 1)
        self.row_TK = ops.reshape(row_N, (num_tokens, self.top_k))

    def gather(self, x_TD: Any) -> Any:
        """The experts' rows, `[E, C, D]`."""
        return ops.take(x_TD, self.token_EC, axis=0)

    def scatter(self, y_ECD: Any) -> Any:
        """What each token's experts said, `[T, K, D]`."""
        y_RD = ops.reshape(y_ECD, (-1, y_ECD.shape[-1]))
        return ops.take(y_RD, self.row_TK, axis=0)
