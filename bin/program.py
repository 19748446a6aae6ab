"""What all programs share: reading flags, `--help`, and one clear line on a fault.

A program is a module with a docstring (its help), flags in a `FlagValues` of its own,
and a `main`; `run` does the rest. A `main` that needs TensorFlow first calls
`quiet.import_tensorflow()`, once its flags are checked:

    FLAGS = flags.FlagValues()
    program.define_problem_flags(FLAGS)

    def main(arguments: Sequence[str]) -> None: ...

    def run() -> None:
        program.run(main, FLAGS)

Exit status: 0 done; 1 the user's or the data's fault, with one line
`t2t-...: error: ...` on standard error; 130 interrupted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from absl import flags

from t2t_multimodel import quiet, registry

if TYPE_CHECKING:
    from t2t_multimodel.decoding.config import DecodeConfig

HELP_FLAGS = ("--help", "-help", "-h", "--helpfull", "--helpshort")


def define_problem_flags(flag_values: flags.FlagValues) -> None:
    """The flags that every program has: problems, data_dir, t2t_usr_dir, seed."""
    flags.DEFINE_string(
        "problems",
        None,
        "Names of problems and groups, joined by commas or dashes.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "problem", None, "The same as --problems.", flag_values=flag_values
    )
    flags.DEFINE_string(
        "data_dir", None, "The folder with the generated data.", flag_values=flag_values
    )
    flags.DEFINE_string(
        "t2t_usr_dir",
        None,
        "A folder with problems of your own, imported first.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "seed", 0, "Seed of all that is random.", flag_values=flag_values
    )


def define_decode_hparams(flag_values: flags.FlagValues) -> None:
    """The flags that say how outputs are searched for."""
    flags.DEFINE_string(
        "decode_hparams",
        "",
        'How to search, such as "beam_size=4,alpha=0.6"; greedily by default.',
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "threads",
        None,
        "Processor cores that share an operation; 0: all. By default 1 for a model of "
        "depth 128 or less, which decodes fastest so, and all for others.",
        lower_bound=0,
        flag_values=flag_values,
    )


def decode_config(flag_values: flags.FlagValues) -> DecodeConfig:
    """What `--decode_hparams` says; `--seed` where something is drawn without a seed.

    Raises:
        ValueError: A field is unknown (near names are given) or has no such value.
    """
    from t2t_multimodel.decoding.config import DecodeConfig

    config = DecodeConfig.from_text(flag_values.decode_hparams)
    if config.temperature and not config.seed:
        config = dataclasses.replace(config, seed=flag_values.seed)
    return config


def import_tensorflow_to_decode(
    flag_values: flags.FlagValues, output_dir: str | Path
) -> None:
    """Loads TensorFlow with the `--threads` asked for, or those that suit the run.

    Raises:
        ValueError: `output_dir` is no run's.
    """
    from t2t_multimodel.decoding.threads import cores_to_decode, use_cores
    from t2t_multimodel.training.record import RunRecord

    depth = RunRecord.read(Path(output_dir)).hparams.model.depth
    cores = cores_to_decode(depth, flag_values.threads)
    quiet.import_tensorflow()
    use_cores(cores)


def problem_names(flag_values: flags.FlagValues) -> tuple[str, ...]:
    """The problems that `--problems` or `--problem` names, checked and expanded.

    Raises:
        ValueError: None is named, or one is unknown.
    """
    given = [text for text in (flag_values.problems, flag_values.problem) if text]
    if not given:
        raise ValueError(
            "--problems is missing; it takes names and groups, for example "
            f"--problems={registry.list_groups()[0]} (t2t-datagen --list shows all)"
        )
    return registry.parse_problems(given)


def path(flag_values: flags.FlagValues, name: str) -> Path | None:
    """The path that a flag gives, if any."""
    value: str | None = flag_values[name].value
    return Path(value).expanduser() if value else None


def required(flag_values: flags.FlagValues, name: str) -> Path:
    """The path that a flag must give.

    Raises:
        ValueError: The flag is missing.
    """
    given = path(flag_values, name)
    if given is None:
        raise ValueError(f"--{name} is missing: {flag_values[name].help}")
    return given


def run(
    main: Callable[[Sequence[str]], int | None],
    flag_values: flags.FlagValues,
    argv: Sequence[str] | None = None,
    log_to: TextIO | None = None,
) -> NoReturn:
    """Reads the flags, runs `main` and exits.

    Args:
        main: Gets the arguments that are no flags; may return an exit status.
        flag_values: The program's flags.
        argv: The command line, `sys.argv` by default.
        log_to: Where progress lines go; standard output by default. Warnings go to
            standard error in any case.
    """
    name = Path(main.__code__.co_filename).stem.replace("_", "-")
    if "traceback" not in flag_values:
        flags.DEFINE_bool(
            "traceback",
            False,
            "Show where in the code a fault arose.",
            flag_values=flag_values,
        )
    with _logging_to(log_to or sys.stdout):
        status = _status(name, main, flag_values, argv)
    sys.exit(status)


def _status(
    name: str,
    main: Callable[[Sequence[str]], int | None],
    flag_values: flags.FlagValues,
    argv: Sequence[str] | None,
) -> int:
    given = list(sys.argv if argv is None else argv)
    if any(argument in HELP_FLAGS for argument in given[1:]):
        sys.stdout.write(_help(main, flag_values))
        return 0
    try:
        arguments = flag_values(given)[1:]
        if "t2t_usr_dir" in flag_values and flag_values.t2t_usr_dir:
            quiet.import_tensorflow()  # the user's problems do; keep it quiet
            registry.import_usr_dir(flag_values.t2t_usr_dir)
        for folder in ("data_dir", "output_dir"):
            if folder in flag_values and flag_values[folder].value:
                registry.use_definitions(flag_values[folder].value)
        return main(arguments) or 0
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: interrupted\n")
        return 130
    except (ValueError, OSError, flags.Error) as error:
        if flag_values.is_parsed() and flag_values.traceback:
            raise
        sys.stderr.write(f"{name}: error: {' '.join(str(error).split())}\n")
        return 1


@contextlib.contextmanager
def _logging_to(stream: TextIO) -> Iterator[None]:
    """Lines of progress to `stream`, warnings to standard error."""
    progress = logging.StreamHandler(stream)
    progress.addFilter(lambda record: record.levelno < logging.WARNING)
    warnings = logging.StreamHandler(sys.stderr)
    warnings.setLevel(logging.WARNING)
    for handler in (progress, warnings):
        handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("t2t_multimodel")
    before = logger.handlers[:], logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers[:] = [progress, warnings]
    try:
        yield
    finally:
        logger.handlers[:], level, logger.propagate = before
        logger.setLevel(level)


def _help(
    main: Callable[[Sequence[str]], int | None], flag_values: flags.FlagValues
) -> str:
    lines = [(main.__globals__["__doc__"] or "").strip(), "", "Flags:"]
    for name in sorted(set(flag_values)):
        flag = flag_values[name]
        sign = f"--[no]{name}" if flag.boolean else f"--{name}"
        default = "" if flag.default in (None, False) else f" ({flag.default})"
        lines += [f"  {sign}{default}", f"      {flag.help}"]
    return "\n".join(lines) + "\n"
