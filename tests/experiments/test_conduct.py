"""Experiments from beginning to end, on a really small world and model."""

from __future__ import annotations

import html.parser
import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from t2t_multimodel import api, registry
from t2t_multimodel.evaluation.saved import load_scores, save_scores
from t2t_multimodel.evaluation.score import ProblemScores, Sample
from t2t_multimodel.experiments import conduct, crew, one_run
from t2t_multimodel.experiments.asked import Asked, cores
from t2t_multimodel.experiments.budget import (
    num_scored,
    seconds_of,
    steps_beside,
    steps_within,
)
from t2t_multimodel.experiments.plan import Scoring
from t2t_multimodel.experiments.plan_file import read_plan, write_plan
from t2t_multimodel.experiments.recipe import Experiment
from t2t_multimodel.experiments.setting import Setting
from t2t_multimodel.testing.small_experiment import tiny_hparams
from t2t_multimodel.training.checkpoint_files import list_checkpoints

STEPS = 2


def asked(folder: Path, recipe: str, **changes: Any) -> Asked:
    wanted: dict[str, Any] = {
        "experiments": (recipe,),
        "output_dir": folder,
        "problems": ("length", "first_word"),
        "hparams": tiny_hparams(),
        "train_steps": STEPS,
        "num_seeds": 2,
        "command_line": ("t2t-experiment", f"--output_dir={folder}"),
    }
    return Asked(**{**wanted, **changes})


def run(console: Console, *arguments: Any, **options: Any) -> conduct.Conducted:
    return conduct.conduct(*arguments, apart=False, console=console, **options)


class Page(html.parser.HTMLParser):
    """Collects what a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append(tag)
        if tag not in ("meta", "path", "circle", "wbr", "br"):
            self.open.append(tag)
        assert tag not in ("script", "link", "iframe")
        assert not any(name in ("src", "onload") for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "circle"):
            assert self.open.pop() == tag


def test_an_experiment_from_names_to_a_report_and_again(
    tmp_path: Path, recipe: str, op_by_op: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_run, "_TIMED_STEPS", 1)
    folder = tmp_path / "tables"
    console = Console(record=True, width=160)
    with op_by_op():
        done = run(console, asked(folder, recipe))
    assert done.status == 0
    told = console.export_text()
    assert (
        f"Budget: {STEPS} steps of each problem in every arm; 2 arms x 2 seeds" in told
    )
    assert told.index("Budget:") < told.index("report.html")
    (found,) = done.findings.values()
    # Equal budgets, by what each run's ledger says: the very same batches.
    assert found.unequal == ()
    for seed in (0, 1):
        alone, joint = (found.had[arm][seed] for arm in ("length alone", "jointly"))
        assert alone["length"] == joint["length"]
        assert alone["length"]["batches"] == joint["first_word"]["batches"] == STEPS
    (budgets,) = done.budgets.values()
    assert budgets[0].examples == {"length": alone["length"]["examples"]}
    values = json.loads((folder / "results.json").read_text("utf-8"))
    own = values["experiments"][recipe]
    assert own["budgets_are_equal"] and own["missing"] == []
    assert [arm["train_steps"] for arm in own["arms"]] == [STEPS, 2 * STEPS]
    assert [d["metric"] for d in own["differences"]] == ["top_1", "top_5"]
    words = (folder / "results.md").read_text("utf-8").replace("\\", "")
    assert own["found"][0] in words
    assert str(tmp_path) not in json.dumps(values)
    page = (folder / "report.html").read_text("utf-8")
    parsed = Page(page)
    assert parsed.open == [] and parsed.found.count("svg") >= 2
    assert "default-src 'none'" in page and str(tmp_path) not in page
    assert 'class="band"' in page

    stamps = {p: p.stat().st_mtime_ns for p in folder.rglob("*/model.ckpt-*")}
    assert stamps
    again = run(Console(quiet=True), asked(folder, recipe, train_steps=None))
    assert again.status == 0
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*/model.ckpt-*")} == stamps
    assert json.loads((folder / "results.json").read_text("utf-8")) == values
    with pytest.raises(ValueError, match="with train_steps 2, not 3: use the same"):
        run(Console(quiet=True), asked(folder, recipe, train_steps=STEPS + 1))


def test_a_run_that_was_killed_ends_as_one_that_was_not(
    tmp_path: Path, recipe: str
) -> None:
    folder, other = tmp_path / "tables", tmp_path / "unbroken"
    # As many threads as this process takes: bits depend on their number.
    plain = tiny_hparams().override("use_experts=false")
    chosen = {"num_seeds": 1, "threads": cores(), "hparams": plain}
    plan = asked(folder, recipe, **chosen).plan(200)
    api.generate(["length"], plan.data_dir)
    for where in (folder, other):
        write_plan(plan, where, None)
    (name,) = (run.name for run in plan.runs() if run.problems == ("length",))
    own = one_run.run_folder(folder, name)
    with (tmp_path / "log").open("wb") as log:
        process = crew.start(folder, name, log)
    while not list_checkpoints(own):
        assert process.poll() is None, (tmp_path / "log").read_text("utf-8")
        time.sleep(0.01)
    crew.end(process)
    assert process.returncode == -signal.SIGKILL
    assert one_run.result_of(folder, name) is None
    assert one_run.train_and_score(folder, name)
    assert one_run.train_and_score(other, name)
    killed, unbroken = (
        load_scores(one_run.run_folder(where, name), "length")
        for where in (folder, other)
    )
    assert killed is not None and unbroken is not None
    assert killed.step == unbroken.step == 200
    assert killed.result.samples == unbroken.result.samples


@pytest.fixture
def quick_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timing that takes no time, and runs that fail if they train two problems."""

    def scored(output_dir: Path, name: str) -> bool:
        if name.startswith("2_problems"):
            raise ValueError("the loss is no number")
        folder = one_run.run_folder(output_dir, name)
        samples = [Sample(0, "red", ("one",), "one", -1.0, ("one",))] * 2
        result = ProblemScores("length", "test", 2, 1.0, (), tuple(samples))
        save_scores(folder, STEPS, [result])
        digests = {"length": one_run.scores_digest(folder, "length")}
        values = {"environment": {"versions": {}}, "scores": digests}
        (folder / one_run.RESULT).write_text(json.dumps(values))
        return True

    names = ("length", "first_word")
    timing = {
        "built": 1.0,
        "kind": dict.fromkeys(names, "text to label"),
        "first": {"text to label": 2.0},
        "step": dict.fromkeys(names, 0.1),
        "peak_bytes": 1e9,
    }
    monkeypatch.setattr(one_run, "time_steps", lambda folder: timing)
    monkeypatch.setattr(one_run, "train_and_score", scored)


def test_a_dry_run_tells_the_budget_and_plans_nothing(
    tmp_path: Path, recipe: str, quick_runs: None
) -> None:
    console = Console(record=True, width=200)
    folder = tmp_path / "tables"
    done = run(console, asked(folder, recipe), is_dry=True)
    told = console.export_text()
    assert re.search(r"length alone +1 +2 +[\d,]+ +0\.0\d +0\.0\d", told)
    assert "= 4 runs, 12 steps in all; about" in told
    assert read_plan(folder) is None and not (folder / "runs").exists()
    assert not done.findings


def test_a_failing_run_is_reported_and_the_rest_is_shown(
    tmp_path: Path, recipe: str, quick_runs: None
) -> None:
    folder = tmp_path / "tables"
    done = run(Console(quiet=True), asked(folder, recipe))
    assert done.status == 1
    assert {o.told for o in done.outcomes} == {"", "the loss is no number"}
    values = json.loads((folder / "results.json").read_text("utf-8"))
    assert values["experiments"][recipe]["missing"] == ["jointly, seed 0, 1"]
    assert values["experiments"][recipe]["budgets_are_equal"] is None
    page = (folder / "report.html").read_text("utf-8")
    assert "saw equally many" not in page
    assert "Not there: jointly, seed 0, 1." in page
    assert "Nothing can be compared yet." in page
    with pytest.raises(ValueError, match="jointly, seed 0 failed: the loss is no num"):
        conduct.experiment(
            recipe,
            folder,
            ["length", "first_word"],
            tiny_hparams(),
            apart=False,
            num_seeds=2,
        )


def test_a_fault_of_any_kind_stops_no_other_run(
    tmp_path: Path, recipe: str, quick_runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = one_run.train_and_score

    def full(output_dir: Path, name: str) -> bool:
        if name.startswith("2_problems"):
            raise OSError(28, "No space left on device")
        return usual(output_dir, name)

    monkeypatch.setattr(one_run, "train_and_score", full)
    done = run(Console(quiet=True), asked(tmp_path / "tables", recipe))
    assert sorted(o.status for o in done.outcomes) == [0, 0, 1, 1]
    assert any("No space left on device" in o.told for o in done.outcomes)
    assert (tmp_path / "tables" / "report.html").exists()


def test_code_that_differed_between_runs_is_told(
    tmp_path: Path, recipe: str, quick_runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tables"
    done = run(Console(quiet=True), asked(folder, recipe))
    assert "NOT all made alike" not in (folder / "report.html").read_text("utf-8")
    _, second = (o.run.name for o in done.outcomes if o.status == 0)
    path = one_run.run_folder(folder, second) / one_run.RESULT
    values = json.loads(path.read_text("utf-8"))
    values["environment"]["versions"] = {"t2t-multimodel": "0.0.1"}
    path.write_text(json.dumps(values), "utf-8")
    run(Console(quiet=True), asked(folder, recipe))
    page = (folder / "report.html").read_text("utf-8")
    assert "NOT all made alike: versions differed between them." in page


def test_the_code_is_known_by_all_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = one_run.code_digest()
    assert usual == one_run.code_digest()
    (tmp_path / "mine.py").write_text("", "utf-8")
    monkeypatch.setattr(registry, "usr_dirs", lambda: (tmp_path,))
    first = one_run.code_digest()
    (tmp_path / "mine.py").write_text("x = 1", "utf-8")
    assert len({usual, first, one_run.code_digest()}) == 3


def test_a_notebook_that_is_stopped_begins_no_other_run(
    tmp_path: Path, recipe: str, quick_runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def stopped(output_dir: Path, name: str) -> bool:
        begun.append(name)
        return False

    monkeypatch.setattr(one_run, "train_and_score", stopped)
    with pytest.raises(KeyboardInterrupt, match="the same call goes on"):
        conduct.experiment(
            recipe,
            tmp_path / "tables",
            ["length", "first_word"],
            tiny_hparams(),
            apart=False,
            num_seeds=2,
        )
    assert len(begun) == 1


def alone_again(setting: Setting) -> Experiment:
    """Another experiment, which has a run of the other one."""
    alone = setting.alone("length")
    return Experiment("Again?", (alone,), ())


def test_the_report_has_what_the_folder_was_asked_for_before(
    tmp_path: Path, recipe: str, quick_runs: None
) -> None:
    registry.register_experiment(alone_again)
    folder = tmp_path / "tables"
    run(Console(quiet=True), asked(folder, recipe))
    done = run(Console(quiet=True), asked(folder, "alone_again", num_seeds=1))
    assert list(done.findings) == ["alone_again"]
    values = json.loads((folder / "results.json").read_text("utf-8"))
    assert list(values["experiments"]) == ["alone_again", recipe]
    assert values["settings"]["seeds"] == [0, 1]
    plan = read_plan(folder)
    assert plan is not None and plan["seeds"] == [0, 1]


def test_two_do_not_work_in_one_folder(tmp_path: Path, recipe: str) -> None:
    with (
        one_run.only_one(tmp_path),
        pytest.raises(ValueError, match=f"another process is at work in {tmp_path}"),
    ):
        run(Console(quiet=True), asked(tmp_path, recipe))


def test_minutes_become_steps(tmp_path: Path, recipe: str) -> None:
    timing = {
        "built": 10.0,
        "kind": dict.fromkeys(("length", "first_word"), "text to label"),
        "first": {"text to label": 5.0},
        "step": {"length": 0.1, "first_word": 0.3},
    }
    plan = asked(tmp_path, recipe).plan(1)
    api.generate(plan.setting.problems, plan.data_dir)
    assert num_scored(plan) == 20
    beside = steps_beside(plan)
    steps = steps_within(plan, timing, minutes=10, num_processes=2)
    total, more = (
        sum(
            seconds_of(timing, dict.fromkeys(r.problems, count + beside))
            for r in plan.runs()
        )
        for count in (steps, steps + 1)
    )
    assert total <= 2 * 600 < more
    # Twice as many steps of the problem that has most of the time: fewer fit.
    doubled = asked(tmp_path, recipe, rates={"first_word": 2.0}).plan(1)
    fewer = steps_within(doubled, timing, minutes=10, num_processes=2)
    assert steps / 2 < fewer < 0.7 * steps
    with pytest.raises(
        ValueError, match=r"--minutes=0\.5 is not enough for 4 runs: they"
    ):
        steps_within(plan, timing, minutes=0.5, num_processes=2)


def test_what_contradicts_itself_is_refused(tmp_path: Path, recipe: str) -> None:
    with pytest.raises(ValueError, match="--train_steps or --minutes, not both"):
        asked(tmp_path, recipe, minutes=3)
    with pytest.raises(ValueError, match="num_seeds is 0; it must be above 0"):
        asked(tmp_path, recipe, num_seeds=0)
    with pytest.raises(ValueError, match="near it: alpha"):
        asked(tmp_path, recipe, scoring=Scoring(decode_hparams="alhpa=1")).check()
    two = ("parse_wsj", "parse_mini")
    corpora = asked(tmp_path, "parsing_transfer", problems=two)
    with pytest.raises(
        ValueError, match="--data_dir is missing: parse_wsj need a corp"
    ):
        corpora.check()
