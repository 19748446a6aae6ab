"""What came out: figures of arms, differences between them, and answers in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from t2t_multimodel.evaluation.saved import load_scores
from t2t_multimodel.evaluation.score import ProblemScores, signatures
from t2t_multimodel.experiments.budget import realised
from t2t_multimodel.experiments.intervals import Resampled, resample
from t2t_multimodel.experiments.measures import (
    bound_words,
    digits_of,
    less_is_better,
    measure,
    metrics_of,
    range_of,
    span,
)
from t2t_multimodel.experiments.one_run import (
    RESULT,
    is_done,
    result_of,
    run_folder,
    scores_digest,
)
from t2t_multimodel.experiments.plan import Plan
from t2t_multimodel.experiments.recipe import Arm, Experiment, Question

# Of more answers those that show nothing are counted only.
MOST_ANSWERS = 24
GAINS, LOSES, NOT_SHOWN = "gains", "loses", "not shown"


@dataclasses.dataclass(frozen=True)
class Figure:
    """One metric of one problem in one arm.

    Attributes:
        problem, arm, metric, title, unit: Of what.
        by_seed: The figure for each seed that is done, by seed.
        mean: Over the seeds.
        interval: 95 %, over seeds and examples.
    """

    problem: str
    arm: str
    metric: str
    title: str
    unit: str
    by_seed: Mapping[int, float]
    mean: float
    interval: tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Difference:
    """An arm less its baseline, over the seeds that both have.

    Attributes:
        question: What is asked.
        metric, title, unit: In which figure.
        baseline, arm: Means over those seeds.
        by_seed: The difference for each seed.
        mean: Over the seeds.
        interval: 95 %, over seeds and examples.
        lower_is_better: Whether the arm is the better one where this is negative.
    """

    question: Question
    metric: str
    title: str
    unit: str
    baseline: float
    arm: float
    by_seed: Mapping[int, float]
    mean: float
    interval: tuple[float, float]
    lower_is_better: bool

    @property
    def verdict(self) -> str:
        """`gains` or `loses` where the interval excludes 0 with two seeds or more."""
        low, high = self.interval
        if len(self.by_seed) < 2 or low <= 0 <= high:
            return NOT_SHOWN
        return GAINS if (self.mean > 0) != self.lower_is_better else LOSES

    @property
    def is_main(self) -> bool:
        """Whether it is of the problem's first metric."""
        return self.metric == metrics_of(self.question.problem)[0]

    @property
    def digits(self) -> int:
        """How many digits after the point the figure is told with."""
        return digits_of(self.metric)

    @property
    def bounds(self) -> tuple[str, str]:
        """The interval's ends as they are told."""
        low, high = self.interval
        return bound_words(low, self.digits), bound_words(high, self.digits)

    def words(self) -> str:
        """The answer in a sentence."""
        low, high = self.bounds
        d, unit = self.digits, self.unit and f" {self.unit}"
        told = (
            f"{self.title} {self.baseline:.{d}f}{unit} without, {self.arm:.{d}f}{unit} "
            f"with it: {self.mean:+.{d}f} [{low}, {high}]"
        )
        problem, thing = self.question.problem, self.question.thing
        if self.verdict == GAINS:
            return f"Found: {problem} gains from {thing} ({told})."
        if self.verdict == LOSES:
            return f"Found: {problem} loses by {thing} ({told})."
        if len(self.by_seed) < 2:
            why = "one seed says nothing of another"
        else:
            why = "the interval includes 0"
        return (
            f"Not shown: that {problem} gains from or loses by {thing} ({told}; {why})."
        )


@dataclasses.dataclass(frozen=True)
class Findings:
    """What is known of an experiment, whole or in part.

    Attributes:
        experiment: Which.
        seeds: Those that each arm is done with, by arm.
        figures: In the order of the questions' problems, metrics and arms.
        differences: In the order of the questions.
        had: What the problems of a run had, by arm and seed: see `budget.realised`.
        unequal: Lines on problems whose arms did not see as many examples.
        num_compared: Of how many questions that could be compared at all.
        signatures: What makes the scores comparable.
        num_examples: Test examples scored, by problem.
    """

    experiment: Experiment
    seeds: Mapping[str, tuple[int, ...]]
    figures: tuple[Figure, ...]
    differences: tuple[Difference, ...]
    had: Mapping[str, Mapping[int, Mapping[str, Mapping[str, int]]]]
    unequal: tuple[str, ...]
    num_compared: int
    signatures: tuple[str, ...]
    num_examples: Mapping[str, int]

    def figure(self, problem: str, metric: str, arm: str) -> Figure | None:
        """A figure, if the arm has it."""
        for figure in self.figures:
            if (figure.problem, figure.metric, figure.arm) == (problem, metric, arm):
                return figure
        return None

    def told(self) -> tuple[Difference, ...]:
        """Those that are told in words."""
        return tuple(
            difference
            for difference in self.differences
            if difference.question.tells_all or difference.is_main
        )

    def answers(self) -> list[str]:
        """What is told in words; of very many answers only what was found."""
        told = self.told()
        if len(told) <= MOST_ANSWERS:
            return [difference.words() for difference in told]
        words = [d.words() for d in told if d.verdict != NOT_SHOWN]
        if rest := len(told) - len(words):
            words.append(f"Not shown: {rest} others, which are in the table.")
        return words

    def count_words(self) -> str:
        """How many answers found something, and how many would by chance."""
        verdicts = [difference.verdict for difference in self.told()]
        counted = (
            f"Of {len(verdicts)} answer{'s' * (len(verdicts) != 1)}: "
            f"{verdicts.count(GAINS)} found that a problem gains, "
            f"{verdicts.count(LOSES)} that it loses, {verdicts.count(NOT_SHOWN)} not "
            "shown."
        )
        can_find = sum(len(d.by_seed) > 1 for d in self.told())
        if not can_find:
            return counted
        return (
            f"{counted} If nothing differed at all, about {0.05 * can_find:.1f} would "
            "be found by chance."
        )


def find(plan: Plan, experiment: Experiment, output_dir: Path) -> Findings:
    """Reads what the runs of an experiment left.

    Raises:
        ValueError: Two runs were not scored on the same examples.
    """
    reader = _Reader(plan, output_dir)
    had = {
        arm.name: {
            seed: realised(run_folder(output_dir, plan.run(arm, seed).name))
            for seed in reader.seeds(arm)
        }
        for arm in experiment.arms
    }
    figures = [
        reader.figure(arm, problem, metric)
        for problem in _problems(experiment)
        for metric in metrics_of(problem)
        for arm in experiment.arms
        if problem in arm.problems and reader.seeds(arm)
    ]
    differences = [
        reader.difference(experiment, question, metric)
        for question in experiment.questions
        for metric in metrics_of(question.problem)
        if reader.common_seeds(experiment, question)
    ]
    return Findings(
        experiment=experiment,
        seeds={arm.name: reader.seeds(arm) for arm in experiment.arms},
        figures=tuple(figures),
        differences=tuple(differences),
        had=had,
        unequal=tuple(unequal(experiment.questions, had)),
        num_compared=sum(any(_counts(q, had)[0]) for q in experiment.questions),
        signatures=tuple(signatures(reader.results())),
        num_examples={r.problem: r.num_examples for r in reader.results()},
    )


def unequal(
    questions: Sequence[Question],
    had: Mapping[str, Mapping[int, Mapping[str, Mapping[str, int]]]],
) -> list[str]:
    """A line for each question whose two arms did not see as many examples."""
    lines = []
    for question in questions:
        counts = _counts(question, had)
        if counts[0] != counts[1]:
            told = [
                f"{span(own)} examples in {name!r}"
                for own, name in zip(
                    counts, (question.baseline, question.arm), strict=True
                )
            ]
            lines.append(f"{question.problem}: {', '.join(told)}")
    return lines


def _counts(
    question: Question,
    had: Mapping[str, Mapping[int, Mapping[str, Mapping[str, int]]]],
) -> tuple[list[int], list[int]]:
    """Examples that each of the two arms saw, for each seed that both have."""
    before, after = had[question.baseline], had[question.arm]
    seeds = sorted(before.keys() & after.keys())

    def examples(arm: Mapping[int, Mapping[str, Mapping[str, int]]]) -> list[int]:
        return [arm[s].get(question.problem, {}).get("examples", 0) for s in seeds]

    return examples(before), examples(after)


class _Reader:
    """The scores of runs, each read and resampled once."""

    def __init__(self, plan: Plan, output_dir: Path) -> None:
        self._plan, self._output_dir = plan, output_dir
        self._loaded: dict[tuple[str, str], ProblemScores] = {}
        self._resampled: dict[tuple[str, str, str], Resampled] = {}
        self._titles: dict[tuple[str, str], tuple[str, str]] = {}

    def seeds(self, arm: Arm) -> tuple[int, ...]:
        """Those that the arm is done with."""
        return tuple(
            seed
            for seed in self._plan.seeds
            if is_done(self._output_dir, self._plan.run(arm, seed).name)
        )

    def common_seeds(self, experiment: Experiment, q: Question) -> tuple[int, ...]:
        """Those that both arms of a question are done with."""
        both = [self.seeds(experiment.arm(name)) for name in (q.baseline, q.arm)]
        return tuple(seed for seed in both[0] if seed in both[1])

    def results(self) -> list[ProblemScores]:
        """One of each problem, in the order of reading."""
        return list({r.problem: r for r in self._loaded.values()}.values())

    def figure(self, arm: Arm, problem: str, metric: str) -> Figure:
        seeds = self.seeds(arm)
        found = self._figures(arm, problem, metric, seeds)
        title, unit = self._titles[problem, metric]
        values = dict(zip(seeds, found.by_seed_S.tolist(), strict=True))
        name = arm.name
        interval = found.interval(*range_of(metric))
        return Figure(problem, name, metric, title, unit, values, found.mean, interval)

    def difference(
        self, experiment: Experiment, question: Question, metric: str
    ) -> Difference:
        seeds = self.common_seeds(experiment, question)
        before, after = (
            self._figures(experiment.arm(name), question.problem, metric, seeds)
            for name in (question.baseline, question.arm)
        )
        less = after.minus(before)
        title, unit = self._titles[question.problem, metric]
        low, high = range_of(metric)
        return Difference(
            question=question,
            metric=metric,
            title=title,
            unit=unit,
            baseline=before.mean,
            arm=after.mean,
            by_seed=dict(zip(seeds, less.by_seed_S.tolist(), strict=True)),
            mean=less.mean,
            interval=less.interval(low - high, high - low),
            lower_is_better=less_is_better(metric),
        )

    def _figures(
        self, arm: Arm, problem: str, metric: str, seeds: Sequence[int]
    ) -> Resampled:
        """A metric for each seed, on the same resamples of the examples."""
        parts = []
        for seed in seeds:
            run = self._plan.run(arm, seed).name
            key = (run, problem, metric)
            if key not in self._resampled:
                measurement = measure(self._scores(run, problem), metric)
                self._titles[problem, metric] = measurement.title, measurement.unit
                self._resampled[key] = resample([measurement])
            parts.append(self._resampled[key])
        return Resampled.joined(parts)

    def _scores(self, run: str, problem: str) -> ProblemScores:
        if (run, problem) not in self._loaded:
            folder = run_folder(self._output_dir, run)
            saved = load_scores(folder, problem)
            result = result_of(self._output_dir, run) or {}
            digest = scores_digest(folder, problem)
            if saved is None or result.get("scores", {}).get(problem) != digest:
                raise ValueError(
                    f"{folder}: the scores of {problem} are not those that the "
                    "experiment made: they were lost, or made anew by another program; "
                    f"remove {RESULT} there, and the same command scores the run again"
                )
            for other in self._loaded.values():
                if other.problem == problem and _asked(other) != _asked(saved.result):
                    raise ValueError(
                        f"{folder}: {problem} was scored on other examples than in "
                        "another run; remove result.json there and run it again"
                    )
            self._loaded[run, problem] = saved.result
        return self._loaded[run, problem]


def _asked(result: ProblemScores) -> list[tuple[int, tuple[str, ...]]]:
    return [(sample.index, sample.references) for sample in result.samples]


def _problems(experiment: Experiment) -> tuple[str, ...]:
    """Those asked about, or, where nothing is asked, all."""
    asked = dict.fromkeys(question.problem for question in experiment.questions)
    every = dict.fromkeys(name for arm in experiment.arms for name in arm.problems)
    return tuple(asked or every)
