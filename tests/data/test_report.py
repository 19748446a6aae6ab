"""The report: numbers that can be counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from t2t_multimodel.data.features import Audio, ClassLabel, Text
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.problem import Problem, Skip
from t2t_multimodel.data.report import length_report, report, text_report
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.testing.text_pairs import TextPairs


def test_lengths_are_summed_up() -> None:
    found = length_report(Text(), np.array([2] * 50 + [3] * 49 + [101]))
    assert found is not None
    assert (found.unit, found.min, found.max, found.mean) == ("tokens", 2, 101, 3.48)
    assert found.percentiles == {5: 2, 25: 2, 50: 3, 75: 3, 95: 3, 99: 101}
    assert found.bounds[:3] == [2, 7, 12] and len(found.bounds) == 21
    assert found.counts == [99, *[0] * 18, 1]


def test_few_lengths_have_a_bar_each() -> None:
    found = length_report(Text(), np.array([4, 4, 6]))
    assert found is not None
    assert (found.bounds, found.counts) == ([4, 5, 6, 7], [2, 0, 1])


def test_sound_is_measured_in_seconds_and_labels_not_at_all() -> None:
    found = length_report(Audio(sample_rate=8000), np.array([8000, 12000]))
    assert found is not None
    assert (found.unit, found.min, found.max) == ("seconds", 1.0, 1.5)
    assert sum(found.counts) == 2
    assert length_report(ClassLabel(2), np.array([1, 1])) is None


def test_what_the_vocabulary_does_not_know_is_spelled_in_bytes(tmp_path: Path) -> None:
    vocabulary = Vocabulary.train(["ab ab"] * 9, tmp_path / "vocab.model")
    found = text_report(["ab ab", "aé ab ö", "é"], vocabulary)
    assert (found.examples, found.words) == (3, 6)
    assert found.characters_in_bytes == {"é": 2, "ö": 1}
    # 13 characters: 5 and 7 and 1
    assert found.share_of_characters_in_bytes == pytest.approx(3 / 13, abs=1e-5)
    assert found.share_of_words_in_bytes == pytest.approx(3 / 6)
    tokens = sum(len(vocabulary.encode(t)) for t in ("ab ab", "aé ab ö", "é"))
    assert found.tokens_per_word == pytest.approx(tokens / 6, abs=1e-5)


def test_a_report_tells_of_all_and_is_saved(tmp_path: Path) -> None:
    rows = [(f"word {n}", "wort") for n in range(40)]
    problem = TextPairs(
        *rows, Skip("unbalanced", "x.mrg, tree 3"), by_split={"dev": (rows[7],)}
    )
    options = Options(max_bad_share=0.1)
    generate([problem], tmp_path, options=options)
    found = report(problem, tmp_path)
    train = found.splits["train"]
    assert (train.examples, train.num_faults) == (40, 1)
    assert train.skipped == {"unbalanced": 1}
    assert train.first_skipped == {"unbalanced": ["x.mrg, tree 3"]}
    assert train.text["inputs"].words == 80 and train.text["targets"].words == 40
    assert train.lengths["targets"].counts == [40]
    assert [(r.split, r.other, r.count, r.first) for r in found.repeated] == [
        ("dev", "train", 1, (0, 7)),
        ("test", "train", 40, (0, 0)),
        ("test", "dev", 1, (7, 0)),
    ]
    saved = json.loads(found.save(tmp_path).read_text("utf-8"))
    assert saved["splits"]["train"]["lengths"]["inputs"]["unit"] == "tokens"
    assert saved["repeated"][0]["count"] == 1
    generate([problem], tmp_path, options=Options(overwrite=True, max_bad_share=0.1))
    assert not (tmp_path / "pairs.report.json").exists()  # it told of what is gone


def test_every_kind_of_feature_is_reported(
    data_dir: Path, problems: dict[str, Problem]
) -> None:
    lengths, texts = {}, {}
    for name, problem in problems.items():
        train = report(problem, data_dir).splits["train"]
        lengths[name] = {key: found.unit for key, found in train.lengths.items()}
        texts[name] = list(train.text)
    assert lengths["sounds"] == {"inputs": "seconds", "targets": "tokens"}
    assert lengths["pictures"] == {} and texts["pictures"] == []
    assert texts["captions"] == ["targets"] and texts["trees"] == ["inputs", "targets"]
