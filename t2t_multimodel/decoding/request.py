"""What a call of the decoder asks for, checked before anything heavy is loaded.

The fields are the flags of t2t-decoder; a combination that makes no sense is refused
with a line that names them. Nothing here imports TensorFlow.
"""

from __future__ import annotations

import dataclasses
import stat
import sys
from collections.abc import Mapping
from os import fstat
from pathlib import Path

from t2t_multimodel.decoding.config import DecodeConfig

INPUT_FORMATS = ("lines", "tsv", "jsonl")
OUTPUT_FORMATS = ("text", "jsonl")
ON_ERROR = ("stop", "skip")
STDIN = "-"

_SOURCES = {
    "inputs": "inputs as arguments",
    "decode_from_file": "--decode_from_file",
    "split": "--split",
    "score_file": "--score_file",
    "decode_interactive": "--decode_interactive",
}
# For each flag the sources beside which it has no effect.
_VAIN = {
    "input_format": ("inputs", "split", "decode_interactive"),
    "column": ("inputs", "split", "decode_interactive"),
    "max_examples": ("decode_interactive",),
    "decode_to_file": ("decode_interactive",),
    "top_k": ("score_file",),
    "brackets": ("score_file",),
    "config": ("score_file",),
}


@dataclasses.dataclass(frozen=True)
class Request:
    """Which inputs, of which problems, how to decode them, and how to write it.

    Attributes:
        inputs: Sentences, media files or folders of them; `-` alone: standard input.
        decode_from_file: A file of inputs, a folder of media files, or `-`.
        split: A split of the generated data: "train", "dev" or "test".
        score_file: A file of pairs to score in place of decoding, or `-`.
        decode_interactive: Ask for inputs and answer them one by one.
        problem_names: For inputs that name no problem themselves.
        input_format: One of `INPUT_FORMATS`; None: as the file's name ends.
        column: Of a TSV file: name or number of the column with the inputs.
        max_examples: Look at the first so many inputs only of each problem.
        output_format: One of `OUTPUT_FORMATS`.
        decode_to_file: Where to write; None: standard output.
        on_error: One of `ON_ERROR`: what an input does that cannot be read.
        config: How text is searched for.
        top_k: List so many classes; 0: name the best one.
        brackets: Write parse trees in brackets with the words.
        batch_cost: Padded positions in a batch.
        data_dir: Where the data lies, if not where the run read it.

    Raises:
        ValueError: No source of inputs is given or several are, or something has no
            effect beside another.
    """

    inputs: tuple[str, ...] = ()
    decode_from_file: str | None = None
    split: str | None = None
    score_file: str | None = None
    decode_interactive: bool = False
    problem_names: tuple[str, ...] = ()
    input_format: str | None = None
    column: str | None = None
    max_examples: int | None = None
    output_format: str = "text"
    decode_to_file: str | None = None
    on_error: str = "stop"
    config: DecodeConfig = dataclasses.field(default_factory=DecodeConfig)
    top_k: int = 0
    brackets: bool = False
    batch_cost: int = 2048
    data_dir: str | None = None

    def __post_init__(self) -> None:
        if STDIN in self.inputs:
            if len(self.inputs) > 1:
                raise ValueError(
                    f"{STDIN} reads standard input and stands alone, but other inputs "
                    "are given too"
                )
            object.__setattr__(self, "inputs", ())
            if self.decode_from_file is not None:
                raise ValueError(
                    f"{STDIN} and --decode_from_file are two sources of inputs: give "
                    "one of them"
                )
            object.__setattr__(self, "decode_from_file", STDIN)
        source = self.source
        for flag, sources in _VAIN.items():
            is_set = getattr(self, flag) not in (None, 0, DecodeConfig())
            if source in sources and is_set:
                name = "decode_hparams" if flag == "config" else flag
                raise ValueError(f"--{name} has no effect beside {_SOURCES[source]}")
        if self.decode_interactive and self.on_error == "skip":
            raise ValueError(
                "--on_error has no effect beside --decode_interactive, which tells the "
                "fault and asks for the next input"
            )
        self._check_files()

    @property
    def source(self) -> str:
        """The name of the field that says where inputs come from."""
        given = [name for name in _SOURCES if getattr(self, name)]
        if not given:
            raise ValueError(
                "give inputs as arguments, or --decode_from_file, --split, "
                "--score_file, --decode_interactive, or a pipe"
            )
        if len(given) > 1:
            named = " and ".join(_SOURCES[name] for name in given)
            raise ValueError(f"{named} are two sources of inputs: give one of them")
        return given[0]

    def _check_files(self) -> None:
        path = self.decode_from_file or self.score_file
        if self.column is not None and path is not None:
            is_tsv = self.input_format == "tsv" or (
                self.input_format is None
                and (self.score_file or Path(path).suffix.lower() == ".tsv")
            )
            if not is_tsv:
                raise ValueError(
                    f"--column is for TSV, and {path} is not read as such: "
                    "--input_format=tsv says that it is"
                )
        if path is not None and path != STDIN and not Path(path).exists():
            raise FileNotFoundError(f"{path} does not exist")
        if self.score_file and self.input_format == "lines":
            raise ValueError("--score_file takes pairs: --input_format=tsv or jsonl")
        if path is not None and self.score_file and Path(path).is_dir():
            raise ValueError(
                f"--score_file={path} is a folder: it takes a file of pairs"
            )
        if self.decode_to_file is None:
            return
        target = Path(self.decode_to_file)
        if target.is_dir() or not target.absolute().parent.is_dir():
            # Told now, not after hours of decoding.
            fault = (
                "is a folder" if target.is_dir() else "lies in no folder that is there"
            )
            raise ValueError(f"--decode_to_file={target} {fault}")
        is_read = path not in (None, STDIN) and target.exists()
        if is_read and target.samefile(str(path)):
            raise ValueError(f"{target} is both read and written: name another")


def names_source(fields: Mapping[str, object]) -> bool:
    """Whether fields of a request say where inputs come from."""
    return any(fields.get(name) for name in _SOURCES)


def is_piped() -> bool:
    """Whether standard input is a pipe or a file, not a terminal and not nothing."""
    try:
        mode = fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False  # closed, or no stream of the system
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
