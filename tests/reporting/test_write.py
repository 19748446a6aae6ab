"""The report of a small run: whole, safe, private; and what of it is missing."""

from __future__ import annotations

import json
import platform
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel.bin import t2t_datagen, t2t_eval, t2t_report, t2t_trainer
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.reporting.facts import Asked, gather
from t2t_multimodel.reporting.write import report_sections, write_report
from t2t_multimodel.training.summaries import Summaries
from t2t_multimodel.training.watching.best_file import Best

ATTACK = "</p><script>alert(1)</script>|"
SECTIONS = (
    *("scores", "curves", "mixture", "experts", "data", "configuration"),
    *("parameters", "environment", "commands", "examples"),
)
PROGRAMS = {
    "t2t-datagen": t2t_datagen.FLAGS,
    "t2t-trainer": t2t_trainer.FLAGS,
    "t2t-eval": t2t_eval.FLAGS,
    "t2t-report": t2t_report.FLAGS,
}
REMEMBERED = Asked(is_to_evaluate=False)


def write(run: Path, asked: Asked = REMEMBERED) -> tuple[str, str]:
    page, card = write_report(run, asked=asked)
    return page.read_text("utf-8"), card.read_text("utf-8")


def test_all_sections_are_there_and_every_modality_shows(made: Path, read: Any) -> None:
    page, card = write(made)
    seen = read(page)
    ids = [found["id"] for tag, found in seen.tags if tag == "section"]
    assert set(SECTIONS) <= set(ids)
    links = [found["href"] for tag, found in seen.tags if tag == "a"]
    assert links == [f"#{name}" for name in ids]
    assert {"audio", "img", "svg", "table", "details"} <= {tag for tag, _ in seen.tags}
    assert "parse tree" in page or "no tree:" in seen.text
    assert "Experts of the decoder" in seen.text
    for shown in ("WER", "top-1", "BLEU-4", "F1", "3 test", "1,000 bootstrap"):
        assert shown in seen.text
    assert "## Examples" not in card  # They are for the page to show.
    for heading in ("Scores", "Data", "Parameters", "Commands"):
        assert f"\n## {heading}\n" in card
    assert "<" not in re.sub("^    .*$", "", card, flags=re.MULTILINE)


def test_the_page_loads_nothing_and_tells_no_names(made: Path, read: Any) -> None:
    page, card = write(made)
    seen = read(page)
    sources = [
        value
        for _, found in seen.tags
        for name, value in found.items()
        if name in ("src", "href", "srcset", "action", "data") and value
    ]
    assert sources and all(s.startswith(("data:", "#")) for s in sources)
    tags = {tag for tag, _ in seen.tags}
    assert not {"script", "link", "iframe", "object", "form"} & tags
    assert "default-src 'none'" in page and "@import" not in page
    for text in (seen.text, card):
        assert "alice" not in text and str(made.parent) not in text
        assert str(Path.home()) not in text
        assert "…/my data" in text
        assert len(platform.node()) < 4 or platform.node() not in text


def test_what_data_model_and_user_say_stays_text(
    made: Path, data_dir: Path, read: Any, edit: Callable[[Path, str, str], None]
) -> None:
    data = made.parent / "data"
    shutil.copytree(data_dir, data)
    escaped = json.dumps(ATTACK)[1:-1]
    for name in ("parse_mini", "caption_mini"):
        path = made / "eval" / "scores" / f"{name}.json"
        values = json.loads(path.read_text("utf-8"))
        for sample in values["samples"]:
            sample["output"] = ATTACK
        values["scores"][0] |= {"title": ATTACK, "detail": ATTACK}
        path.write_text(json.dumps(values), "utf-8")
        manifest = data / f"{name}.manifest.json"
        licence = json.loads(manifest.read_text("utf-8"))["licence"]
        edit(manifest, json.dumps(licence), json.dumps(ATTACK))
    edit(made / "config.json", "my data", escaped)
    page, card = write(made, Asked(data_dir=data, is_to_evaluate=False))
    seen = read(page)
    assert "script" not in {tag for tag, _ in seen.tags}
    assert seen.text.count("alert(1)") >= 12
    assert "<script" not in re.sub("^    .*$", "", card, flags=re.MULTILINE)


def test_scores_are_made_anew_and_remembered(made: Path, op_by_op: Any) -> None:
    shutil.rmtree(made / "eval")
    short = DecodeConfig(max_length=4)
    with op_by_op():
        _, card = write(made, Asked(max_examples=2, decoding=short))
    assert len(re.findall(r"\| 2 test \|", card)) == 4
    assert len(list((made / "eval" / "scores").glob("*.json"))) == 4
    assert write(made)[1].count("| 2 test |") == 4


def test_every_command_is_read_by_its_program(made: Path) -> None:
    _, card = write(made)
    block = card.split("## Commands")[1].split("The run was last")[0]
    lines = [line[4:] for line in block.splitlines() if line.startswith("    ")]
    commands = "\n".join(lines).replace("\\\n", "").splitlines()
    assert [line.split()[0] for line in commands] == list(PROGRAMS)
    for command in commands:
        program, *arguments = shlex.split(command)
        flags = PROGRAMS[program]
        for name in flags:
            flags[name].unparse()
        flags([program, *arguments])
    assert t2t_eval.FLAGS.max_examples == 3 and t2t_eval.FLAGS.checkpoint == "4"
    hparams = gather(made, REMEMBERED).record.hparams
    again = t2t_trainer._hparams()
    assert again.fields() == hparams.fields()


def spoil_checkpoints(run: Path) -> None:
    for path in run.glob("model.ckpt*"):
        path.unlink()


def spoil_curves(run: Path) -> None:
    shutil.rmtree(run / "train")
    shutil.rmtree(run / "dev")


def spoil_scores(run: Path) -> None:
    shutil.rmtree(run / "eval")


def spoil_one_score(run: Path) -> None:
    (run / "eval" / "scores" / "image_mini.json").write_text("{", "utf-8")


def spoil_environment(run: Path) -> None:
    values = json.loads((run / "config.json").read_text("utf-8"))
    del values["environment"]
    (run / "config.json").write_text(json.dumps(values), "utf-8")


def spoil_experts(run: Path) -> None:
    (run / "experts.json").write_text("[1", "utf-8")


def spoil_set(run: Path) -> None:
    path = run / "config.json"
    path.write_text(path.read_text("utf-8").replace("multimodel_tiny", "my_own"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (spoil_checkpoints, "There is no checkpoint to look at: …/run has no"),
        (spoil_curves, "The run left no curves"),
        (spoil_scores, "There are no scores: it was not evaluated yet"),
        (spoil_one_score, "image_mini has no scores: …/image_mini.json cannot be read"),
        (spoil_experts, "There is no map: …/experts.json cannot be read"),
        (spoil_environment, "did not note where it ran"),
        (spoil_set, "There is no set my_own here"),
    ],
)
def test_what_is_missing_is_left_out_with_the_reason(
    made: Path, read: Any, spoil: Callable[[Path], None], told: str
) -> None:
    spoil(made)
    page, _ = write(made)
    assert told in read(page).text
    ids = [found.get("id") for tag, found in read(page).tags if tag == "section"]
    assert set(SECTIONS) <= set(ids)


def test_without_data_what_was_kept_is_shown(made: Path, read: Any) -> None:
    gone = Asked(data_dir=made / "nowhere", is_to_evaluate=False)
    page, _ = write(made, gone)
    text = read(page).text
    assert "speech_mini: problem speech_mini is not in …/nowhere" in text
    assert "WER" in text and "3 test" in text
    # Trees hang on text, which is kept beside the scores; sound is with the data.
    assert "speech_mini has no examples: problem speech_mini is not in" in text
    assert "parse_mini has no examples" not in text
    anew, _ = write(made, Asked(data_dir=made / "nowhere"))
    assert "There are no scores: problem speech_mini is not in" in read(anew).text


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no config\.json"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_changes_to_the_named_set_are_told_with_both_values(made: Path) -> None:
    facts = gather(made, REMEMBERED)
    (section,) = [s for s in report_sections(facts) if s.title == "Configuration"]
    (table,) = [b for b in section.blocks if hasattr(b, "rows")]
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["log_steps"] == ("2", "100")
    assert "label_smoothing" not in rows


def test_what_a_watched_run_scored_on_dev_is_drawn_and_its_best_named(
    made: Path, read: Any
) -> None:
    assert "while training" not in read(write(made)[0]).text
    summaries = Summaries(made)
    for step, value in ((2, 10.0), (4, 30.0)):
        summaries.scalars("dev", step, {"parse_mini/bracketing_f1": value})
    summaries.close()
    (made / "best").mkdir()
    best = Best("parse_mini", "bracketing_f1", False, "dev", 100, 2, 30.0)
    best.write(made / "best")
    page, card = write(made)
    assert "bracketing_f1 on dev while training" in read(page).text
    told = "on 100 dev examples the best checkpoint is that of step 2, with 30;"
    assert told in read(page).text and told in card
    (made / "best" / "best.json").write_text("{", "utf-8")
    page, _ = write(made)
    assert "No best checkpoint is named: …/best.json cannot be" in read(page).text
