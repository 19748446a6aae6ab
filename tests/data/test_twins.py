"""A twin reads another's records, exchanged, and never differs from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.features import Text
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.manifest import Manifest
from t2t_multimodel.data.pipeline import BatchStream, eval_batches, raw_examples
from t2t_multimodel.data.stored import StoredSplit, verify
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.testing.check_problem import check_problem
from t2t_multimodel.testing.text_pairs import TextPairs

ROWS = [(f"a house {n}", "ein Haus" * (n + 1)) for n in range(5)]


def _there(*rows: Any) -> TextPairs:
    return TextPairs(*(rows or ROWS), name="there")


def _back(twin: str = "there") -> TextPairs:
    problem = TextPairs(name="back", twin=twin, after=ValueError("never asked"))
    problem.inputs, problem.targets = Text("german"), Text("english")
    return problem


def _pairs(problem: TextPairs, folder: Path) -> list[tuple[str, str]]:
    rows = raw_examples(problem, folder, "train")
    return [(row["inputs"], row["targets"]) for row in rows]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_twin_has_only_a_manifest_and_indexes_of_its_own(tmp_path: Path) -> None:
    made = generate([_back(), _there()], tmp_path, options=Options(num_shards=2))
    assert list(made) == ["back", "there"]
    assert {name for name in _names(tmp_path) if name.startswith("back")} == {
        "back.manifest.json",
        *(f"back-{split}.index.npz" for split in ("train", "dev", "test")),
    }
    assert _pairs(_back(), tmp_path) == [(de, en) for en, de in ROWS]
    there, back = (StoredSplit(p, tmp_path, "train") for p in (_there(), _back()))
    np.testing.assert_array_equal(back.index.inputs, there.index.targets)
    np.testing.assert_array_equal(back.index.targets, there.index.inputs)
    np.testing.assert_array_equal(back.index.offset, there.index.offset)
    train = made["back"].splits["train"]
    assert (train.inputs, made["back"].twin) == (
        made["there"].splits["train"].targets,
        "there",
    )
    assert made["back"].features == {
        "inputs": "text (german)",
        "targets": "text (english)",
    }
    assert verify(_back(), tmp_path) == made["back"]


def test_batches_of_a_twin_are_exchanged(tmp_path: Path) -> None:
    generate([_there(), _back()], tmp_path)
    vocabulary = Vocabulary.load(tmp_path / "vocab.model")
    (batch,) = eval_batches(_back(), tmp_path, vocabulary, "train", num_buckets=1)
    texts = [vocabulary.decode(row) for row in batch["inputs"].numpy()]
    assert [texts[i] for i in np.argsort(batch["index"])] == [de for _, de in ROWS]
    stream = BatchStream(_back(), tmp_path, vocabulary)
    (batch,) = stream.dataset(num_batches=1)
    assert vocabulary.decode(batch["targets"].numpy()[0]).startswith("a house")


def test_a_twin_brings_along_what_it_reads(tmp_path: Path) -> None:
    made = generate(
        [registry.problem("translate_deen_mini")],
        tmp_path,
        options=Options(max_examples=3),
    )
    assert list(made) == ["translate_deen_mini"]
    assert Manifest.load(tmp_path, "translate_ende_mini").splits["train"].examples == 3


def test_a_twin_asked_for_later_takes_what_is_there(tmp_path: Path) -> None:
    generate([_there()], tmp_path)
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    generate([_there(("c", "d")), _back()], tmp_path)
    after = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert before.items() <= after.items()
    assert len(_pairs(_back(), tmp_path)) == 5
    generate([_there(), _back()], tmp_path)
    assert after == {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}


@pytest.mark.parametrize("asked", ["there", "back", "both"])
def test_overwriting_one_of_the_two_remakes_both(tmp_path: Path, asked: str) -> None:
    generate([_there(), _back()], tmp_path / "data", options=Options(num_shards=3))
    there, back = _there(("new", "neu"), ("old", "alt")), _back()
    problems = {"there": [there], "back": [back], "both": [back, there]}[asked]
    if asked == "back":  # what it reads is then the registry's
        registry.register_problem("there")(lambda: there)
    options = Options(num_shards=2, overwrite=True)
    generate(problems, tmp_path / "data", options=options)
    assert _pairs(back, tmp_path / "data") == [("neu", "new"), ("alt", "old")]
    verify(back, tmp_path / "data")
    generate([there, back], tmp_path / "fresh", options=Options(num_shards=2))
    assert _names(tmp_path / "data") == _names(tmp_path / "fresh")


def test_what_had_records_of_its_own_becomes_a_twin(tmp_path: Path) -> None:
    own = TextPairs(("alt", "old"), name="back")
    own.inputs, own.targets = Text("german"), Text("english")
    generate([own], tmp_path)
    assert "back-train-00000-of-00010" in _names(tmp_path)
    generate([_there(), _back()], tmp_path)
    assert "back-train-00000-of-00010" not in _names(tmp_path)
    assert len(_pairs(_back(), tmp_path)) == 5


def test_a_twin_without_the_other_s_records_is_refused(tmp_path: Path) -> None:
    generate([_there(), _back()], tmp_path)
    (tmp_path / "there-train-00003-of-00010").unlink()
    with pytest.raises(FileNotFoundError, match=r"there-train-00003.* is missing"):
        verify(_back(), tmp_path)


def test_a_twin_fits_the_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"reads or writes text \(english\) where"):
        generate([_there(), TextPairs(name="back", twin="there")], tmp_path)
    other, third = _back(twin="third"), _there()
    other.name, third.name = "there", "third"
    with pytest.raises(ValueError, match="has the twin third itself"):
        generate([third, other, _back()], tmp_path)
    with pytest.raises(ValueError, match="no problem 'nowhere'"):
        generate([_back(twin="nowhere")], tmp_path)


def test_the_folder_of_a_twin_serves_the_other(tmp_path: Path) -> None:
    class Sourced(TextPairs):
        needs_source = True

        def examples(self, split: str, source_dir: Path) -> Any:
            yield {"inputs": source_dir.name, "targets": split}

    (tmp_path / "corpora" / "back").mkdir(parents=True)
    there = Sourced(name="there")
    generate([there, _back()], tmp_path / "data", tmp_path / "corpora")
    assert _pairs(_back(), tmp_path / "data") == [("train", "back")]


def test_a_twin_is_a_problem_like_others(tmp_path: Path) -> None:
    check_problem(registry.problem("translate_fren_mini"), tmp_path, num_examples=4)
