"""The data of a run: which problems have dev batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import generate
from t2t_multimodel.testing.corpus_files import fill
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.corpora import Corpora, open_corpora


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


def lines_of(corpora: Corpora) -> set[str]:
    """The sentences of an epoch and more."""
    stream, vocabulary = corpora.streams["translate_ende_wmt"], corpora.vocabulary
    assert vocabulary is not None
    batches = stream.dataset(num_batches=2 * stream.batches_per_epoch)
    return {vocabulary.decode(ids) for b in batches for ids in b["inputs"].numpy()}


def test_few_examples_are_a_part_of_more_and_the_same_for_every_seed(
    tmp_path: Path,
) -> None:
    lines = [f"line {number}" for number in range(50)]
    text = "".join(f"{line}\n" for line in lines)
    splits = ("train", "dev", "test")
    files = {
        f"{split}.{language}": text for split in splits for language in ("en", "de")
    }
    fill(tmp_path / "source", files)
    name = "translate_ende_wmt"
    generate([registry.problem(name)], tmp_path, tmp_path / "source")

    def opened(limits: str, seed: int = 0) -> Corpora:
        config = TrainingConfig(train_examples=limits, seed=seed)
        return open_corpora([name], tmp_path, config)

    few, more = opened(f"{name}=5"), opened(f"{name}=20")
    assert (few.sizes, more.sizes) == ({name: 5}, {name: 20})
    assert len(lines_of(few)) == 5 and len(lines_of(more)) == 20
    assert lines_of(few) < lines_of(more) < lines_of(opened("")) == set(lines)
    assert lines_of(few) == lines_of(opened(f"{name}=5", seed=3))
    assert lines_of(few) != set(lines[:5])
    with pytest.raises(ValueError, match="51 training examples are asked for, but it"):
        opened(f"{name}=51")
    with pytest.raises(ValueError, match="names parse_mini, which is not trained"):
        opened("parse_mini=5")


@pytest.mark.parametrize("text", ["parse_mini", "parse_mini=0", "=3", "parse_mini=few"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not of the form NAME=NUMBER"):
        TrainingConfig(train_examples=text)
    with pytest.raises(ValueError, match="names a twice"):
        TrainingConfig(train_examples="a=1,a=2")
