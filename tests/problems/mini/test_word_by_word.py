"""Replacing word by word, as well as it can be learnt, is not translating."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU

from t2t_multimodel.problems.mini import english, french, german
from t2t_multimodel.problems.mini.scenes import scenes

SAY = {"en": english.sentence, "de": german.sentence, "fr": french.sentence}


def tokens(sentence: str) -> list[str]:
    return re.findall(r"[\w'-]+|[.,]", sentence)


def pairs(source: str, target: str, split: str, number: int) -> list[list[list[str]]]:
    return [
        [tokens(SAY[language](scene)) for language in (source, target)]
        for scene in itertools.islice(scenes(split), number)
    ]


def learnt_dictionary(train: list[list[list[str]]], rounds: int = 6) -> dict[str, str]:
    """The likeliest translation of every source word, by IBM model 1 with a null."""
    ids: list[dict[str, int]] = [{}, {}]
    coded = [
        [
            np.array([ids[side].setdefault(w, len(ids[side])) for w in words])
            for side, words in enumerate(pair)
        ]
        for pair in train
    ]
    null = len(ids[0])
    shape = (null + 1, len(ids[1]))
    chance: NDArray[np.float64] = np.full(shape, 1 / shape[1])
    for _ in range(rounds):
        count = np.zeros(shape)
        for source, target in coded:
            cells = np.ix_(np.append(np.unique(source), null), np.unique(target))
            count[cells] += chance[cells] / chance[cells].sum(0)
        chance = count / count.sum(1, keepdims=True)
    words = list(ids[1])
    return {word: words[int(chance[row].argmax())] for word, row in ids[0].items()}


@pytest.mark.parametrize("direction", ["en-de", "de-en", "en-fr", "fr-en", "de-fr"])
def test_word_by_word_substitution_fails(direction: str) -> None:
    source, target = direction.split("-")
    dictionary = learnt_dictionary(pairs(source, target, "train", 1200))
    test = pairs(source, target, "test", 300)
    outputs = [" ".join(dictionary.get(w, w) for w in words) for words, _ in test]
    references = [" ".join(words) for _, words in test]
    score = BLEU(force=True).corpus_score(outputs, [references]).score
    assert score < 40
    # Not for want of a dictionary: most words that it says are in the reference.
    said = [
        (word, words)
        for output, words in zip(outputs, references, strict=True)
        for word in output.split()
    ]
    right = sum(word in words.split() for word, words in said)
    assert right > len(said) / 2
