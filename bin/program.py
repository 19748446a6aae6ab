"""What all programs share: reading flags, `--help`, and one clear line on a fault.

A program is a module with a docstring (its help), flags in a `FlagValues` of its own,
and a `main`; `run` does the rest:

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
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from absl import flags

from t2t_multimodel import registry

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


def required(flag_values: flags.FlagValues, name: str) -> Path:
    """The path that a flag must give.

    Raises:
        ValueError: The flag is missing.
    """
    value: str | None = flag_values[name].value
    if not value:
        raise ValueError(f"--{name} is missing: {flag_values[name].help}")
    return Path(value).expanduser()


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
    flags.DEFINE_bool(
        "traceback",
        False,
        "Show where in the code a fault arose.",
        flag_values=flag_values,
    )
    sys.exit(_status(name, main, flag_values, argv, log_to))


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Keeps what TensorFlow writes while it loads from standard error.

    Its libraries write a few lines before any log level counts.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def import_tensorflow() -> None:
    """Loads TensorFlow without the lines that it writes of itself."""
    with quiet_import():
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")


def _status(
    name: str,
    main: Callable[[Sequence[str]], int | None],
    flag_values: flags.FlagValues,
    argv: Sequence[str] | None,
    log_to: TextIO | None,
) -> int:
    given = list(sys.argv if argv is None else argv)
    if any(argument in HELP_FLAGS for argument in given[1:]):
        sys.stdout.write(_help(main, flag_values))
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _start_logging(log_to or sys.stdout)
    try:
        arguments = flag_values(given)[1:]
        if "t2t_usr_dir" in flag_values and flag_values.t2t_usr_dir:
            import_tensorflow()  # the user's problems do; keep it quiet
            registry.import_usr_dir(flag_values.t2t_usr_dir)
        return main(arguments) or 0
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: interrupted\n")
        return 130
    except (ValueError, OSError, flags.Error) as error:
        if flag_values.is_parsed() and flag_values.traceback:
            raise
        sys.stderr.write(f"{name}: error: {' '.join(str(error).split())}\n")
        return 1


def _start_logging(stream: TextIO) -> None:
    """Lines of progress to `stream`, warnings to standard error."""
    progress = logging.StreamHandler(stream)
    progress.addFilter(lambda record: record.levelno < logging.WARNING)
    warnings = logging.StreamHandler(sys.stderr)
    warnings.setLevel(logging.WARNING)
    for handler in (progress, warnings):
        handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("t2t_multimodel")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers[:] = [progress, warnings]


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
