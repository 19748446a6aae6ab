"""Sparsely-gated mixture of experts: a router picks k experts for every position.

From "Outrageously Large Neural Networks" (arXiv 1701.06538), sections 2 and 4, as
used by "One Model To Learn Them All". An expert computes only what is routed to it. No
position is dropped, but in training with a `capacity_factor`.

Shape suffixes: T tokens (batch and positions flattened), D model depth, H hidden
width of an expert, E experts, K experts chosen for a token, R rows that experts read,
C rows of each expert where all have the same number.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.dispatch import Dispatch
from t2t_multimodel.layers.notes import DROPPED, note
from t2t_multimodel.layers.recomputing import recomputed
from t2t_multimodel.layers.routing import NoisyTopKRouter


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
        capacity_factor: In training an expert takes at most `ceil(capacity_factor * T
            * K / E)` of the T positions that count; what is over is dropped, see
            `Dispatch` for which. The token loses that expert's part of its sum; its
            other weights stay what they are. What a token gets then depends on its
            batch mates. 0: nothing is dropped, as always outside training.

    Call arguments:
        x_BLD: The input.
        mask_BL: bool, True where a position counts; the others are neither routed
            nor counted in the losses, and get 0. None: all count.

    Returns:
        `[B, L, D]`. The two balancing losses are added to `losses` in training. How
        many positions chose each expert, float32 `[E]`, is noted as `layer_path`; how
        many of these choices were dropped, float32, with `DROPPED` appended to it.
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
        capacity_factor: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_experts = num_experts
        self.top_k = top_k
        self.hidden_size = hidden_size
        self.output_scale = output_scale
        self.recompute = recompute
        self.capacity_factor = capacity_factor
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
        if training and self.capacity_factor:
            dispatch = self._limited(expert_TK, mask_T)
            num_kept = ops.sum(ops.cast(dispatch.kept_KT, "float32"))
            note(f"{self.layer_path}{DROPPED}", ops.sum(load_E) - num_kept)
            way = self._run_even
        elif keras.config.backend() == "tensorflow":
            dispatch, way = Dispatch(expert_TK, self.num_experts), self._run_packed
        else:
            dispatch, way = self._roomy(expert_TK), self._run_even

        def run(x_TD: Any, weight_TK: Any) -> Any:
            return way(x_TD, weight_TK, dispatch)

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
            lambda: self._run_even(x_TD, weight_TK, self._roomy(expert_TK)),
        )

    def _limited(self, expert_TK: Any, mask_T: Any) -> Dispatch:
        """Rows for `capacity_factor` times an equal share; the others are dropped."""
        num_tokens = expert_TK.shape[0] or ops.shape(expert_TK)[0]
        capacity = limit = self._capacity(num_tokens)
        if mask_T is not None:
            # The share follows from the tokens that count; the shapes, which may have
            # to be static, from all.
            num_counted = ops.sum(ops.cast(mask_T, "int32"))
            limit = ops.minimum(self._capacity(num_counted), capacity)
        return Dispatch(expert_TK, self.num_experts, capacity, limit)

    def _capacity(self, num_tokens: Any) -> Any:
        """`ceil(capacity_factor * T * K / E)`, at least 1; a number of a number."""
        # A little less: what is whole must not be rounded up.
        share = self.capacity_factor * self.top_k / self.num_experts * (1 - 1e-6)
        if isinstance(num_tokens, int):
            return max(math.ceil(share * num_tokens), 1)
        capacity = ops.ceil(share * ops.cast(num_tokens, "float32"))
        return ops.maximum(ops.cast(capacity, "int32"), 1)

    def _roomy(self, expert_TK: Any) -> Dispatch:
        """As many rows for each expert as the fullest one needs."""
        if keras.config.backend() == "jax":
            # Compiled shapes are static there; a token comes to an expert only once.
            return Dispatch(expert_TK, self.num_experts, ops.shape(expert_TK)[0])
        expert_N = ops.reshape(expert_TK, (-1,))
        count_E1 = ops.segment_sum(
            ops.ones_like(expert_N), expert_N, num_segments=self.num_experts + 1
        )
        fullest = ops.maximum(ops.max(count_E1[:-1]), 1)
        return Dispatch(expert_TK, self.num_experts, fullest)

    def _run_packed(self, x_TD: Any, weight_TK: Any, dispatch: Dispatch) -> Any:
        y_RD = self.run_rows(dispatch.gather(x_TD), dispatch)
        return dispatch.combine(y_RD, weight_TK)

    def run_rows(self, x_RD: Any, dispatch: Dispatch) -> Any:
        """Packed rows, expert by expert: none computes a row that is not its own."""
        *pieces, padding = dispatch.pieces(x_RD)
        w1, b1, w2, b2 = self._weights(x_RD.dtype)
        nets = (w1, ops.squeeze(b1, 1), w2, ops.squeeze(b2, 1))
        each = zip(pieces, *map(ops.unstack, nets), strict=True)
        said = [_net(*one) for one in each]
        return dispatch.join([*said, ops.zeros_like(padding)])

    def _run_even(self, x_TD: Any, weight_TK: Any, dispatch: Dispatch) -> Any:
        """All experts in one product of a batch, with a row for each that is idle."""
        shape = (self.num_experts, -1, x_TD.shape[-1])
        x_ECD = ops.reshape(dispatch.gather(x_TD), shape)
        y_ECD = _net(x_ECD, *self._weights(x_TD.dtype))
        return dispatch.combine(ops.reshape(y_ECD, (-1, shape[-1])), weight_TK)

    def _run_chosen(self, x_TD: Any, weight_TK: Any, expert_TK: Any) -> Any:
        """With a copy of an expert for each of its tokens."""
        x_TK1D = ops.broadcast_to(
            x_TD[:, None, None], (ops.shape(x_TD)[0], self.top_k, 1, x_TD.shape[-1])
        )
        weights = (ops.take(w, expert_TK, 0) for w in self._weights(x_TD.dtype))
        y_TKD = ops.squeeze(_net(x_TK1D, *weights), 2)
        weight_TK = ops.cast(weight_TK, y_TKD.dtype)
        return ops.sum(ops.expand_dims(weight_TK, -1) * y_TKD, axis=1)

    def _weights(self, dtype: Any) -> list[Any]:
        weights = (
            self.hidden_kernel,
            self.hidden_bias,
            self.output_kernel,
            self.output_bias,
        )
        return [ops.cast(weight, dtype) for weight in weights]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_experts": self.num_experts,
            "top_k": self.top_k,
            "hidden_size": self.hidden_size,
            "output_scale": self.output_scale,
            "importance_weight": self.importance_weight,
            "load_weight": self.load_weight,
            "layer_path": self.layer_path,
            "recompute": self.recompute,
            "capacity_factor": self.capacity_factor,
        }


def _net(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """An expert's net, or several experts'."""
    # `add`, not `+`: a product of matrices then adds the bias itself.
    hidden = ops.relu(ops.add(ops.matmul(x, w1), b1))
    return ops.add(ops.matmul(hidden, w2), b2)
