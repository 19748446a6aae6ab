"""What can be said of generated data: lengths, what was left out, how text is spelled.

Lengths are those of all examples. How text is spelled is found on a sample of each
split, evenly spread: how many pieces of the vocabulary a word takes, and which share of
characters and words is spelled in bytes, because the vocabulary does not know them.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.checking import Repeated, check_records
from t2t_multimodel.data.features import Audio, Feature, Text
from t2t_multimodel.data.manifest import VOCABULARY_FILE, Manifest
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.stored import StoredSplit
from t2t_multimodel.data.vocabulary import Vocabulary

PERCENTILES = (5, 25, 50, 75, 95, 99)
NUM_BARS = 20
_SAMPLE_SIZE = 10_000
_SAMPLE_BYTES = 200_000_000


@dataclasses.dataclass(frozen=True)
class LengthReport:
    """Lengths of a feature over a split.

    Attributes:
        unit: What is counted: "tokens" (of text, with its end) or "seconds" (of sound).
        min: The least.
        max: The greatest.
        mean: The mean.
        percentiles: By percent, see `PERCENTILES`.
        bounds: Of the bars of a histogram, one more than there are bars; a bar begins
            with its first bound and ends before the next.
        counts: Examples in each bar.
    """

    unit: str
    min: float
    max: float
    mean: float
    percentiles: dict[int, float]
    bounds: list[float]
    counts: list[int]


@dataclasses.dataclass(frozen=True)
class TextReport:
    """How the text of a feature is spelled, over a sample of a split.

    Attributes:
        examples: Size of the sample.
        words: Words in it, divided by white space.
        tokens_per_word: Pieces of the vocabulary that a word takes.
        share_of_characters_in_bytes: Of characters spelled in bytes, from 0 to 1.
        share_of_words_in_bytes: Of words with such a character, from 0 to 1.
        characters_in_bytes: The most frequent of such characters, and how often.
    """

    examples: int
    words: int
    tokens_per_word: float
    share_of_characters_in_bytes: float
    share_of_words_in_bytes: float
    characters_in_bytes: dict[str, int]


@dataclasses.dataclass(frozen=True)
class SplitReport:
    """One split.

    Attributes:
        examples: How many there are.
        bytes: How long its records are, with their frames.
        skipped: How many examples were left out, by reason.
        num_faults: How many of these were faulty.
        first_skipped: The first few for each reason.
        lengths: By feature, where it has any.
        text: By feature that is text.
    """

    examples: int
    bytes: int
    skipped: dict[str, int]
    num_faults: int
    first_skipped: dict[str, list[str]]
    lengths: dict[str, LengthReport]
    text: dict[str, TextReport]


@dataclasses.dataclass(frozen=True)
class DataReport:
    """A generated problem.

    Attributes:
        problem: Its name.
        twin: The problem whose records it reads, if they are not its own.
        vocabulary: Fingerprint and size.
        splits: By name.
        repeated: Examples that are in two splits.
    """

    problem: str
    twin: str
    vocabulary: dict[str, Any]
    splits: dict[str, SplitReport]
    repeated: tuple[Repeated, ...]

    def save(self, data_dir: Path) -> Path:
        """Writes the report beside the data, as JSON; returns its path."""
        path = report_path(data_dir, self.problem)
        text = json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", "utf-8")
        return path


def report_path(data_dir: Path, problem: str) -> Path:
    """Where the report of a problem lies."""
    return data_dir / f"{problem}.report.json"


def report(
    problem: Problem,
    data_dir: str | Path,
    num_workers: int = 1,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> DataReport:
    """Looks at all that was generated for a problem.

    Args:
        problem: The problem.
        data_dir: Where it was generated.
        num_workers: Processes.
        progress: As in `generate`.

    Raises:
        FileNotFoundError: It was not generated, or a file is missing.
        ValueError: A file is damaged.
    """
    folder = Path(data_dir)
    problem = problem.with_data(folder)
    manifest = Manifest.load(folder, problem.name)
    vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
    manifest.check_vocabulary(folder, vocabulary.fingerprint)
    splits = {
        name: _split_report(StoredSplit(problem, folder, name), vocabulary)
        for name in manifest.splits
    }
    repeated = check_records(
        problem,
        folder,
        manifest,
        has_values=False,
        num_workers=num_workers,
        progress=progress or (lambda stage, done, total: None),
    )
    return DataReport(
        problem.name, manifest.twin, manifest.vocabulary, splits, repeated
    )


def length_report(feature: Feature, lengths_N: np.ndarray) -> LengthReport | None:
    """Sums up lengths of an index, int `[N]`, N at least 1; None: there are none."""
    if isinstance(feature, Text):
        unit, values_N = "tokens", lengths_N
    elif isinstance(feature, Audio):
        unit, values_N = "seconds", lengths_N / feature.sample_rate
    else:
        return None
    if unit == "tokens":  # whole numbers: each bar holds as many of them
        width = -(-int(np.ptp(values_N) + 1) // NUM_BARS)
        bins = np.arange(values_N.min(), values_N.max() + 1 + width, width)
    else:
        bins = np.linspace(values_N.min(), values_N.max(), NUM_BARS + 1)
    counts, bounds = np.histogram(values_N, bins)
    found = np.percentile(values_N, PERCENTILES, method="higher").round(3)
    return LengthReport(
        unit=unit,
        min=values_N.min().round(3).item(),
        max=values_N.max().round(3).item(),
        mean=round(float(values_N.mean()), 3),
        percentiles=dict(zip(PERCENTILES, found.tolist(), strict=True)),
        bounds=bounds.round(3).tolist(),
        counts=counts.tolist(),
    )


def text_report(texts: Iterable[str], vocabulary: Vocabulary) -> TextReport:
    """How some texts, at least one, are spelled."""
    characters, words, count, num_tokens = Counter[str](), Counter[str](), 0, 0
    for text in texts:
        count += 1
        characters.update(text)
        words.update(text.split())
        num_tokens += len(vocabulary.encode(text))
    unknown = {c for c in characters if vocabulary.is_spelled_in_bytes(c)}
    in_bytes = Counter({c: characters[c] for c in unknown})
    words_in_bytes = sum(n for word, n in words.items() if not unknown.isdisjoint(word))
    return TextReport(
        examples=count,
        words=words.total(),
        tokens_per_word=_share(num_tokens, words.total()),
        share_of_characters_in_bytes=_share(in_bytes.total(), characters.total()),
        share_of_words_in_bytes=_share(words_in_bytes, words.total()),
        characters_in_bytes=dict(
            sorted(in_bytes.items(), key=lambda item: (-item[1], item[0]))[:20]
        ),
    )


def _split_report(split: StoredSplit, vocabulary: Vocabulary) -> SplitReport:
    entry = split.manifest.splits[split.split]
    features = split.problem.features
    size = sum(shard.bytes for shard in entry.shards)
    count = min(_SAMPLE_SIZE, max(1, _SAMPLE_BYTES * len(split) // max(1, size)))
    places = np.unique(np.linspace(0, len(split) - 1, count).astype(np.int64))
    texts: dict[str, list[str]] = {
        key: [] for key, feature in features.items() if isinstance(feature, Text)
    }
    for place in places.tolist() if texts else ():
        stored = split.stored(place)
        for key, found in texts.items():
            feature = features[key]
            assert isinstance(feature, Text)
            found.extend(feature.texts(stored[key]))
    columns = {"inputs": split.index.inputs, "targets": split.index.targets}
    lengths = {key: length_report(features[key], columns[key]) for key in features}
    return SplitReport(
        examples=len(split),
        bytes=size,
        skipped=entry.skipped,
        num_faults=entry.num_faults,
        first_skipped=entry.first_skipped,
        lengths={key: found for key, found in lengths.items() if found},
        text={key: text_report(found, vocabulary) for key, found in texts.items()},
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 5) if whole else 0.0
