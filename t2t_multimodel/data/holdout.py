"""Which speakers, documents or sentences are held out for dev and test.

For corpora that come without splits of their own. What belongs together is a group: a
speaker's utterances, a document's trees. A group is in one split only, and in the same
one every time: its place follows from its name among the others' names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

_SHARE = 10


def hold_out(
    groups: Iterable[str], splits: Sequence[str] = ("dev", "test")
) -> dict[str, str]:
    """The split of every group: about a tenth for each of `splits`, the rest train.

    Each of `splits` gets at least one group, as long as one is left for train.

    Args:
        groups: Names; repetitions and order do not matter.
        splits: What to hold out, the first one first.

    Returns:
        Every group's split.
    """
    # By digest and not by name: neighbours in the alphabet are often alike.
    names = sorted(set(groups), key=lambda name: (_digest(name), name))
    each = max(1, len(names) // _SHARE)
    places: dict[str, str] = {}
    for number, split in enumerate(splits):
        held = names[number * each : min((number + 1) * each, len(names) - 1)]
        places.update(dict.fromkeys(held, split))
    return {name: places.get(name, "train") for name in names}


def _digest(name: str) -> bytes:
    # File names need not be valid UTF-8.
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()
