"""Which checkpoint is taken: the one asked for, or the newest that is whole."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from t2t_multimodel.training import checkpoint_files as files
from t2t_multimodel.training.checkpoint_files import NAME, DamagedCheckpointError
from t2t_multimodel.training.tensor_file import TensorFile

_log = logging.getLogger(__name__)


def find_checkpoint(output_dir: Path, checkpoint: str | None = None) -> str:
    """The path of a checkpoint of a run, whose files were checked.

    Args:
        output_dir: The run's folder.
        checkpoint: None for the newest that is whole (a warning names newer ones that
            are damaged); else a step ("3000"), a name ("model.ckpt-3000") or a path.

    Raises:
        ValueError: There is none, and those that exist are named; or it is damaged.
    """
    if checkpoint is None:
        newest, damaged = newest_whole(output_dir)
        for other, reason in damaged.items():
            _log.warning(
                "%s is damaged (%s): taking %s, which is from before.",
                other,
                reason,
                Path(newest).name,
            )
        if newest:
            return newest
        raise ValueError(
            f"{output_dir} has no checkpoint; train first with "
            f"t2t-trainer --output_dir={output_dir}."
        )
    name = f"{NAME}-{checkpoint}" if checkpoint.isdigit() else checkpoint
    for path in (Path(name), output_dir / name):
        if files.files_of(str(path)):
            try:
                check_whole(str(path))
            except DamagedCheckpointError as error:
                raise ValueError(
                    f"{path} is damaged ({error}); choose another checkpoint."
                ) from error
            return str(path)
    found = sorted(Path(path).name for path in files.list_checkpoints(output_dir))
    raise ValueError(
        f"There is no checkpoint {checkpoint!r} in {output_dir}; there are: "
        f"{', '.join(found) or 'none'}."
    )


def newest_whole(output_dir: Path) -> tuple[str, dict[str, str]]:
    """The newest checkpoint that is not damaged, and why newer ones are not taken.

    Returns:
        Its path ("" where there is no checkpoint at all), and for the path of each
        newer one what is wrong with it.

    Raises:
        ValueError: There are checkpoints, and all of them are damaged.
    """
    damaged: dict[str, str] = {}
    for path in files.candidates(output_dir):
        try:
            check_whole(path)
        except DamagedCheckpointError as error:
            damaged[path] = str(error)
        else:
            return path, damaged
    if damaged:
        raise files.none_is_whole(output_dir, damaged)
    return "", {}


def newest_regular(output_dir: Path, every: int) -> str:
    """The newest whole checkpoint of a multiple of so many steps; "": there is none."""
    for path in files.candidates(output_dir):
        if files.step_of(path) % every == 0:
            with contextlib.suppress(DamagedCheckpointError):
                check_whole(path)
                return path
    return ""


def whole_checkpoints(output_dir: Path) -> tuple[str, ...]:
    """All checkpoints of a run that are not damaged, the oldest first.

    Warnings name those that are.
    """
    whole = []
    for path in files.list_checkpoints(output_dir):
        try:
            check_whole(path)
        except DamagedCheckpointError as error:
            _log.warning("%s is damaged (%s): left out.", path, error)
        else:
            whole.append(path)
    return tuple(whole)


def check_whole(path: str) -> None:
    """Reads a checkpoint once and compares it with the checksums written with it.

    Raises:
        DamagedCheckpointError: It is not what was written; the text says what differs.
    """
    if files.has_manifest(path):
        files.check_files(path)
    else:  # from before there were manifests: TensorFlow's own checksums
        TensorFile(path).check()
