"""Runs a program of ours as a user does, or its work in this process: for tests."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

_PROGRAM = """
import atexit, sys
atexit.register(
    lambda: sys.stderr.write(f"tensorflow: {{'tensorflow' in sys.modules}}\\n"))
from t2t_multimodel.bin import {module}
sys.argv[0] = "{name}"
{module}.run()
"""


def run_program(name: str, *arguments: str) -> tuple[int, str, list[str]]:
    """A program in a process of its own.

    Args:
        name: Such as "t2t-eval".
        arguments: Of its command line.

    Returns:
        Its exit status, its standard output, and the lines of its standard error, of
        which the last one, "tensorflow: False", says whether TensorFlow was loaded.
    """
    program = _PROGRAM.format(module=name.replace("-", "_"), name=name)
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr.splitlines()


def call_program(module: Any, *arguments: str) -> Any:
    """What a program's `main` does and returns, in this process, its flags set anew."""
    module.FLAGS.unparse_flags()
    for name in module.FLAGS:
        module.FLAGS[name].unparse()
    return module.main(module.FLAGS([module.__name__, *arguments])[1:])
