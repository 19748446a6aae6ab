"""The best checkpoint so far."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from t2t_multimodel.bin.best_checkpoint import best_of, kept_best
from t2t_multimodel.evaluation.score import ProblemScores, Score
from t2t_multimodel.training.watching.best_file import Best

WER = Best("speech", "wer", True, "dev", 4, 200, 40.0)
HISTORY = {
    step: [ProblemScores("speech", "dev", 4, 1.0, (Score("wer", value, "WER"),), ())]
    for step, value in ((100, 90.0), (200, 40.0), (300, 60.0))
}


def test_the_best_is_chosen_by_the_main_score() -> None:
    assert best_of(HISTORY, "speech") == WER
    with pytest.raises(ValueError, match=r"by 'x', which was not .* were: speech"):
        best_of(HISTORY, "x")


def test_only_a_strictly_better_one_beats_it() -> None:
    assert dataclasses.replace(WER, value=39.0).beats(WER)
    assert not WER.beats(WER)
    bleu = dataclasses.replace(WER, metric="bleu", is_lower_better=False)
    assert dataclasses.replace(bleu, value=41.0).beats(bleu)


def test_it_is_remembered_and_scores_of_other_kinds_do_not_mix(tmp_path: Path) -> None:
    assert kept_best(tmp_path, WER) is None
    WER.write(tmp_path)
    assert kept_best(tmp_path, WER) == WER
    with pytest.raises(ValueError, match="by split dev, not test"):
        kept_best(tmp_path, dataclasses.replace(WER, split="test"))
    (tmp_path / "best.json").write_text("{}", "utf-8")
    with pytest.raises(ValueError, match=r"best\.json cannot be read"):
        kept_best(tmp_path, WER)
