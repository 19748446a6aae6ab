"""Beam search against a list of all outputs, and against itself without shortcuts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.data.vocabulary import EOS, PAD
from t2t_multimodel.decoding import beam
from t2t_multimodel.decoding.beam import beam_search, length_penalty
from t2t_multimodel.decoding.scorer import NEVER, Scorer
from t2t_multimodel.testing.chains import (
    Chain,
    chain_scorer,
    random_chain,
    table_scorer,
)

WORDS = [3, 4, 5]
SIZE = 6


def penalty(length: int, alpha: float) -> float:
    return ((5 + length) / 6) ** alpha


def best_of_all(chain: Chain, limit: int, alpha: float) -> list[tuple[float, Any]]:
    """All outputs that end, by their score."""
    scored = [
        (chain.total(ids) / penalty(len(ids), alpha), ids)
        for ids in chain.outputs(WORDS, limit)
    ]
    return sorted(scored, reverse=True)


def hypotheses(found: Any, row: int = 0) -> list[tuple[int, ...]]:
    """The outputs of an input without padding; those that do not exist left out."""
    return [
        tuple(i for i in ids if i != PAD)
        for ids, score in zip(
            found.ids.numpy()[row].tolist(), found.score.numpy()[row], strict=True
        )
        if score > -np.inf
    ]


def test_the_length_penalty_is_gnmts() -> None:
    assert float(length_penalty(1, 0.6)) == pytest.approx(1.0)
    assert float(length_penalty(7, 0.6)) == pytest.approx(2**0.6)
    assert float(length_penalty(13, 0.0)) == pytest.approx(1.0)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0, -0.5])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_that_is_wide_enough_finds_the_best_of_all(
    seed: int, alpha: float
) -> None:
    limit = 5
    transition = random_chain(SIZE, seed)
    expected = best_of_all(Chain(transition), limit, alpha)
    wide = len(WORDS) ** limit
    found = beam_search(chain_scorer(transition), [limit], wide, alpha)
    assert hypotheses(found)[:20] == [ids for _, ids in expected[:20]]
    ended = slice(len(expected))  # What was cut stands behind.
    scores = [score for score, _ in expected]
    np.testing.assert_allclose(found.score.numpy()[0, ended], scores, atol=1e-4)
    totals = [Chain(transition).total(ids) for _, ids in expected]
    np.testing.assert_allclose(
        found.log_probability.numpy()[0, ended], totals, atol=1e-4
    )


def plain_beam(
    chain: Chain, limit: int, size: int, alpha: float
) -> list[tuple[float, tuple[int, ...]]]:
    """The same search, one hypothesis at a time: the ended ones, best first."""
    alive: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    done: list[tuple[float, tuple[int, ...]]] = []
    for _ in range(limit):
        longer = [
            (total + log_p, (*ids, token))
            for total, ids in alive
            for token, log_p in enumerate(chain.log_p(ids))
            if token not in NEVER
        ]
        best = sorted(longer, reverse=True)[: 2 * size]
        ended = [
            (t / penalty(len(ids), alpha), ids) for t, ids in best if ids[-1] == EOS
        ]
        done = sorted(done + ended, reverse=True)[:size]
        alive = [(total, ids) for total, ids in best if ids[-1] != EOS][:size]
    return done


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("alpha", [0.0, 0.6])
def test_a_narrow_beam_finds_what_a_plain_one_finds(size: int, alpha: float) -> None:
    for seed in range(8):
        transition = random_chain(12, seed)
        expected = plain_beam(Chain(transition), 8, size, alpha)
        found = beam_search(chain_scorer(transition), [8], size, alpha)
        listed = hypotheses(found)
        assert listed[: len(expected)] == [ids for _, ids in expected]
        assert all(EOS not in ids for ids in listed[len(expected) :])
        np.testing.assert_allclose(
            found.score.numpy()[0, : len(expected)],
            [score for score, _ in expected],
            atol=1e-4,
        )


def test_an_end_is_taken_where_it_is_among_the_best_continuations() -> None:
    # As after training with label smoothing: an end is unlikely but at the last place,
    # and yet likelier than all the words up to there.
    length, words, early_end = 30, 10, 0.003
    probability = np.full((1, length, 3 + words), 1e-12)
    probability[..., 3:] = 0.5 / (words - 1)
    probability[..., 3] = 0.5 - early_end
    probability[..., EOS] = early_end
    probability[0, -1, EOS], probability[0, -1, 3] = 0.5, early_end
    whole = (*[3] * (length - 1), EOS)
    for alpha in (0.0, 0.6):
        score = length * np.log(0.5) / penalty(length, alpha)
        assert score < np.log(early_end) / penalty(1, alpha)
        found = beam_search(table_scorer(np.log(probability)), [length], 4, alpha)
        assert hypotheses(found)[0] == whole


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, -1.0])
def test_stopping_early_changes_nothing(
    alpha: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 25
    transitions = [random_chain(12, seed) for seed in range(20)]
    for transition in transitions:
        transition[:, EOS] += 1.0

    def counted() -> tuple[list[Any], int]:
        steps = tf.Variable(0)

        @tf.function(autograph=False)
        def search(transition: Any) -> Any:
            scorer = chain_scorer(transition)

            def step(before: Any, position: Any, state: Any) -> Any:
                with tf.control_dependencies([steps.assign_add(1)]):
                    return scorer.step(tf.identity(before), position, state)

            counting = Scorer(step, scorer.state, scorer.shapes)
            return beam_search(counting, [limit], 4, alpha)

        found = [search(tf.constant(t, tf.float32)) for t in transitions]
        return found, int(steps.numpy())

    stopped, steps = counted()
    monkeypatch.setattr(beam, "_is_settled", lambda *_: tf.zeros([1], tf.bool))
    complete, all_steps = counted()
    assert all_steps == limit * len(transitions)
    assert steps < 0.9 * all_steps
    for one, other in zip(stopped, complete, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_array_equal(one.score, other.score)


def test_neither_batch_mates_nor_their_limits_change_a_result() -> None:
    tables = np.random.default_rng(0).normal(size=(5, 12, 9)) * 2
    tables[..., EOS] -= np.arange(5)[:, None]
    limits = [3, 12, 7, 12, 1]
    together = beam_search(table_scorer(tables), limits, 3, 0.6)
    for row in range(5):
        alone = beam_search(
            table_scorer(tables[row : row + 1]), limits[row : row + 1], 3, 0.6
        )
        assert hypotheses(alone) == hypotheses(together, row)
        np.testing.assert_allclose(alone.score[0], together.score[row], atol=1e-5)


def test_what_was_cut_at_the_limit_stands_behind_what_ended() -> None:
    # Ending is unlikely everywhere: at the limit of 2 there are two endings at most
    # (at once, or after the one likely word), and otherwise what was cut.
    table = np.full((1, 2, 5), -20.0)
    table[..., 3], table[..., EOS] = 0.0, -8.0
    found = beam_search(table_scorer(table), [2], 4)
    listed = hypotheses(found)
    assert listed[:2] == [(3, EOS), (EOS,)] or listed[:2] == [(EOS,), (3, EOS)]
    assert (3, 3) in listed
    cut = listed.index((3, 3))
    assert cut > 1
    assert found.score.numpy()[0, cut] > found.score.numpy()[0, 0]


def test_fewer_outputs_than_the_beam_is_wide() -> None:
    table = np.zeros((1, 1, 5))
    found = beam_search(table_scorer(table), [1], 6)
    assert len(hypotheses(found)) == 3  # EOS, and the two words cut
    assert np.isneginf(found.score.numpy()[0, 3:]).all()
    assert (found.ids.numpy()[0, 3:] == PAD).all()


def test_an_output_has_its_fewest_tokens() -> None:
    transition = random_chain(SIZE, 1)
    transition[:, EOS] += 3.0
    found = beam_search(chain_scorer(transition), [6], 5, min_length=4)
    assert {len(ids) for ids in hypotheses(found)} <= {4, 5, 6}


def test_a_beam_in_a_graph_finds_what_it_finds_outside() -> None:
    transition = random_chain(SIZE, 2)
    outside = beam_search(chain_scorer(transition), [6], 3, 0.6)
    inside = tf.function(
        lambda limits: beam_search(chain_scorer(transition), limits, 3, 0.6),
        input_signature=[tf.TensorSpec([1], tf.int32)],
    )(tf.constant([6]))
    np.testing.assert_array_equal(inside.ids, outside.ids)
