"""`--source`: whether examples come from files or from tensorflow-datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from t2t_multimodel.bin import program

if TYPE_CHECKING:
    from t2t_multimodel.data.problem import Problem

_ONLY_TFDS = ("tfds_name", "tfds_data_dir", "tfds_download")


def define_flags(flag_values: flags.FlagValues) -> None:
    """The flags that choose a source."""
    flags.DEFINE_enum(
        "source",
        "files",
        ["files", "tfds"],
        "Where examples come from: files in --source_dir, or tensorflow-datasets.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "tfds_name",
        None,
        "With --source=tfds and one problem: another data set of the same kind, such "
        "as wmt19_translate/de-en.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "tfds_data_dir",
        None,
        "Where tensorflow-datasets keeps what it has prepared; by default "
        "~/tensorflow_datasets.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "tfds_download",
        False,
        "Let tensorflow-datasets download and prepare what is not there.",
        flag_values=flag_values,
    )


def from_source(
    problems: Sequence[Problem], flag_values: flags.FlagValues
) -> list[Problem]:
    """The problems with examples from the source that the flags name.

    Problems that make their own data stay as they are.

    Raises:
        ValueError: tensorflow-datasets lacks one, or flags contradict each other.
    """
    if flag_values.source == "files":
        for name in _ONLY_TFDS:
            if flag_values[name].value:
                raise ValueError(f"--{name} goes with --source=tfds")
        return list(problems)
    if flag_values.source_dir:
        raise ValueError("--source_dir is not used with --source=tfds")
    if flag_values.tfds_name and len(problems) != 1:
        raise ValueError("--tfds_name is for one problem at a time")
    from t2t_multimodel.data.tfds_source import from_tfds

    return [
        from_tfds(
            problem,
            flag_values.tfds_name or "",
            program.path(flag_values, "tfds_data_dir"),
            flag_values.tfds_download,
        )
        if problem.needs_source
        else problem
        for problem in problems
    ]
