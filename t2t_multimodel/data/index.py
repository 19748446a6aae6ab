"""The index of a split: makes each record addressable.

It holds for every record where it lies and how long its two features are, in the
order in which the corpus has them: row n is record n, whatever shard it is in. With it
a batch can be planned without reading any record and read without reading others.

While a split is written, every shard has a file of rows beside it; `join` makes them
the index, a piece at a time: an index may be larger than what should be held in memory.
"""

from __future__ import annotations

import dataclasses
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from t2t_multimodel.data.manifest import Lengths

# What is known of a record of a shard.
ROW = np.dtype(
    [("offset", "<i8"), ("size", "<i8"), ("inputs", "<i4"), ("targets", "<i4")]
)
_COLUMNS = {"shard": "<i4", **{name: ROW[name].str for name in ROW.names or ()}}
_BLOCK_ROWS = 65536
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error)
# Of what use are the last few per cent of a file's size to one who has to wait?
_COMPRESS_LEVEL = 1


@dataclasses.dataclass(frozen=True)
class Index:
    """Where the N records of a split lie and how long they are.

    Attributes:
        shard: Number of the shard, int32 `[N]`.
        offset: Byte in the shard at which the record's frame begins, int64 `[N]`.
        size: Bytes of the record without its frame, int64 `[N]`.
        inputs: Length of the inputs, tokens or samples of sound, int32 `[N]`.
        targets: Length of the targets, int32 `[N]`.
    """

    shard: np.ndarray
    offset: np.ndarray
    size: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.shard)

    def save(self, path: Path) -> None:
        """Writes the index as an `.npz` file; the same index gives the same bytes."""
        columns = {name: [getattr(self, name)] for name in _COLUMNS}
        _write_columns(path, len(self), columns)

    @classmethod
    def load(cls, path: Path) -> Index:
        """Reads an index.

        Raises:
            FileNotFoundError: There is none.
            ValueError: The file is damaged.
        """
        try:
            with path.open("rb") as file, np.load(file) as arrays:
                names = (field.name for field in dataclasses.fields(cls))
                return cls(**{name: arrays[name] for name in names})
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, EOFError, *_ZIP_FAULTS) as error:
            raise ValueError(
                f"{path} is no index: {error}; generate it again"
            ) from error


def join(rows_files: Sequence[Path], path: Path) -> None:
    """Writes the index of a split from the rows of its shards.

    Args:
        rows_files: A file of rows (`ROW`) for each shard, in the shards' order.
        path: The `.npz` file to write.
    """
    counts = [file.stat().st_size // ROW.itemsize for file in rows_files]
    columns: dict[str, Iterable[np.ndarray]] = {
        name: _column(rows_files, name) for name in ROW.names or ()
    }
    numbers = (
        np.full(min(_BLOCK_ROWS, count - first), number)
        for number, count in enumerate(counts)
        for first in range(0, count, _BLOCK_ROWS)
    )
    _write_columns(path, sum(counts), {"shard": numbers, **columns})


def lengths(
    rows_files: Sequence[Path], name: str, extent: Callable[[np.ndarray], np.ndarray]
) -> Lengths:
    """Sums up the lengths of a feature over a split of at least one example.

    Args:
        rows_files: The rows of every shard.
        name: "inputs" or "targets".
        extent: Lengths in the unit in which they are told; see `Feature.extent`.
    """
    blocks = list(_sums(rows_files, name, extent))
    lowest, highest, totals, counts = zip(*blocks, strict=True)
    return Lengths.summed(min(lowest), max(highest), sum(totals), sum(counts))


def exchange(source: Path, path: Path) -> None:
    """Copies an index with the lengths of inputs and targets exchanged."""
    others = {"inputs": "targets", "targets": "inputs"}
    with zipfile.ZipFile(source) as old, _new_zip(path) as new:
        for name in _COLUMNS:
            with (
                old.open(f"{others.get(name, name)}.npy") as column,
                new.open(f"{name}.npy", "w", force_zip64=True) as copy,
            ):
                shutil.copyfileobj(column, copy)


def _sums(
    rows_files: Sequence[Path], name: str, extent: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[int, ...]]:
    for values in map(extent, _column(rows_files, name)):
        total = values.sum(dtype=np.int64)
        yield tuple(map(int, (values.min(), values.max(), total, len(values))))


def _column(rows_files: Sequence[Path], name: str) -> Iterator[np.ndarray]:
    for file in rows_files:
        with file.open("rb") as opened:
            while data := opened.read(_BLOCK_ROWS * ROW.itemsize):
                yield np.frombuffer(data, ROW)[name]


def _write_columns(
    path: Path, count: int, columns: Mapping[str, Iterable[np.ndarray]]
) -> None:
    """An `.npz` file as `np.savez_compressed` writes it, block by block."""
    with _new_zip(path) as archive:
        for name, dtype in _COLUMNS.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as out:
                header = {"descr": dtype, "fortran_order": False, "shape": (count,)}
                np.lib.format.write_array_header_1_0(out, header)
                for block in columns[name]:
                    out.write(block.astype(dtype).tobytes())


def _new_zip(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(
        path, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESS_LEVEL
    )
