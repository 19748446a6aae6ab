"""Where inputs come from: arguments, pipes, lines, TSV, JSONL, folders, splits.

All become a list of `Item`s in the order in which they came. Nothing is loaded here: a
media file is a path still. What cannot be read is an item with a `fault`, so that its
place is kept; whoever decodes stops there or skips it.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from t2t_multimodel.data.file_tree import FolderTree
from t2t_multimodel.data.problem import Later, Problem
from t2t_multimodel.data.stored import StoredSplit
from t2t_multimodel.decoding.request import INPUT_FORMATS

# What a folder is searched for, by the modality of a problem's inputs.
ENDINGS = {
    "image": (
        *(".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm"),
        *(".tif", ".tiff", ".webp"),
    ),
    "audio": (".aif", ".aiff", ".flac", ".mp3", ".ogg", ".opus", ".sph", ".wav"),
}


@dataclasses.dataclass(frozen=True)
class Item:
    """One input.

    Attributes:
        value: A sentence, the path of a media file, any raw value of a feature, or a
            `Later` that makes one.
        name: What errors and outputs call it: "in.tsv, line 2", a path, "input 1".
        problem: The problem that it is for; "": the problems that the call names.
        targets: What should come out, where the source says so; a `Later` likewise.
        folder: Where a relative path of a media file is looked for too.
        fault: Why it cannot be read; "" where nothing is wrong so far.
        extra: Further fields of its JSONL or TSV record; JSONL output keeps them.
    """

    value: Any = None
    name: str = ""
    problem: str = ""
    targets: Any = None
    folder: Path | None = None
    fault: str = ""
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def read_arguments(arguments: Sequence[Any], problems: Sequence[Problem]) -> list[Item]:
    """Values as they are; a folder stands for the media files in it.

    Args:
        arguments: Sentences, or paths of media files or folders of them.
        problems: What they are for. A folder is searched for each one's kind of file;
            to a problem with text inputs it is a text like any other.

    Raises:
        ValueError: A folder has no such file.
    """
    items: list[Item] = []
    for number, argument in enumerate(arguments, start=1):
        if _takes_media(problems) and _is_folder(argument):
            items += read_folder(argument, problems)
        else:
            items.append(Item(argument, f"input {number}"))
    return items


def read_folder(folder: str | Path, problems: Sequence[Problem]) -> list[Item]:
    """The media files at any depth of a folder, sorted, hidden ones left out.

    Raises:
        ValueError: None of the problems takes media, or there is no file for any.
    """
    if not _takes_media(problems):
        raise ValueError(
            f"{folder} is a folder: only problems with images or sound as inputs take "
            f"one, and {', '.join(p.name for p in problems) or 'no problem'} does not"
        )
    files = [file for _, file in FolderTree(Path(folder)).walk()]
    items = [
        Item(str(file), str(file), problem.name)
        for file in files
        for problem in problems
        if str(file).lower().endswith(ENDINGS.get(problem.inputs.modality, ()))
    ]
    if not items:
        kinds = [e for p in problems for e in ENDINGS.get(p.inputs.modality, ())]
        raise ValueError(
            f"{folder} has no file with one of the endings {', '.join(kinds)}"
        )
    return items


def read_file(
    path: str | Path, file_format: str | None = None, column: str | None = None
) -> list[Item]:
    """The inputs in a file, one a line.

    Args:
        path: A text file in UTF-8.
        file_format: One of `request.INPUT_FORMATS`; by default as the file's name ends
            (`.tsv`, `.jsonl`), else lines.
        column: See `read_stream`.

    Raises:
        ValueError: The file is empty, or a TSV file has no such column.
        OSError: The file cannot be read.
    """
    path = Path(path)
    ending = path.suffix.lower().removeprefix(".")
    chosen = file_format or (ending if ending in INPUT_FORMATS else "lines")
    with path.open("rb") as file:
        return read_stream(file, chosen, str(path), path.parent, column)


def read_stream(
    stream: BinaryIO,
    file_format: str = "lines",
    name: str = "standard input",
    folder: Path | None = None,
    column: str | None = None,
) -> list[Item]:
    """The inputs in a stream of bytes, one a line.

    Lines end with a line feed (a carriage return before it belongs to the end) and with
    nothing else, so that no character of a text is taken for the end of a line.

    Args:
        stream: What to read to its end.
        file_format: "lines": a line is an input. "jsonl": a line is an object with
            `inputs`, and perhaps `problem` and `targets`. "tsv": cells between tabs; a
            first line with a cell `inputs` (or the one that `column` names) is a
            header, whose names mean what they mean in JSONL.
        name: What to call it.
        folder: Where relative paths of media files are looked for too.
        column: Of TSV: the name of the inputs' column, or its number from 1 where
            there is no header. Without it, and without a header, the first column
            holds inputs and the second, if there is one, targets.

    Raises:
        ValueError: There is no line, or no such column.
    """
    raw = stream.read().removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n").split(b"\n")
    if raw == [b""]:
        raise ValueError(f"{name} is empty: it needs one input a line.")
    lines = _decoded(raw, name, folder)
    if file_format == "lines":
        return list(lines)
    if file_format == "jsonl":
        return [line if line.fault else _from_json(line) for line in lines]
    return _from_table(lines, name, column)


def read_split(
    problem: Problem,
    data_dir: str | Path,
    split: str,
    max_examples: int | None = None,
) -> list[Item]:
    """The inputs of a split of generated data, with their targets; read when needed.

    Raises:
        FileNotFoundError: The problem or the split is not there.
        ValueError: The data was made with other options than `problem` has.
    """
    stored = StoredSplit(problem, data_dir, split)
    for option, value in problem.options.items():
        if stored.manifest.options.get(option) != value:
            raise ValueError(
                f"the data of {problem.name} in {data_dir} was made with another "
                f"{option} than the run was trained with; --data_dir names that data"
            )
    return [
        Item(
            Later(_stored, stored, place, "inputs"),
            f"{problem.name} {split} {place}",
            problem.name,
            Later(_stored, stored, place, "targets"),
        )
        for place in itertools.islice(range(len(stored)), max_examples)
    ]


def _stored(split: StoredSplit, place: int, key: str) -> Any:
    return split.raw(place)[key]


def _takes_media(problems: Sequence[Problem]) -> bool:
    return any(problem.inputs.modality in ENDINGS for problem in problems)


def _is_folder(argument: Any) -> bool:
    return isinstance(argument, str | PurePath) and Path(argument).is_dir()


def _decoded(raw: Sequence[bytes], name: str, folder: Path | None) -> Iterator[Item]:
    for number, line in enumerate(raw, start=1):
        place = f"{name}, line {number}"
        try:
            text = line.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as error:
            yield Item(name=place, fault=f"it is not valid UTF-8: {error}")
        else:
            yield Item(text, place, folder=folder)


def _from_json(line: Item) -> Item:
    try:
        record = json.loads(line.value)
    except ValueError as error:
        return dataclasses.replace(line, value=None, fault=f"it is not JSON: {error}")
    if not isinstance(record, dict):
        return dataclasses.replace(
            line, value=None, fault='it is no JSON object such as {"inputs": ...}'
        )
    return _from_record(line, record)


def _from_record(line: Item, record: dict[str, Any]) -> Item:
    value, problem = record.pop("inputs", None), record.pop("problem", None) or ""
    targets, fault = record.pop("targets", None), ""
    if not isinstance(value, str):
        fault = f"its `inputs` is {_kind(value)}: it needs a text or a path"
    elif not isinstance(problem, str):
        fault = f"its `problem` is {_kind(problem)}: it needs a name"
    return dataclasses.replace(
        line,
        value=value if isinstance(value, str) else None,
        problem=problem if isinstance(problem, str) else "",
        targets=targets,
        fault=fault,
        extra=record,
    )


def _kind(value: Any) -> str:
    return "missing" if value is None else f"{json.dumps(value)[:40]}"


def _from_table(lines: Iterator[Item], name: str, column: str | None) -> list[Item]:
    first = next(lines)
    cells = first.value.split("\t") if first.value is not None else []
    key = column or "inputs"
    number = int(column) if column and column.isdecimal() else None
    if number == 0:
        raise ValueError(f"{name} has no column 0: columns are counted from 1")
    if number is None and key in cells:
        names = ["inputs" if cell == key else cell for cell in cells]
        return [_from_cells(line, names) for line in lines]
    if column and number is None:
        raise ValueError(
            f"{name} has no column {column!r}; its first line has: {', '.join(cells)}"
        )
    names = [""] * (number or 1)
    names[-1] = "inputs"
    if number is None:
        names.append("targets")
    return [_from_cells(line, names) for line in itertools.chain([first], lines)]


def _from_cells(line: Item, names: Sequence[str]) -> Item:
    if line.fault:
        return line
    cells = line.value.split("\t")
    needed = names.index("inputs") + 1
    if len(cells) < needed:
        fault = f"it has {len(cells)} columns, and the inputs are in column {needed}"
        return dataclasses.replace(line, value=None, fault=fault)
    record = dict(zip(names, cells, strict=False))
    record.pop("", None)
    return _from_record(line, record)
