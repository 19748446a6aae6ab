"""`--from_tsv` and `--from_folder`: problems out of the user's own data."""

from __future__ import annotations

import re
from pathlib import Path

from absl import flags

from t2t_multimodel import registry
from t2t_multimodel.bin import program

_ONLY_HERE = (
    *("dev_from", "test_from", "held_out", "columns", "inputs", "targets"),
    *("languages", "image_size", "sample_rate"),
)


def define_flags(flag_values: flags.FlagValues) -> None:
    """The flags that describe a problem of the user's own."""
    for name, text in (
        (
            "from_tsv",
            "A table of yours, UTF-8, a row a line, columns between tabs: pairs of "
            "texts, or paths of image or audio files and texts. --problems is the name "
            "that it gets.",
        ),
        (
            "from_folder",
            "A folder of yours with a sub-folder of images (or audio files) for every "
            "class; or with train, dev and test, and these with the classes.",
        ),
        ("dev_from", "A table or folder of its own for dev."),
        ("test_from", "A table or folder of its own for test."),
        (
            "held_out",
            "Shares of the inputs that are kept out of train for want of other files: "
            "dev=0.05,test=0.05 by default where there is none for either.",
        ),
        (
            "columns",
            "The columns of inputs and targets in the table: 1,2 by default; names if "
            "its first line has them.",
        ),
        ("languages", "Of inputs and targets, such as english,german or ,german."),
    ):
        flags.DEFINE_string(name, None, text, flag_values=flag_values)
    flags.DEFINE_enum(
        "inputs",
        None,
        ["text", "image", "audio"],
        "What the first column holds; by default to be seen from its first row.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "targets",
        None,
        ["text", "label"],
        "What the second column holds: text by default, or one of a few labels.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "image_size",
        None,
        "Height and width that images are seen with; 64 by default.",
        lower_bound=1,
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "sample_rate",
        None,
        "Samples a second that audio is heard with; 16000 by default.",
        lower_bound=1,
        flag_values=flag_values,
    )


def is_given(flag_values: flags.FlagValues) -> bool:
    """Whether a problem of the user's own is described.

    Raises:
        ValueError: Both a table and a folder are given, or flags that say more about
            them without either.
    """
    given = [n for n in ("from_tsv", "from_folder") if flag_values[n].value]
    if len(given) > 1:
        raise ValueError("--from_tsv and --from_folder make a problem each; give one")
    if not given:
        for name in _ONLY_HERE:
            if flag_values[name].value is not None:
                raise ValueError(f"--{name} goes with --from_tsv or --from_folder")
    return bool(given)


def define_problem(flag_values: flags.FlagValues) -> str:
    """Registers the problem that the flags describe; returns its name.

    Raises:
        ValueError: The flags or the data are at fault.
        OSError: A file is not there or cannot be read.
    """
    name = _name(flag_values)
    from t2t_multimodel.problems.own import define
    from t2t_multimodel.problems.own.problem import register

    wishes = define.Wishes(
        dev=program.path(flag_values, "dev_from"),
        test=program.path(flag_values, "test_from"),
        shares=_shares(flag_values),
        languages=_languages(flag_values),
        inputs=flag_values.inputs or "",
        **{
            field: flag_values[field].value
            for field in ("targets", "image_size", "sample_rate")
            if flag_values[field].value is not None
        },
        **({"columns": flag_values.columns.split(",")} if flag_values.columns else {}),
    )
    table = program.path(flag_values, "from_tsv")
    if table is not None:
        register(define.define_table(name, table, wishes))
        return name
    for field in ("columns", "targets", "languages"):
        if flag_values[field].value is not None:
            raise ValueError(f"--{field} goes with --from_tsv, not with --from_folder")
    folder = program.required(flag_values, "from_folder")
    register(define.define_folder(name, folder, wishes))
    return name


def save_definition(name: str, data_dir: Path) -> None:
    """Keeps the definition of a problem beside its data."""
    from t2t_multimodel.problems.own.problem import OwnProblem

    problem = registry.problem(name)
    assert isinstance(problem, OwnProblem)
    problem.definition.save(data_dir)


def _name(flag_values: flags.FlagValues) -> str:
    given = [text for text in (flag_values.problems, flag_values.problem) if text]
    if len(given) != 1 or not re.fullmatch("[a-z0-9_]+", given[0]):
        raise ValueError(
            "--problems is the name of the new problem, one of the letters a-z, digits "
            f"and '_', not {','.join(given) or 'nothing'!r}"
        )
    if flag_values.source_dir:
        raise ValueError("--source_dir is not used with --from_tsv and --from_folder")
    return given[0]


def _languages(flag_values: flags.FlagValues) -> tuple[str, str]:
    given = (flag_values.languages or ",").split(",")
    if len(given) != 2 or not all(re.fullmatch(r"\w*", text) for text in given):
        raise ValueError(
            f"--languages={flag_values.languages}: two words with a comma between"
        )
    return given[0], given[1]


def _shares(flag_values: flags.FlagValues) -> dict[str, float] | None:
    if flag_values.held_out is None:
        return None
    shares = {}
    for item in filter(None, flag_values.held_out.split(",")):
        split, _, share = item.partition("=")
        try:
            shares[split.strip()] = float(share)
        except ValueError:
            raise ValueError(
                f"--held_out={flag_values.held_out} is not of the form "
                f"dev=0.05,test=0.05"
            ) from None
    return shares
