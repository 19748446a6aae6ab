"""What a generation can be told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from t2t_multimodel.data.vocabulary import DEFAULT_SIZE, check_size

DEFAULT_NUM_SHARDS = 10
DEFAULT_MAX_BAD_SHARE = 0.01
ENGINES = ("processes", "beam")


@dataclasses.dataclass(frozen=True)
class Options:
    """What to generate.

    Attributes:
        max_examples: At most so many examples a split: the first ones, or of a problem
            that is ordered some at even distances; None: all.
        num_shards: Shards of a train split; dev and test have one.
        num_workers: Processes; the outcome does not depend on it. With 1 everything
            runs in this process, as problems defined in a notebook need it.
        vocab_size: Pieces of the vocabulary at most.
        seed: Seed of the sample of texts that the vocabulary is learned from.
        overwrite: Generate again what is there already.
        tmp_dir: Where unfinished files lie: on the same file system as the data
            directory, which it is by default.
        max_bad_share: The share of a split that may be faulty; such examples are left
            out and counted, and more of them are an error.
        engine: What makes the examples: "processes" of this machine, or "beam", Apache
            Beam. The outcome does not depend on it.
        beam_options: Beam's options as on a command line, "--runner=..." for example.
    """

    max_examples: int | None = None
    num_shards: int = DEFAULT_NUM_SHARDS
    num_workers: int = 1
    vocab_size: int = DEFAULT_SIZE
    seed: int = 0
    overwrite: bool = False
    tmp_dir: Path | None = None
    max_bad_share: float = DEFAULT_MAX_BAD_SHARE
    engine: str = "processes"
    beam_options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_examples is not None and self.max_examples < 1:
            raise ValueError(f"max_examples is {self.max_examples}; at least 1")
        for name in ("num_shards", "num_workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; at least 1")
        if self.engine not in ENGINES:
            raise ValueError(f"engine is {self.engine!r}; {' or '.join(ENGINES)}")
        check_size(self.vocab_size)
        if not 0 <= self.max_bad_share <= 1:
            raise ValueError(f"max_bad_share is {self.max_bad_share}; from 0 to 1")

    @property
    def recorded(self) -> dict[str, Any]:
        """What of it decides the outcome, for the manifest."""
        names = ("max_examples", "num_shards", "seed")
        return {name: getattr(self, name) for name in names}
