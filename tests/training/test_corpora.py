"""The data of a run: which problems have dev batches."""

from __future__ import annotations

from pathlib import Path

from t2t_multimodel import registry
from t2t_multimodel.data.generation import generate
from t2t_multimodel.testing.corpus_files import fill
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.corpora import open_corpora


def test_a_problem_without_a_dev_split_has_no_dev_batches(tmp_path: Path) -> None:
    names = ("translate_ende_wmt", "translate_enfr_wmt")
    pair = {f"train.{language}": "one\ntwo\n" for language in ("en", "de", "fr")}
    dev = {f"dev.{language}": "three\n" for language in ("en", "fr")}
    fill(tmp_path / "source", {**pair, **dev})
    generate([registry.problem(name) for name in names], tmp_path, tmp_path / "source")
    corpora = open_corpora(names, tmp_path, TrainingConfig())
    assert list(corpora.sizes) == list(names)
    batches = corpora.dev_batches(TrainingConfig())
    assert list(batches) == ["translate_enfr_wmt"]
    assert [len(batch["inputs"]) for batch in batches["translate_enfr_wmt"]()] == [1]
