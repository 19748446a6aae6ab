"""The folder of an unfinished generation: what is done already, whoever ended it.

Everything is made in a folder of its own and moved to its final name at the end. For
every shard that is whole there is a small file that says so, and of what it was made; a
generation that was ended, by an error, by Ctrl-C or by `kill -9`, finds them when it is
started again. What was made of something else is discarded.

Moving to the final names is a list of steps that is written down first. A generation
that was ended in the middle of it is completed before anything else is done.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from t2t_multimodel.data.index import ROW
from t2t_multimodel.data.listing import SplitJob
from t2t_multimodel.data.manifest import VOCABULARY_FILE, Manifest, manifest_path
from t2t_multimodel.data.records import shard_name
from t2t_multimodel.data.shards import (
    DONE,
    WrittenShard,
    note_whole,
    rows_path,
    write_whole,
)

_STEPS = "steps.json"
_LEARNED = "vocabulary.json"
_LOCK = "lock"

_log = logging.getLogger(__name__)


class Unfinished:
    """A folder for what is being made; a context manager.

    On leaving, the folder vanishes, and with it a data directory that was made for it
    and is empty; but it stays where work was ended that can be taken up again.

    Args:
        data_dir: Where all will be moved to; made if need be.
        tmp_dir: Where the folder is made; in `data_dir` by default.

    Attributes:
        folder: The folder.
        published: Names of the problems that were moved to their final names on
            entering, as an earlier generation was ended in the middle of it.

    Raises:
        ValueError: `tmp_dir` is on another file system; or another generation is
            under way.
    """

    def __init__(self, data_dir: Path, tmp_dir: Path | None = None) -> None:
        self._data_dir = data_dir
        self._is_new = not data_dir.exists()
        data_dir.mkdir(parents=True, exist_ok=True)
        home, name = data_dir, ".unfinished"
        if tmp_dir is not None:
            home = tmp_dir
            owner = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:8]
            name = f".unfinished-{owner}"
            home.mkdir(parents=True, exist_ok=True)
            if home.stat().st_dev != data_dir.stat().st_dev:
                self._remove_data_dir()
                raise ValueError(
                    f"--tmp_dir {home} is on another file system than --data_dir "
                    f"{data_dir}, so finished files could not be moved there at once"
                )
        self.folder = home / name
        self.published: tuple[str, ...] = ()

    def __enter__(self) -> Unfinished:
        self.folder.mkdir(exist_ok=True)
        self._lock = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(self._lock).st_nlink:  # its owner is just leaving
                raise BlockingIOError
        except BlockingIOError as error:
            os.close(self._lock)
            raise ValueError(
                f"another process is generating into {self._data_dir}; wait for it"
            ) from error
        if self._steps.exists():
            _log.info("%s: completing what was interrupted", self._data_dir)
            self.published = self._take_steps()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        left = {path.name for path in self.folder.glob(f"*{DONE}")}
        if kind is not None and (left or self._steps.exists()):
            _log.info(
                "what is done is kept in %s; the same command goes on from there",
                self.folder,
            )
        else:
            shutil.rmtree(self.folder)
        os.close(self._lock)
        if kind is not None:
            self._remove_data_dir()

    @property
    def vocabulary_key(self) -> str | None:
        """The key noted for the vocabulary in the folder; None: there is none."""
        path = self.folder / _LEARNED
        if not path.exists() or not (self.folder / VOCABULARY_FILE).exists():
            return None
        key: str = json.loads(path.read_text("utf-8"))["key"]
        return key

    def note_vocabulary(self, key: str) -> None:
        """Notes what the vocabulary that is now in the folder was learned from."""
        write_whole(self.folder / _LEARNED, {"key": key})

    def written(self, job: SplitJob, key: str) -> dict[int, WrittenShard]:
        """The shards of a split that are whole, by number; others are discarded.

        Args:
            job: The split.
            key: Identifies what decides the bytes of the split.
        """
        found: dict[int, WrittenShard] = {}
        num_discarded = 0
        for path in sorted(self.folder.glob(f"{job.name}-*{DONE}")):
            shard = path.with_name(path.name.removesuffix(DONE))
            data = json.loads(path.read_text("utf-8"))
            done = WrittenShard.from_dict(data["shard"])
            name = shard_name(
                job.problem.name, job.split, data["number"], job.num_shards
            )
            if (data["key"], shard.name) == (key, name) and _is_whole(shard, done):
                found[data["number"]] = done
                continue
            num_discarded += 1
            for file in (path, shard, rows_path(shard)):
                file.unlink(missing_ok=True)
        if num_discarded:
            _log.info(
                "%s: %d shards of an unfinished generation are discarded: they were "
                "made of another source or with other options",
                job.name,
                num_discarded,
            )
        return found

    def note(self, key: str, number: int, shard: WrittenShard) -> None:
        """Notes that a shard in the folder is whole."""
        note_whole(self.folder, key, number, shard)

    def publish(
        self,
        manifests: Sequence[Manifest],
        replaced: Iterable[Manifest],
        has_new_vocabulary: bool,
    ) -> None:
        """Moves all to its final names; a problem's manifest is the last of its files.

        Args:
            manifests: Of what is in the folder.
            replaced: The manifests of the same problems in the data directory.
            has_new_vocabulary: Whether the folder has a vocabulary as well.
        """
        files = {m.problem: [file.file for file in m.files()] for m in manifests}
        for manifest in manifests:
            manifest.save(self.folder)
        moved = {name for names in files.values() for name in names}
        old = {file.file for manifest in replaced for file in manifest.files()}
        reports = {f"{name}.report.json" for name in files}
        steps = {
            "obsolete": sorted((old - moved) | reports),
            "vocabulary": has_new_vocabulary,
            "problems": files,
        }
        write_whole(self._steps, steps)
        self._take_steps()

    @property
    def _steps(self) -> Path:
        return self.folder / _STEPS

    def _take_steps(self) -> tuple[str, ...]:
        """Does what the list of steps says, or what remains of it."""
        steps = json.loads(self._steps.read_text("utf-8"))
        folder, data_dir = self.folder, self._data_dir
        # What has its manifest in the data directory already is whole.
        remaining = [
            name for name in steps["problems"] if manifest_path(folder, name).exists()
        ]
        for name in remaining:
            manifest_path(data_dir, name).unlink(missing_ok=True)
        for file in steps["obsolete"]:
            (data_dir / file).unlink(missing_ok=True)
        for name in remaining:
            files = [*steps["problems"][name], manifest_path(folder, name).name]
            if steps["vocabulary"]:
                files.insert(0, VOCABULARY_FILE)
            for file in files:
                if (folder / file).exists():
                    (folder / file).replace(data_dir / file)
        for path in self.folder.iterdir():
            # Rows, and what was begun and never asked for again.
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in (_LOCK, _STEPS):
                path.unlink()
        self._steps.unlink()
        return tuple(steps["problems"])

    def _remove_data_dir(self) -> None:
        if self._is_new and not any(self._data_dir.iterdir()):
            self._data_dir.rmdir()


def _is_whole(shard: Path, done: WrittenShard) -> bool:
    """Whether the files of a shard that was noted as whole are there as they were."""
    lengths = {
        shard: done.file.bytes,
        rows_path(shard): done.file.examples * ROW.itemsize,
    }
    return all(
        path.is_file() and path.stat().st_size == length
        for path, length in lengths.items()
    )
