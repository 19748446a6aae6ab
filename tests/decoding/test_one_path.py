"""Greedy search and sampling over tables of logits small enough to search by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.data.vocabulary import EOS, PAD, UNK
from t2t_multimodel.decoding.one_path import greedy, sample
from t2t_multimodel.decoding.scorer import Scorer, log_probabilities
from t2t_multimodel.testing.chains import (
    Chain,
    chain_scorer,
    random_chain,
    table_scorer,
)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def ids_of(found: Any) -> list[Any]:
    """The only hypothesis of each input."""
    assert found.ids.shape[1] == 1
    return found.ids.numpy()[:, 0].tolist()


def test_takes_the_likeliest_token_of_every_position_up_to_the_end() -> None:
    table = np.full((1, 4, 6), -5.0)
    table[0, [0, 1, 2, 3], [4, 3, EOS, 5]] = 5.0
    found = greedy(table_scorer(table), [4])
    assert ids_of(found) == [[4, 3, EOS, PAD]]
    expected = sum(log_softmax(table[0])[t, i] for t, i in enumerate([4, 3, EOS]))
    assert found.log_probability.numpy()[0, 0] == pytest.approx(expected, abs=1e-5)


def test_padding_and_unknown_are_never_emitted() -> None:
    table = np.zeros((1, 3, 5))
    table[..., PAD], table[..., UNK], table[..., 4] = 9.0, 8.0, 1.0
    assert ids_of(greedy(table_scorer(table), [3])) == [[4, 4, 4]]


def test_rows_end_on_their_own() -> None:
    table = np.full((3, 5, 5), -3.0)
    table[:, :, 3] = 3.0
    table[0, 1, EOS] = 9.0
    table[2, 3, EOS] = 9.0
    found = ids_of(greedy(table_scorer(table), [5, 5, 5]))
    assert found == [[3, EOS, 0, 0, 0], [3, 3, 3, 3, 3], [3, 3, 3, EOS, 0]]


def test_a_row_stops_at_its_own_limit() -> None:
    table = np.zeros((2, 6, 5))
    table[..., 4] = 2.0
    found = greedy(table_scorer(table), [2, 6])
    assert ids_of(found) == [[4, 4, 0, 0, 0, 0], [4] * 6]
    first, second = found.log_probability.numpy()[:, 0]
    assert second == pytest.approx(3 * first, rel=1e-5)


def test_an_output_has_its_fewest_tokens_where_anything_else_may_follow() -> None:
    table = np.zeros((1, 5, 5))
    table[..., EOS], table[..., 3] = 9.0, 1.0
    found = ids_of(greedy(table_scorer(table), [5], min_length=3))
    assert found == [[3, 3, EOS, 0, 0]]
    table[0, 1] = [0, 0, 0, -np.inf, -np.inf]
    assert ids_of(greedy(table_scorer(table), [5], min_length=3))[0][:2] == [3, EOS]


def test_stops_as_soon_as_all_rows_have_ended() -> None:
    steps = tf.Variable(0)
    table = tf.one_hot([[4, EOS] + [4] * 98] * 2, 5) * 9.0

    def step(before: Any, position: Any, state: Any) -> Any:
        steps.assign_add(1)
        return log_probabilities(table[:, position]), state

    greedy(Scorer(step, {}, {}), [100, 100])
    assert steps.numpy() == 2


def test_agrees_with_a_search_by_hand() -> None:
    @tf.function
    def search(transition: Any, limits: Any) -> Any:
        return greedy(chain_scorer(transition, 2), limits)

    for limit in (1, 7, 20):
        transition = random_chain(9, limit)
        transition[:, EOS] -= 1.0
        chain, ids = Chain(transition), ()
        while len(ids) < limit and ids[-1:] != (EOS,):
            log_p = chain.log_p(ids)
            log_p[[PAD, UNK]] = -np.inf
            ids = (*ids, int(log_p.argmax()))
        found = search(tf.constant(transition), tf.constant([limit] * 2))
        assert ids_of(found) == [[*ids, *[PAD] * (limit - len(ids))]] * 2
        total = found.log_probability.numpy()[0, 0]
        assert total == pytest.approx(chain.total(ids), abs=1e-4)


def test_one_graph_serves_all_batch_sizes_and_lengths() -> None:
    transition = random_chain(6, 1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
    def search(limits: Any) -> Any:
        scorer = chain_scorer(transition)
        return greedy(
            Scorer(
                scorer.step,
                {"deep": {"tokens": tf.zeros([tf.shape(limits)[0], 1], tf.int32)}},
                scorer.shapes,
            ),
            limits,
        )

    for limits in ([2], [3, 9], [1, 1, 30]):
        found = search(tf.constant(limits))
        assert found.ids.shape == (len(limits), 1, max(limits))
    assert search.experimental_get_tracing_count() == 1


def test_halves_are_summed_in_full_precision() -> None:
    table = np.random.default_rng(0).normal(size=(1, 40, 7))
    table[..., EOS] = -9
    half = tf.constant(table, tf.bfloat16)

    def step(before: Any, position: Any, state: Any) -> Any:
        return log_probabilities(half[:, position]), state

    found = greedy(Scorer(step, {}, {}), [40])
    exact = greedy(table_scorer(tf.cast(half, tf.float32).numpy()), [40])
    assert found.log_probability.dtype == tf.float32
    np.testing.assert_array_equal(found.log_probability, exact.log_probability)


def test_a_drawn_output_depends_on_its_index_and_seed_alone() -> None:
    transition = random_chain(7, 3)

    def drawn(index: list[int], seed: int = 4) -> Any:
        scorer = chain_scorer(transition, len(index))
        limits = [12] * len(index)
        return sample(
            scorer, limits, index, seed=seed, num_samples=3, temperature=2.0
        ).ids.numpy()

    together = drawn([0, 1, 2, 3, 4])
    for place in (0, 3):
        np.testing.assert_array_equal(drawn([place])[0], together[place])
    np.testing.assert_array_equal(drawn([0, 1, 2, 3, 4]), together)
    other = drawn([0, 1, 2, 3, 4], seed=5)
    assert (other != together).any(axis=-1).mean() > 0.8
    assert len({tuple(ids) for ids in together.reshape(15, 12).tolist()}) > 10


def test_a_sample_bears_the_models_log_probability() -> None:
    transition = random_chain(7, 3)
    chain = Chain(transition)
    found = sample(
        chain_scorer(transition), [9], [0], num_samples=4, temperature=0.5, top_k=3
    )
    for ids, total in zip(found.ids.numpy()[0], found.score.numpy()[0], strict=True):
        output = tuple(int(i) for i in ids if i != PAD)
        assert total == pytest.approx(chain.total(output), abs=1e-4)


def test_a_low_temperature_is_greedy() -> None:
    transition = random_chain(9, 5)
    drawn = sample(chain_scorer(transition), [20], [0], temperature=1e-3)
    np.testing.assert_array_equal(drawn.ids, greedy(chain_scorer(transition), [20]).ids)
