"""Which problems have a grammar."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.features import Audio, Tree
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.tree_symbols import symbols_path
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.grammars import grammar_of
from t2t_multimodel.decoding.tree_grammar import TreeGrammar


class ParseSpeech(Problem):
    name = "parse_speech"
    inputs, targets = Audio(), Tree()


@pytest.fixture
def run(tmp_path: Path) -> SimpleNamespace:
    vocabulary = Vocabulary.train(["a b"], tmp_path / "vocab.model", 300)
    return SimpleNamespace(
        output_dir=tmp_path, data_dir=tmp_path / "gone", vocabulary=vocabulary
    )


def test_parsers_of_text_have_one_unless_it_is_turned_off(run: SimpleNamespace) -> None:
    parsing = registry.problem("parse_mini")
    kept = json.dumps({"labels": ["S"], "tags": ["NN"]})
    symbols_path(run.output_dir, "parse_mini").write_text(kept)
    assert isinstance(grammar_of(run, parsing, DecodeConfig()), TreeGrammar)
    assert grammar_of(run, parsing, DecodeConfig(constrained=False)) is None
    translating = registry.problem("translate_ende_mini")
    assert grammar_of(run, translating, DecodeConfig()) is None
    assert grammar_of(run, ParseSpeech(), DecodeConfig()) is None


def test_a_run_that_cannot_know_the_symbols_says_what_to_do(
    run: SimpleNamespace,
) -> None:
    with pytest.raises(ValueError, match=r"give the data back, or .*constrained=False"):
        grammar_of(run, registry.problem("parse_mini"), DecodeConfig())
