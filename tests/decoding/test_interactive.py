"""A conversation: prompts, commands, near names, faults, an end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.decode import DecodedText
from t2t_multimodel.decoding.interactive import Conversation, converse
from t2t_multimodel.decoding.jobs import Job
from t2t_multimodel.decoding.raw_inputs import Answer

NAMES = ("translate_ende_mini", "translate_enfr_mini", "caption_mini")


class Shouting:
    """Stands for a decoder: says the input in capitals, refuses an empty file."""

    config = DecodeConfig()

    def __init__(self) -> None:
        self.run = SimpleNamespace(problem_names=NAMES, problem=self._problem)
        self.numbers: list[int] = []

    def _problem(self, name: str) -> Problem:
        return registry.problem(name)

    def decode(self, jobs: Sequence[Job]) -> list[Answer]:
        (job,) = jobs
        self.numbers.append(job.number)
        if job.item.value == "nowhere.png":
            raise ValueError("input: nowhere.png\ndoes not exist")
        return [Answer(job, DecodedText(str(job.item.value).upper(), -1.0, -1.0))]


def talk(*lines: str | type[BaseException]) -> tuple[list[str], list[str], Shouting]:
    """The prompts shown and the lines written."""
    prompts: list[str] = []
    written: list[str] = []
    left = [*lines, EOFError]

    def read(prompt: str) -> str:
        prompts.append(prompt)
        line = left.pop(0)
        if isinstance(line, str):
            return line
        raise line

    decoder = Shouting()
    write: Callable[[str], None] = written.append
    converse(Conversation(decoder), read, write)  # type: ignore[arg-type]
    return prompts, written, decoder


def test_the_prompt_names_the_problem_and_inputs_are_counted() -> None:
    prompts, written, decoder = talk("a b", "", "c", ":problem caption_mini", "d.png")
    assert prompts == [*["translate_ende_mini> "] * 4, *["caption_mini> "] * 2]
    assert [written[0], written[1], written[3]] == ["A B", "C", "D.PNG"]
    assert "path of an image file" in written[2]
    assert decoder.numbers == [0, 1, 2]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (
            ":problem translate_enfd",
            "no problem 'translate_enfd'; near it: translate_en",
        ),
        (":problm", "there is no ':problm'; near it: :problem"),
        (":zzz", "there is no ':zzz'; there are: :help"),
    ],
)
def test_a_misspelling_is_answered_with_what_is_near(line: str, reply: str) -> None:
    prompts, (written,), _ = talk(line)
    assert reply in written
    assert written.startswith("error: ")
    assert len(prompts) == 2


def test_help_and_the_list_of_problems() -> None:
    _, written, _ = talk(":help", ":problems")
    assert any(line.startswith(":problem ") for line in written)
    assert [line.split(":")[0] for line in written[-3:]] == [
        f"{'* ' if name == NAMES[0] else '  '}{name}" for name in NAMES
    ]


def test_a_fault_is_a_line_and_the_conversation_goes_on() -> None:
    _, written, _ = talk(":problem caption_mini", "nowhere.png", "'my photo.png'")
    assert written[1:] == ["error: input: nowhere.png does not exist", "MY PHOTO.PNG"]
    _, written, _ = talk(":problem caption_mini", r"~/my\ photo.png")
    assert written[1] == str(Path.home() / "my photo.png").upper()


def test_it_ends_where_it_is_told_to_and_ctrl_c_drops_a_line() -> None:
    prompts, written, _ = talk("a", ":quit", "b")
    assert (len(prompts), written) == (2, ["A"])
    prompts, written, _ = talk(KeyboardInterrupt, "a")
    assert (len(prompts), written) == (3, ["", "A"])
