"""Hyper-parameters as gin bindings: `hparams.depth = 64`.

Gin's own errors speak of configurables and parameters; here a misspelt field or a
value of the wrong type is refused with the words of `HParams`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gin

from t2t_multimodel.training.config import HParams


@gin.configurable("hparams")
def _bound_fields(**fields: Any) -> dict[str, Any]:
    """The fields that the parsed bindings name."""
    return fields


def apply_gin(
    hparams: HParams, files: Sequence[str] = (), bindings: Sequence[str] = ()
) -> HParams:
    """A copy of `hparams` with what gin files, and then bindings, say of `hparams`.

    Replaces gin's global configuration; bindings of other configurables stay in it
    for whoever made them.

    Args:
        hparams: The set to change.
        files: Paths of gin files, later ones win.
        bindings: Such as "hparams.depth = 64".

    Raises:
        ValueError: A file is missing or cannot be parsed, a field does not exist, or
            a value has the wrong type.
    """
    for file in files:
        if not Path(file).is_file():
            raise ValueError(f"There is no gin file {file}.")
    gin.clear_config()
    try:
        gin.parse_config_files_and_bindings(
            list(files), list(bindings), finalize_config=False
        )
        fields = _bound_fields()
    except (OSError, SyntaxError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        source = ", ".join((*files, *bindings))
        raise ValueError(f"gin cannot read {source}: {reason}") from error
    return hparams.replace(**fields)


def to_gin(hparams: HParams) -> str:
    """All fields as a gin file, which `apply_gin` reads back to the same values."""
    lines = [f"# {hparams.name}, as it took effect."]
    lines += [
        f"hparams.{field} = {value!r}" for field, value in hparams.fields().items()
    ]
    return "\n".join(lines) + "\n"
