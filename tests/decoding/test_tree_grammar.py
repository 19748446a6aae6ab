"""Whatever a model prefers, what comes out under the grammar is a tree of its input."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel import registry
from t2t_multimodel.data.tree_symbols import TreeSymbols
from t2t_multimodel.data.trees import constituents, is_well_formed, read_linear
from t2t_multimodel.data.vocabulary import EOS, Vocabulary
from t2t_multimodel.decoding.beam import beam_search
from t2t_multimodel.decoding.one_path import greedy, sample
from t2t_multimodel.decoding.scorer import Scorer, log_probabilities
from t2t_multimodel.decoding.tree_grammar import TreeGrammar

TREES = [
    example["targets"]
    for example in itertools.islice(
        registry.problem("parse_mini").examples("train", Path()), 60
    )
]
SYMBOLS = TreeSymbols.of(TREES)
# Names that begin like others, and a vocabulary that knows hardly any of them: most
# symbols are several pieces, some the beginnings of others.
AWKWARD = TreeSymbols(("N", "NP", "S", "SBAR", "X-1"), (".", "NN", "NNS", "NNSX", "/"))


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return Vocabulary.train(TREES, tmp_path_factory.mktemp("v") / "vocab.model", 400)


@pytest.fixture(scope="module")
def byte_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return Vocabulary.train(["a b"], tmp_path_factory.mktemp("b") / "vocab.model", 300)


def whims(vocabulary_size: int, batch: int, seed: int, scale: float = 3.0) -> Scorer:
    """Scores at random, anew at each position; each hypothesis by its own number."""
    table = np.random.default_rng(seed).normal(size=(64, vocabulary_size)) * scale
    table = tf.constant(table, tf.float32)

    def step(before: Any, position: Any, state: Any) -> tuple[Any, Any]:
        number = state["number"] * 31 + before + position * 7
        return log_probabilities(tf.gather(table, number % 64)), {"number": number}

    return Scorer(step, {"number": tf.range(batch)}, {"number": (None,)})


def outputs(found: Any, vocabulary: Vocabulary) -> list[list[str]]:
    exists = np.isfinite(found.score.numpy())
    return [
        [vocabulary.decode(ids) for ids in row[kept].tolist()]
        for row, kept in zip(found.ids.numpy(), exists, strict=True)
    ]


def check_trees(texts: list[str], num_words: int, symbols: TreeSymbols) -> None:
    for text in texts:
        tree = read_linear(text, ["w"] * num_words)
        assert {label for label, _, _ in constituents(tree)} <= set(symbols.labels)
        assert {tag.label for tag in tree.tags()} <= set(symbols.tags)
        assert tree.children


def test_a_real_tree_is_spelled_as_the_grammar_spells_it(
    vocabulary: Vocabulary,
) -> None:
    grammar = TreeGrammar(SYMBOLS, vocabulary)
    ids = [[*vocabulary.encode(tree), EOS] for tree in TREES[:8]]
    longest = max(map(len, ids))
    targets = tf.constant([row + [0] * (longest - len(row)) for row in ids])

    def follow(before: Any, position: Any, state: Any) -> tuple[Any, Any]:
        wanted = targets[:, tf.minimum(position, longest - 1)]
        return log_probabilities(20.0 * tf.one_hot(wanted, vocabulary.size)), state

    words = [len(list(read_linear(tree).tags())) for tree in TREES[:8]]
    limits = [len(row) for row in ids]  # not a token to spare
    found = greedy(grammar.constrain(Scorer(follow, {}, {}), words, limits), limits)
    assert outputs(found, vocabulary) == [[tree] for tree in TREES[:8]]
    free = greedy(Scorer(follow, {}, {}), limits)
    np.testing.assert_allclose(found.score, free.score, atol=1e-4)


@pytest.mark.parametrize("slack", [0, 1, 5, 60])
@pytest.mark.parametrize("awkward", [False, True])
def test_every_whim_becomes_a_tree_within_its_limit(
    vocabulary: Vocabulary, byte_vocabulary: Vocabulary, slack: int, awkward: bool
) -> None:
    pieces = byte_vocabulary if awkward else vocabulary
    symbols = AWKWARD if awkward else SYMBOLS
    grammar = TreeGrammar(symbols, pieces)
    words = [1, 2, 3, 7, 12]
    limits = [grammar.shortest(count) + slack for count in words]

    @tf.function(autograph=False)
    def search(number: Any) -> Any:
        scorer = whims(pieces.size, len(words), 0)
        scorer = Scorer(
            scorer.step, {"number": scorer.state["number"] + number}, scorer.shapes
        )
        return greedy(grammar.constrain(scorer, words, limits), limits)

    for number in range(12):
        found = search(tf.constant(1000 * number))
        for text, count in zip(outputs(found, pieces), words, strict=True):
            check_trees(text, count, symbols)
        ended = (found.ids.numpy() == EOS).any(axis=-1)
        assert ended.all()


def test_a_beam_and_samples_are_held_to_it_too(vocabulary: Vocabulary) -> None:
    grammar = TreeGrammar(SYMBOLS, vocabulary)
    words, limits = [4, 2, 6], [60, 9, 70]

    def constrained() -> Scorer:
        return grammar.constrain(whims(vocabulary.size, 3, 5), words, limits)

    for found in (
        tf.function(lambda: beam_search(constrained(), limits, 4, 0.6))(),
        tf.function(lambda: sample(constrained(), limits, [0, 1, 2], num_samples=3))(),
    ):
        listed = outputs(found, vocabulary)
        assert [len(texts) >= 3 for texts in listed] == [True] * 3
        for texts, count in zip(listed, words, strict=True):
            check_trees(texts, count, SYMBOLS)
            assert len(set(texts)) > 1


def test_without_the_grammar_the_same_whims_give_no_trees(
    vocabulary: Vocabulary,
) -> None:
    found = greedy(whims(vocabulary.size, 5, 0), [60] * 5)
    assert not any(is_well_formed(text) for (text,) in outputs(found, vocabulary))


def test_no_words_give_no_tree(vocabulary: Vocabulary) -> None:
    grammar = TreeGrammar(SYMBOLS, vocabulary)
    assert grammar.shortest(0) == 1
    scorer = grammar.constrain(whims(vocabulary.size, 2, 0), [0, 1], [30, 30])
    empty, one = outputs(greedy(scorer, [30, 30]), vocabulary)
    assert empty == [""]
    check_trees(one, 1, SYMBOLS)


def test_the_shortest_tree_by_hand(byte_vocabulary: Vocabulary) -> None:
    # Only "a", "b" and the space are pieces of their own; all else is bytes.
    symbols = TreeSymbols(("a", "XX"), ("b", "bb"))
    grammar = TreeGrammar(symbols, byte_vocabulary)
    pieces = byte_vocabulary.encode("a b b /a")
    assert grammar.shortest(2) == len(pieces) + 1


def test_a_grammar_needs_labels_and_tags(vocabulary: Vocabulary) -> None:
    with pytest.raises(ValueError, match=r"needs labels and tags; .* 0 and 1"):
        TreeGrammar(TreeSymbols((), ("NN",)), vocabulary)
