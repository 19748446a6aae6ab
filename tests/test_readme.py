"""What the README and the docs show is run, or at least read by what would run it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import t2t_multimodel
from t2t_multimodel import registry
from t2t_multimodel.bin import (
    t2t_avg_all,
    t2t_bleu,
    t2t_datagen,
    t2t_decoder,
    t2t_eval,
    t2t_experiment,
    t2t_report,
    t2t_trainer,
)
from t2t_multimodel.data.generation import generate
from t2t_multimodel.data.pipeline import eval_batches
from t2t_multimodel.data.vocabulary import Vocabulary

ROOT = Path(__file__).parents[1]
OWN_NAMES = ("sentiment_reviews", "my_pairs", "my_photos")
FLAGS = {
    "t2t-datagen": t2t_datagen.FLAGS,
    "t2t-trainer": t2t_trainer.FLAGS,
    "t2t-eval": t2t_eval.FLAGS,
    "t2t-experiment": t2t_experiment.FLAGS,
    "t2t-decoder": t2t_decoder.FLAGS,
    "t2t-avg-all": t2t_avg_all.FLAGS,
    "t2t-bleu": t2t_bleu.FLAGS,
    "t2t-report": t2t_report.FLAGS,
}


def blocks(path: str, language: str) -> list[str]:
    """The fenced blocks of a language in a document."""
    text = (ROOT / path).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    lines = [
        line
        for document in ("README.md", "docs/growing.md", "docs/experiments.md")
        for block in blocks(document, "bash")
        for line in block.split("\n")
    ]
    return [shlex.split(line) for line in lines if line.startswith("t2t-")]


def own_problem() -> str:
    (found,) = [b for b in blocks("README.md", "python") if "register_problem" in b]
    return found


def test_the_problem_of_your_own_works_as_it_stands(tmp_path: Path) -> None:
    usr_dir, source = tmp_path / "my_problems", tmp_path / "reviews"
    usr_dir.mkdir()
    source.mkdir()
    (usr_dir / "reviews.py").write_text(own_problem(), "utf-8")
    for split in ("train", "dev", "test"):
        lines = [
            f"{split} {n} was dull\tnegative\nwhat joy {n}\tpositive\n" for n in "ab"
        ]
        (source / f"{split}.tsv").write_text("".join(lines), "utf-8")
    registry.import_usr_dir(usr_dir)
    problem = registry.problem("sentiment_reviews")
    manifest = generate([problem], tmp_path / "data", source)["sentiment_reviews"]
    assert manifest.splits["train"].examples == 4
    vocabulary = Vocabulary.load(tmp_path / "data" / "vocab.model")
    found = {
        vocabulary.decode(text): int(label)
        for batch in eval_batches(problem, tmp_path / "data", vocabulary, split="test")
        for text, label in zip(
            batch["inputs"].numpy(), batch["targets"].numpy(), strict=True
        )
    }
    assert len(found) == 4
    assert found["test a was dull"] == 0
    assert found["what joy b"] == 1


def test_the_problem_of_your_own_is_about_twelve_lines_and_everywhere_the_same() -> (
    None
):
    assert own_problem() == blocks("docs/own_problem.md", "python")[0]
    assert len(own_problem().split("class ")[1].splitlines()) + 1 <= 12


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_shown_is_read_by_its_program(command: list[str]) -> None:
    program, *arguments = command
    flags = FLAGS[program]
    for name in flags:
        flags[name].unparse()
    flags(command)
    for flag in {"problems", "problem"} & set(flags):
        text = flags[flag].value
        names = [name for name in (text or "").split(",") if name not in OWN_NAMES]
        assert not text or not names or registry.parse_problems(names)
    if program == "t2t-trainer":
        changes = flags.hparams or ""
        registry.hparams(flags.hparams_set).override(changes)
    assert arguments


@pytest.mark.parametrize(
    "command",
    [command for command in commands() if command[0] == "t2t-experiment"],
    ids=" ".join,
)
def test_every_experiment_shown_gives_its_arms(
    command: list[str], tmp_path: Path
) -> None:
    flags = t2t_experiment.FLAGS
    for name in flags:
        flags[name].unparse()
    flags(command)
    if flags.t2t_usr_dir:
        files = {f.name: f.read_text() for f in (ROOT / flags.t2t_usr_dir).glob("*.py")}
        (shown,) = [
            b for b in blocks("docs/experiments.md", "python") if "register" in b
        ]
        for name, recipe in (files or {"captions.py": shown}).items():
            (tmp_path / name).write_text(recipe, "utf-8")
        registry.import_usr_dir(tmp_path)
    if not flags.experiments:
        assert flags.list or registry.recipe(flags.describe)
        return
    asked = t2t_experiment.asked()
    asked.check()
    assert len(asked.plan(5).runs()) >= 2 * asked.num_seeds


def test_the_lines_for_a_notebook_call_what_exists() -> None:
    (lines,) = [b for b in blocks("README.md", "python") if "import t2t" in b]
    compile(lines, "README.md", "exec")
    called = set(re.findall(r"\bt2t\.(\w+)", lines))
    assert called == {"generate", "train"}
    assert all(callable(getattr(t2t_multimodel, name)) for name in called)
    of_run = set(re.findall(r"\brun\.(\w+)", lines))
    assert of_run == {"losses", "evaluate", "decode"}
    assert all(hasattr(t2t_multimodel.TrainedRun, name) for name in of_run)


def test_links_in_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
