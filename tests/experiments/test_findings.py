"""What is read from finished runs, and how it is put into words."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.evaluation.saved import save_scores
from t2t_multimodel.evaluation.score import ProblemScores, Sample
from t2t_multimodel.experiments.findings import (
    GAINS,
    LOSES,
    NOT_SHOWN,
    Difference,
    Findings,
    find,
    unequal,
)
from t2t_multimodel.experiments.measures import LOG_PERPLEXITY, measure
from t2t_multimodel.experiments.one_run import RESULT, run_folder, scores_digest
from t2t_multimodel.experiments.plan import Plan, Scoring, make_plan
from t2t_multimodel.experiments.recipe import Experiment, Question
from t2t_multimodel.experiments.setting import Setting
from t2t_multimodel.testing.small_experiment import tiny_hparams
from t2t_multimodel.training.ledger_file import LedgerFile

QUESTION = Question("reversal", "company", "reversal alone", "jointly")
WORDS = ["red", "dog", "sees", "two", "red", "cats"]


def of_reversal(setting: Setting) -> Experiment:
    """A recipe of two arms."""
    arms = setting.alone("reversal"), setting.together(name="jointly")
    return Experiment("Is company good?", arms, (QUESTION,))


@pytest.fixture
def plan(recipe: str, tmp_path: Path) -> Plan:
    registry.register_experiment(of_reversal)
    return make_plan(
        ["of_reversal"],
        Setting(("reversal", "length"), 40, tiny_hparams()),
        seeds=(0, 1, 2),
        scoring=Scoring(),
        data_dir=tmp_path,
        threads=1,
    )


def scores(num_right: int, nats: float, size: int = 50) -> ProblemScores:
    """Outputs of which the first so many are right."""
    right = " ".join(WORDS)
    samples = [
        Sample(
            n, "x", (right,), right if n < num_right else "red", -1.0, (), (-nats, 1, 2)
        )
        for n in range(size)
    ]
    return ProblemScores("reversal", "test", size, 1.0, (), tuple(samples))


def finish(
    folder: Path,
    plan: Plan,
    arm: str,
    seed: int,
    *,
    right: int,
    nats: float,
    examples: int = 640,
    size: int = 50,
) -> None:
    """What a run leaves when it is done."""
    (experiment,) = plan.experiments.values()
    own = run_folder(folder, plan.run(experiment.arm(arm), seed).name)
    had = {"batches": 40, "examples": examples}
    LedgerFile(own).append({"step": 40, "since": 0, "problems": {"reversal": had}})
    save_scores(own, 40, [scores(right, nats, size)])
    digests = {"reversal": scores_digest(own, "reversal")}
    values = {"environment": {}, "scores": digests}
    (own / RESULT).write_text(json.dumps(values), "utf-8")


def found(folder: Path, plan: Plan) -> Findings:
    (experiment,) = plan.experiments.values()
    return find(plan, experiment, folder)


def test_metrics_are_found_in_what_a_run_saved() -> None:
    result = scores(50, nats=3.0)
    assert measure(result, "bleu").value == pytest.approx(100.0)
    # 3 nats over 2 tokens each.
    assert measure(result, LOG_PERPLEXITY).value == pytest.approx(1.5)
    ranked = [
        Sample(0, None, ("b",), "a", -1.0, ("a", "b", "c")),
        Sample(1, None, ("a",), "a", -1.0, ("a", "b", "c")),
    ]
    classes = dataclasses.replace(result, samples=tuple(ranked), num_examples=2)
    assert measure(classes, "top_1").value == 50.0
    assert measure(classes, "top_5").value == 100.0


def test_a_difference_is_of_seeds_that_both_arms_have(
    tmp_path: Path, plan: Plan
) -> None:
    for seed in (0, 1, 2):
        finish(tmp_path, plan, "reversal alone", seed, right=20, nats=4.0)
    for seed in (0, 2):
        finish(tmp_path, plan, "jointly", seed, right=45, nats=2.0 + seed)
    result = found(tmp_path, plan)
    assert result.seeds == {"reversal alone": (0, 1, 2), "jointly": (0, 2)}
    bleu, _, loss = result.differences
    assert (bleu.metric, loss.metric) == ("bleu", LOG_PERPLEXITY)
    assert list(bleu.by_seed) == [0, 2]
    # 4 nats over 2 tokens are 2; 2 nats and 4 are 1 and 2.
    assert loss.by_seed == {0: pytest.approx(-1.0), 2: pytest.approx(0.0)}
    assert loss.mean == pytest.approx(-0.5)
    assert loss.verdict == NOT_SHOWN
    assert bleu.mean > 20 and bleu.verdict == GAINS
    assert bleu.words().startswith("Found: reversal gains from company (BLEU ")
    assert result.told() == (bleu,)
    assert result.count_words() == (
        "Of 1 answer: 1 found that a problem gains, 0 that it loses, 0 not shown. If "
        "nothing differed at all, about 0.1 would be found by chance."
    )
    assert result.num_compared == 1
    figure = result.figure("reversal", LOG_PERPLEXITY, "jointly")
    assert figure is not None and figure.by_seed == {0: 1.0, 2: 2.0}
    assert result.num_examples == {"reversal": 50}
    assert result.unequal == ()


def test_nothing_is_compared_before_both_arms_have_a_seed(
    tmp_path: Path, plan: Plan
) -> None:
    finish(tmp_path, plan, "reversal alone", 0, right=20, nats=4.0)
    result = found(tmp_path, plan)
    assert result.differences == () and result.num_compared == 0
    assert {figure.arm for figure in result.figures} == {"reversal alone"}


def test_scores_that_another_program_made_are_refused(
    tmp_path: Path, plan: Plan
) -> None:
    finish(tmp_path, plan, "reversal alone", 0, right=20, nats=4.0)
    finish(tmp_path, plan, "jointly", 0, right=20, nats=4.0)
    (experiment,) = plan.experiments.values()
    own = run_folder(tmp_path, plan.run(experiment.arm("jointly"), 0).name)
    save_scores(own, 40, [scores(20, 4.0)], DecodeConfig(beam_size=4))
    with pytest.raises(
        ValueError, match="the scores of reversal are not those that the experiment"
    ):
        found(tmp_path, plan)


def test_a_result_that_cannot_be_read_is_named(tmp_path: Path, plan: Plan) -> None:
    finish(tmp_path, plan, "reversal alone", 0, right=20, nats=4.0)
    (experiment,) = plan.experiments.values()
    own = run_folder(tmp_path, plan.run(experiment.arm("reversal alone"), 0).name)
    (own / RESULT).write_text("", "utf-8")
    with pytest.raises(ValueError, match=r"result\.json cannot be read .*; remove it"):
        found(tmp_path, plan)


def test_other_examples_are_refused(tmp_path: Path, plan: Plan) -> None:
    finish(tmp_path, plan, "reversal alone", 0, right=20, nats=4.0)
    finish(tmp_path, plan, "jointly", 0, right=20, nats=4.0, size=49)
    with pytest.raises(ValueError, match="reversal was scored on other examples"):
        found(tmp_path, plan)


def test_unequal_budgets_are_told(tmp_path: Path, plan: Plan) -> None:
    for seed, examples in ((0, 640), (1, 639)):
        finish(tmp_path, plan, "reversal alone", seed, right=20, nats=4.0)
        arm = "jointly"
        finish(tmp_path, plan, arm, seed, right=20, nats=4.0, examples=examples)
    assert found(tmp_path, plan).unequal == (
        "reversal: 640 examples in 'reversal alone', 639 to 640 examples in 'jointly'",
    )
    assert unequal([QUESTION], {"reversal alone": {}, "jointly": {1: {}}}) == []


def difference(
    low: float, high: float, *, seeds: int = 3, less: bool = False
) -> Difference:
    mean = (low + high) / 2
    return Difference(
        question=QUESTION,
        metric="wer" if less else "bleu",
        title="WER" if less else "BLEU",
        unit="%" if less else "",
        baseline=50.0,
        arm=50.0 + mean,
        by_seed=dict.fromkeys(range(seeds), mean),
        mean=mean,
        interval=(low, high),
        lower_is_better=less,
    )


@pytest.mark.parametrize(
    ("one", "verdict", "words"),
    [
        (
            difference(1.0, 5.0),
            GAINS,
            "Found: reversal gains from company (BLEU 50.0 without, 53.0 with it: +3.0 "
            "[+1.0, +5.0]).",
        ),
        (
            difference(-5.0, -1.0),
            LOSES,
            "Found: reversal loses by company (BLEU 50.0 without, 47.0 with it: -3.0 "
            "[-5.0, -1.0]).",
        ),
        (
            difference(-5.0, -1.0, less=True),
            GAINS,
            "Found: reversal gains from company (WER 50.0 % without, 47.0 % with it: "
            "-3.0 [-5.0, -1.0]).",
        ),
        (
            difference(0.038, 5.0),
            GAINS,
            "Found: reversal gains from company (BLEU 50.0 without, 52.5 with it: +2.5 "
            "[+0.04, +5.0]).",
        ),
        (
            difference(-4.0, 0.002),
            NOT_SHOWN,
            "Not shown: that reversal gains from or loses by company (BLEU 50.0 "
            "without, 48.0 with it: -2.0 [-4.0, +0.002]; the interval includes 0).",
        ),
        (
            difference(1.0, 5.0, less=True),
            LOSES,
            "Found: reversal loses by company (WER",
        ),
        (
            difference(0.0, 4.0),
            NOT_SHOWN,
            "Not shown: that reversal gains from or loses by company (BLEU 50.0 "
            "without, 52.0 with it: +2.0 [+0.0, +4.0]; the interval includes 0).",
        ),
        (
            difference(1.0, 5.0, seeds=1),
            NOT_SHOWN,
            "Not shown: that reversal gains from or loses by company (BLEU 50.0 "
            "without, 53.0 with it: +3.0 [+1.0, +5.0]; one seed says nothing of "
            "another).",
        ),
    ],
)
def test_words_claim_what_the_interval_allows(
    one: Difference, verdict: str, words: str
) -> None:
    assert one.verdict == verdict
    assert one.words().startswith(words)


def test_of_very_many_answers_those_that_show_nothing_are_counted(
    plan: Plan,
) -> None:
    (experiment,) = plan.experiments.values()
    shown, not_shown = difference(1.0, 5.0), difference(0.0, 4.0)

    def answers(*differences: Difference) -> list[str]:
        of = Findings(experiment, {}, (), differences, {}, (), 0, (), {})
        return of.answers()

    assert answers(shown, not_shown) == [shown.words(), not_shown.words()]
    told = "Not shown: 30 others, which are in the table."
    assert answers(*[not_shown] * 30, shown) == [shown.words(), told]
    assert answers(*[shown] * 30) == [shown.words()] * 30
