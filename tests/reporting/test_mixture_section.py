"""What each problem has had, from the ledger of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t2t_multimodel.reporting.blocks import Prose, Section, Table
from t2t_multimodel.reporting.facts import Asked, gather
from t2t_multimodel.reporting.mixture_section import mixture_section, training_seconds

REMEMBERED = Asked(is_to_evaluate=False)


def table_of(section: Section) -> dict[str, tuple[str, ...]]:
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    return {row[0]: tuple(row[1:]) for row in table.rows}


def test_the_run_s_own_ledger_adds_up(made: Path) -> None:
    facts = gather(made, REMEMBERED)
    rows = table_of(mixture_section(facts))
    assert list(rows) == [*facts.record.problem_names, "all"]
    assert rows["all"][0] == "4"
    assert sum(int(row[0]) for row in rows.values()) == 8
    assert [rows[name][2] for name in facts.record.problem_names] == ["25.0%"] * 4


def test_lines_up_to_the_checkpoint_are_summed(made: Path) -> None:
    def amounts(batches: int, epochs: float) -> dict[str, float]:
        return {
            "batches": batches,
            "examples": 10 * batches,
            "targets": 80 * batches,
            "padded_targets": 100 * batches,
            "seconds": 0.5 * batches,
            "loss": 2.0,
            "epochs": epochs,
        }

    lines = [
        {"step": 2, "since": 0, "problems": {"parse_mini": amounts(2, 0.5)}},
        {"step": 2, "mixture": {"old": "uniform", "new": "image_mini=2"}},
        {
            "step": 4,
            "since": 2,
            "problems": {"parse_mini": amounts(1, 0.75), "image_mini": amounts(1, 2)},
        },
        {"step": 6, "since": 4, "problems": {"image_mini": amounts(2, 6)}},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (made / "ledger.jsonl").write_text(text, "utf-8")
    facts = gather(made, REMEMBERED)
    section = mixture_section(facts)
    rows = table_of(section)
    assert rows["parse_mini"] == (
        *("3", "75.0%", "25.0%", "30", "0.75", "240", "20%", "1.5", "75.0%"),
    )
    assert rows["speech_mini"][0] == "0" and rows["speech_mini"][4] == "0.00"
    assert training_seconds(facts) == 2.0
    told = [block.text for block in section.blocks if isinstance(block, Prose)]
    assert "From step 2 on: image_mini=2; before: uniform." in told


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "no ledger.jsonl"), ("{}\n", "…/ledger.jsonl, line 1 is damaged")],
)
def test_without_a_ledger_the_section_says_why(
    made: Path, text: str | None, told: str
) -> None:
    path = made / "ledger.jsonl"
    path.unlink()
    if text is not None:
        path.write_text(text, "utf-8")
    facts = gather(made, REMEMBERED)
    (missing,) = mixture_section(facts).blocks
    assert isinstance(missing, Prose) and missing.is_missing and told in missing.text
    assert training_seconds(facts) is None
