"""A conversation: an input, its output, the next input, until Ctrl-D.

Reading and writing are two functions, so that a terminal, a pipe and a test are alike.
On a terminal lines can be edited and those of earlier conversations come back with the
arrow keys, where Python has readline.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel.decoding.answers import json_lines, text_lines
from t2t_multimodel.decoding.jobs import Job
from t2t_multimodel.decoding.raw_inputs import RawDecoder
from t2t_multimodel.decoding.reading import ENDINGS, Item
from t2t_multimodel.training.config import near

HISTORY_FILE = ".t2t_decoder_history"
HISTORY_LINES = 1000
COMMANDS = {
    ":problem": "tells the problem; `:problem NAME` goes to another",
    ":problems": "lists the problems of this model",
    ":help": "shows this",
    ":quit": "ends, as Ctrl-D does",
}

Read = Callable[[str], str]
Write = Callable[[str], object]


class Conversation:
    """Answers lines with one problem of a run at a time.

    Args:
        decoder: Decodes, and keeps its graphs.
        problem_name: The problem to begin with; by default the run's first.
        top_k, brackets: See `rendering.render_output`.
        output_format: "text" or "jsonl".

    Raises:
        ValueError: The run was not trained on the problem.
    """

    def __init__(
        self,
        decoder: RawDecoder,
        problem_name: str | None = None,
        *,
        top_k: int = 0,
        brackets: bool = False,
        output_format: str = "text",
    ) -> None:
        self._decoder = decoder
        self._names: Sequence[str] = decoder.run.problem_names
        self._problem = decoder.run.problem(problem_name or self._names[0])
        self._top_k, self._brackets = top_k, brackets
        self._output_format = output_format
        self._count = 0
        self.is_over = False

    @property
    def prompt(self) -> str:
        """The problem's name and a sign."""
        return f"{self._problem.name}> "

    @property
    def greeting(self) -> str:
        """What a line is to be, in a line."""
        return (
            f"{self._problem.name}: type {self._wanted()}; "
            "`:help` for more, Ctrl-D to end."
        )

    def reply(self, line: str) -> list[str]:
        """The lines that answer a line.

        Raises:
            ValueError: It is no command, or the input cannot be read.
        """
        text = line.strip()
        if text.startswith(":"):
            return self._obey(*text.split(maxsplit=1))
        if not text:
            return []
        value = line
        if self._problem.inputs.modality in ENDINGS:
            # As terminals write a file that is dropped on them.
            unquoted = text[1:-1] if text[0] == text[-1] and text[0] in "'\"" else text
            value = str(Path(unquoted.replace("\\ ", " ")).expanduser())
        job = Job(Item(value, "input"), self._problem, self._count)
        answers = self._decoder.decode([job])
        self._count += 1
        num_outputs = self._decoder.config.num_outputs
        if self._output_format == "jsonl":
            return list(
                json_lines(answers, num_outputs=num_outputs, brackets=self._brackets)
            )
        return list(
            text_lines(
                answers,
                num_outputs=num_outputs,
                top_k=self._top_k,
                brackets=self._brackets,
            )
        )

    def _obey(self, command: str, argument: str = "") -> list[str]:
        if command == ":problem" and argument:
            if argument not in self._names:
                raise ValueError(
                    f"the model has no problem {argument!r}; "
                    f"{near(argument, self._names)}"
                )
            self._problem = self._decoder.run.problem(argument)
            return [self.greeting]
        if command not in COMMANDS:
            raise ValueError(
                f"there is no {command!r}; {near(command, list(COMMANDS))}"
            )
        if command == ":problem":
            return [self.greeting]
        if command == ":problems":
            return [self._described(name) for name in self._names]
        if command == ":quit":
            self.is_over = True
            return []
        width = max(map(len, COMMANDS))
        return [
            f"Type {self._wanted()}: the line after it is what the model makes of it.",
            *(f"{name:{width}}  {what}" for name, what in COMMANDS.items()),
        ]

    def _described(self, name: str) -> str:
        problem = self._decoder.run.problem(name)
        sign = "*" if name == self._problem.name else " "
        return f"{sign} {name}: {problem.inputs.describe()} to " + (
            problem.targets.describe()
        )

    def _wanted(self) -> str:
        kinds = {
            "text": "a sentence",
            "image": "the path of an image file",
            "audio": "the path of an audio file",
        }
        return kinds[self._problem.inputs.modality]


def converse(conversation: Conversation, read: Read, write: Write) -> None:
    """Reads lines and writes replies until the lines end or `:quit`.

    Args:
        conversation: Answers.
        read: Gives the next line when called with the prompt; raises `EOFError` at the
            end. A `KeyboardInterrupt` from it drops the line and asks again.
        write: Takes a line.
    """
    while not conversation.is_over:
        try:
            line = read(conversation.prompt)
        except EOFError:
            return
        except KeyboardInterrupt:
            write("")
            continue
        try:
            replies = conversation.reply(line)
        except ValueError as error:
            replies = [f"error: {' '.join(str(error).split())}"]
        for reply in replies:
            write(reply)


def converse_on_standard_streams(conversation: Conversation) -> None:
    """`converse` on a terminal, with history; or through a pipe, without a prompt."""

    def write(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    if not sys.stdin.isatty():
        converse(conversation, _read_pipe, write)
        return
    write(conversation.greeting)
    with _history(Path.home() / HISTORY_FILE):
        converse(conversation, input, write)
    write("")


def _read_pipe(prompt: str) -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n").removesuffix("\r")


@contextlib.contextmanager
def _history(path: Path) -> Any:
    """Lines of earlier conversations, where readline is there and the file readable."""
    try:
        import readline
    except ImportError:  # Windows has none
        yield
        return
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(HISTORY_LINES)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(path)
