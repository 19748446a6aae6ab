"""What makes a table or a folder of files a problem, and the file that keeps it.

The definition stands in the data directory as NAME.problem.json and is copied into the
folder of a run, so that each of them knows the problem's name by itself.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.data.features import Audio, ClassLabel, Feature, Image, Text
from t2t_multimodel.data.problem import SPLITS

FORMAT = 1
KINDS = {"inputs": ("text", "image", "audio"), "targets": ("text", "label")}

# Pictures are stored no larger than is of use: twice the size seen, and some margin.
_LEAST_STORED_SIDE = 256


@dataclasses.dataclass(frozen=True)
class Definition:
    """A problem of the user's own.

    Attributes:
        name: What it is called.
        inputs: The feature of the inputs: its `kind`, and what that kind needs
            (`language`, `size`, `sample_rate`).
        targets: That of the targets: `kind`, `language`, `classes`.
        form: "table" or "folder".
        files: By split the table, or the folder of classes; absolute paths. Splits
            that are not there are drawn from train as `shares` says, or do not exist.
        columns: Of a table: the columns of inputs and targets, from 1.
        has_header: Of a table: whether the first line names the columns.
        shares: By split, the share of the inputs that is held out of train.
        contents: Changes with the contents of the files.
    """

    name: str
    inputs: Mapping[str, Any]
    targets: Mapping[str, Any]
    form: str
    files: Mapping[str, str]
    columns: tuple[int, int] = (1, 2)
    has_header: bool = False
    shares: Mapping[str, float] = dataclasses.field(default_factory=dict)
    contents: str = ""

    def save(self, folder: Path) -> Path:
        """Writes NAME.problem.json into a folder, whole or not at all."""
        path = folder / f"{self.name}{registry.DEFINITION_SUFFIX}"
        values = {"format": FORMAT, **dataclasses.asdict(self)}
        text = json.dumps(values, indent=1, ensure_ascii=False)
        partial = path.with_name(f".{path.name}.unfinished")
        partial.write_text(text + "\n", "utf-8")
        partial.replace(path)
        return path

    @classmethod
    def load(cls, path: Path) -> Definition:
        """Reads a file that `save` has written.

        Raises:
            ValueError: It is damaged, of another format, or called after another one.
            OSError: It cannot be read.
        """
        try:
            values = json.loads(path.read_text("utf-8"))
            if values.pop("format") != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            columns = tuple(values.pop("columns"))
            found = cls(**values, columns=columns)
            found._check()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} defines no problem: {error}") from error
        if path.name != f"{found.name}{registry.DEFINITION_SUFFIX}":
            raise ValueError(
                f"{path} defines {found.name}, not what it is called after"
            )
        return found

    def _check(self) -> None:
        for side, kinds in KINDS.items():
            kind = getattr(self, side)["kind"]
            if kind not in kinds:
                raise ValueError(f"{side} are {kind!r}, not one of {', '.join(kinds)}")
        if self.form not in ("table", "folder"):
            raise ValueError(f"its form is {self.form!r}")
        unknown = {*self.files, *self.shares} - set(SPLITS)
        if unknown or "train" not in self.files:
            raise ValueError(f"its files are those of {', '.join(self.files)}")
        if len(self.columns) != 2 or min(self.columns) < 1:
            raise ValueError(f"its columns are {self.columns}")


def feature_of(values: Mapping[str, Any]) -> Feature:
    """The feature that a side of a definition describes.

    Raises:
        ValueError: A value is not what the feature takes.
        KeyError: A value is missing.
    """
    kind = values["kind"]
    if kind == "text":
        return Text(values.get("language"))
    if kind == "label":
        return ClassLabel(tuple(values["classes"]))
    if kind == "audio":
        return Audio(values["sample_rate"])
    if kind != "image":
        raise ValueError(f"no kind of data {kind!r}")
    size = values["size"]
    return Image(
        size, size, crop=True, max_stored_side=max(_LEAST_STORED_SIDE, 2 * size)
    )
