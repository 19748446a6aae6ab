"""A checkpoint with what belongs to it, as a run's folder of its own.

A run deletes its older checkpoints; what is copied out of it stays.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from t2t_multimodel.training import checkpoint_files as files

# What a run's folder holds beside checkpoints and what training logs.
RUN_FILES = (
    *("config.json", "hparams.gin", "vocab.model", "*.problem.json"),
    "*.symbols.json",
)


def copy_run_files(output_dir: Path, target: Path) -> None:
    """Copies what a run's folder says of the run into another folder."""
    target.mkdir(parents=True, exist_ok=True)
    for pattern in RUN_FILES:
        for file in sorted(output_dir.glob(pattern)):
            copy_whole(file, target / file.name)


def copy_whole(file: Path, target: Path) -> None:
    """Copies a file, which appears, or is replaced, when all of it is there."""
    partial = target.with_name(f"{target.name}.tmp")
    shutil.copyfile(file, partial)
    partial.replace(target)


def copy_checkpoint(checkpoint: str, output_dir: Path, target: Path) -> str:
    """Makes one checkpoint of a run a run of its own, in place of any it held.

    Args:
        checkpoint: The checkpoint's path.
        output_dir: The run's folder.
        target: The other folder, which can be evaluated, decoded with and trained on.

    Returns:
        The path of the copy.
    """
    copy_run_files(output_dir, target)
    unfinished = files.start_saving(target, files.step_of(checkpoint))
    for file in files.files_of(checkpoint):
        shutil.copyfile(file, Path(unfinished).with_name(file.name))
    copy = files.finish_saving(target, unfinished)
    # Named as the newest before the other is gone: the folder is a run at all times.
    files.name_to_tensorflow(target, [copy])
    for path in files.list_checkpoints(target):
        if path != copy:
            files.delete(path)
    return copy
