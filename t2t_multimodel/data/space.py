"""Whether what is to be made will fit on the disk, before it is made."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from t2t_multimodel.data.index import ROW

# A record's row, and what becomes of it in the index, which is compressed.
_BYTES_BESIDE = 1.5 * ROW.itemsize
# Standard errors by which an estimate may be too high before anything is refused.
_DOUBT = 3.0

_log = logging.getLogger(__name__)


def check_space(folder: Path, wanted: Iterable[tuple[int, float, float]]) -> None:
    """Refuses to begin what cannot fit.

    The estimate rests on a few examples, so what may just fit is only warned of.

    Args:
        folder: Where it is to be made.
        wanted: For each split: records that are still to be made, about how many
            bytes each takes, and the standard error of that.

    Raises:
        OSError: It cannot fit; the message has the numbers.
    """
    needed = variance = 0.0
    for count, size, error in wanted:
        needed += count * (size + _BYTES_BESIDE)
        variance += (count * error) ** 2
    free = shutil.disk_usage(folder).free
    if needed - _DOUBT * variance**0.5 > free:
        raise OSError(
            f"{folder} has {_size(free)} free and about {_size(needed)} are needed; "
            f"free some, use another --data_dir, or take less with --max_examples"
        )
    if needed > free:
        _log.warning(
            "%s has %s free and about %s may be needed",
            folder,
            _size(free),
            _size(needed),
        )


def _size(num_bytes: float) -> str:
    size, units = num_bytes / 1e3, ["TB", "GB", "MB", "kB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop()
    return f"{size:.3g} {units[-1]}"
