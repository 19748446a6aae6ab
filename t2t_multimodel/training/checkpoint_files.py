"""The files of checkpoints: which there are, which are whole, which stay.

A checkpoint `model.ckpt-STEP` is an index and a data file as TensorFlow writes them,
and a manifest with the size and the SHA-256 of both. They are written into a folder of
their own, `.saving`, and moved from there one by one: data, index, manifest. They are
deleted in the opposite order. So after a kill there is either nothing to see, or data
alone, which `tidy` removes, or index and data, which are whole. TensorFlow's list of
checkpoints, the file `checkpoint`, is written last: what it names is there.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from t2t_multimodel.data.manifest import sha256_of

NAME = "model.ckpt"
SAVING, DAMAGED = ".saving", "damaged"
MANIFEST = ".manifest.json"
FORMAT = 1


class DamagedCheckpointError(ValueError):
    """A checkpoint's files are not as they were written; the text says which."""


def list_checkpoints(output_dir: Path) -> tuple[str, ...]:
    """The paths of all checkpoints of a run, the oldest first."""
    return tuple(_path(output_dir, step) for step in _steps(output_dir, (".index",)))


def candidates(output_dir: Path) -> tuple[str, ...]:
    """The same, the newest first, and those of which only the manifest is left."""
    steps = _steps(output_dir, (".index", MANIFEST))
    return tuple(_path(output_dir, step) for step in reversed(steps))


def step_of(path: str) -> int:
    """The step in a checkpoint's name; -1 if there is none."""
    number = Path(path).name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


def files_of(path: str) -> list[Path]:
    """A checkpoint's files that are there: data, index, manifest, in this order."""
    found = _files(path)
    return sorted(found, key=lambda f: (f.name.endswith(MANIFEST), f.suffix, f.name))


def has_manifest(path: str) -> bool:
    """Whether the checkpoint has one; those from before there were any have not."""
    return Path(path + MANIFEST).exists()


def write_manifest(path: str) -> None:
    """Writes the manifest of a checkpoint's other files; all of it is on the disk."""
    described = {}
    for file in files_of(path):
        _sync(file)
        described[file.name] = {"size": file.stat().st_size, "sha256": sha256_of(file)}
    values = {"format": FORMAT, "step": step_of(path), "files": described}
    manifest = Path(path + MANIFEST)
    manifest.write_text(json.dumps(values, indent=2) + "\n", "utf-8")
    _sync(manifest)


def check_files(path: str) -> None:
    """Compares a checkpoint's files with its manifest, reading each once.

    Raises:
        DamagedCheckpointError: A file is missing or differs, or the manifest does.
    """
    manifest = Path(path + MANIFEST)
    try:
        values = json.loads(manifest.read_text("utf-8"))
        known = values["format"], values["step"]
        files = {n: (f["size"], f["sha256"]) for n, f in values["files"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedCheckpointError(f"{manifest.name} cannot be read") from error
    if known != (FORMAT, step_of(path)):
        raise DamagedCheckpointError(f"{manifest.name} is of another checkpoint")
    found = {file.name: file for file in _files(path)}
    del found[manifest.name]
    for name in sorted(found.keys() | files | {f"{Path(path).name}.index"}):
        if name not in found:
            raise DamagedCheckpointError(f"{name} is missing")
        if name not in files:
            raise DamagedCheckpointError(f"{manifest.name} does not list {name}")
        size, digest = files[name]
        if found[name].stat().st_size != size:
            there = found[name].stat().st_size
            raise DamagedCheckpointError(f"{name} has {there} bytes, not {size}")
        if sha256_of(found[name]) != digest:
            raise DamagedCheckpointError(f"{name} differs from what was written")


def start_saving(output_dir: Path, step: int) -> str:
    """An empty folder to write a checkpoint into; the checkpoint's path there."""
    folder = output_dir / SAVING
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return _path(folder, step)


def finish_saving(output_dir: Path, path: str) -> str:
    """Moves a checkpoint with its manifest to its place; its path there."""
    target = _path(output_dir, step_of(path))
    delete(target)
    for file in files_of(path):
        file.replace(output_dir / file.name)
    with contextlib.suppress(OSError):  # some file systems cannot, for a folder
        _sync(output_dir)
    (output_dir / SAVING).rmdir()
    return target


def delete(path: str) -> None:
    """Deletes a checkpoint, the manifest first, so that no rest of it looks damaged."""
    for file in reversed(files_of(path)):
        file.unlink()


def set_aside(path: str) -> Path:
    """Moves a damaged checkpoint out of the way; the folder where it is then."""
    folder = Path(path).parent / DAMAGED
    folder.mkdir(exist_ok=True)
    # The manifest last: until then it says that the checkpoint is damaged.
    for file in files_of(path):
        file.replace(folder / file.name)
    return folder


def prune(output_dir: Path, keep: int, keep_every: int = 0) -> None:
    """Names the newest checkpoint to TensorFlow and deletes those not to be kept.

    Args:
        output_dir: The run's folder.
        keep: How many stay, from the newest.
        keep_every: Beside them, the first one of every so many steps stays; 0: none.
    """
    paths = list_checkpoints(output_dir)
    stretches: dict[int, str] = {}
    for path in paths if keep_every else ():
        stretches.setdefault(step_of(path) // keep_every, path)
    stretches.pop(0, None)
    kept = {*paths[-keep:], *stretches.values()}
    name_to_tensorflow(output_dir, [path for path in paths if path in kept])
    for path in paths:
        if path not in kept:
            delete(path)


def tidy(output_dir: Path) -> None:
    """Removes what a killed save or deletion left behind."""
    shutil.rmtree(output_dir / SAVING, ignore_errors=True)
    for folder in output_dir.glob(f"{NAME}-*_temp"):  # TensorFlow's own saving
        shutil.rmtree(folder, ignore_errors=True)
    whole = set(candidates(output_dir))
    for file in output_dir.glob(f"{NAME}-*.data-*"):
        if str(file.with_suffix("")) not in whole:
            file.unlink()
    paths = list_checkpoints(output_dir)
    if paths:
        name_to_tensorflow(output_dir, paths)


def name_to_tensorflow(folder: Path, paths: Iterable[str]) -> None:
    """Writes TensorFlow's list of a folder's checkpoints, the newest one last."""
    names = [Path(path).name for path in paths]
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    partial = folder / "checkpoint.unfinished"
    partial.write_text("\n".join(lines) + "\n", "utf-8")
    partial.replace(folder / "checkpoint")


def none_is_whole(output_dir: Path, damaged: Mapping[str, str]) -> ValueError:
    """The error where there are checkpoints and all of them are damaged."""
    listed = "; ".join(f"{Path(p).name}: {why}" for p, why in damaged.items())
    return ValueError(
        f"every checkpoint in {output_dir} is damaged ({listed}); put back a copy of "
        "one of them, or train anew in another --output_dir."
    )


def _path(folder: Path, step: int) -> str:
    return str(folder / f"{NAME}-{step}")


def _files(path: str) -> list[Path]:
    return list(Path(path).parent.glob(f"{glob.escape(Path(path).name)}.*"))


def _steps(output_dir: Path, suffixes: Iterable[str]) -> list[int]:
    """The steps of which there is a file with one of these endings, ascending."""
    found = set()
    for suffix in suffixes:
        for path in output_dir.glob(f"{NAME}-*{suffix}"):
            step = path.name.removeprefix(f"{NAME}-").removesuffix(suffix)
            if step.isdigit():
                found.add(int(step))
    return sorted(found)


def _sync(path: Path) -> None:
    """Waits until a file, or a folder's list of files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
