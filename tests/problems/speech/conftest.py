"""Small corpora of speech, made of noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from t2t_multimodel import registry
from t2t_multimodel.data.problem import Skip

MakeSound = Callable[..., np.ndarray]
Told = Callable[..., dict[str, list[str]]]


@pytest.fixture
def make_sound() -> MakeSound:
    """Writes a file of noise, a tenth of a second by default; returns its samples."""

    def make(
        path: Path, seconds: float = 0.1, kind: str = "", channels: int = 1
    ) -> np.ndarray:
        path.parent.mkdir(parents=True, exist_ok=True)
        chance = np.random.default_rng(len(str(path.name)))
        count = round(16000 * seconds)
        samples = chance.integers(-9000, 9000, (count, channels)).astype(np.int16)
        ending = path.suffix[1:].upper()
        kind = kind or {"WV1": "NIST", "SPH": "NIST"}.get(ending, ending)
        with path.open("wb") as opened:
            soundfile.write(opened, samples, 16000, format=kind, subtype="PCM_16")
        return samples[:, 0]

    return make


@pytest.fixture
def told() -> Told:
    """Runs a problem over a source: the texts of each split, and what was skipped."""

    def run(
        source: Path, name: str = "speech_wsj", **options: str
    ) -> dict[str, list[str]]:
        problem = registry.problem(name, **options)
        found: dict[str, list[str]] = {}
        skipped = []
        for split in problem.splits(source):
            found[split] = []
            for example in problem.examples(split, source):
                if isinstance(example, Skip):
                    fault = "" if example.is_fault else "no fault: "
                    skipped.append(f"{fault}{example.reason}, {example.where}")
                else:
                    found[split].append(example["targets"])
        return {**found, "skipped": skipped}

    return run
