"""The check that every problem must pass, ours and our users':

def test_my_problem(tmp_path):
    check_problem(registry.problem("my_problem"), tmp_path, source_dir=SAMPLE)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from t2t_multimodel.data.features import Feature, Text
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.manifest import VOCABULARY_FILE
from t2t_multimodel.data.pipeline import BatchStream, eval_batches, raw_examples
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.stored import verify
from t2t_multimodel.data.vocabulary import EOS, PAD, Vocabulary

_DTYPES = {
    "text": tf.int32,
    "image": tf.float32,
    "audio": tf.float32,
    "label": tf.int32,
}
_BATCH_COST = 256


def check_problem(
    problem: Problem,
    tmp_path: Path,
    source_dir: Path | None = None,
    num_examples: int = 8,
) -> None:
    """Generates a few examples of a problem, reads them, and checks what comes.

    Checked are: names and metrics; that the generator gives the same twice; that what
    was stored comes back; the keys, dtypes, shapes and masks of batches; that the
    stream of batches depends on nothing but its seed; that evaluation sees each example
    once.

    Args:
        problem: An instance, as `registry.problem` gives it.
        tmp_path: An empty folder.
        source_dir: The problem's raw corpus, where it needs one; a few examples do.
        num_examples: How many of each split to look at.

    Raises:
        AssertionError: The problem is at fault; the message says what is wrong.
        ValueError, OSError: Its examples are not what its features take.
    """
    _check(bool(problem.name), "it has no name; is it registered?")
    _check(bool(problem.command), "its command is empty")
    _check(bool(problem.metrics), "it names no metrics")
    options = Options(max_examples=num_examples, num_shards=2)
    folders = (tmp_path / "once", tmp_path / "again")
    for folder in folders:
        generate([problem], folder, source_dir, options)
    manifest, again = (verify(problem, folder) for folder in folders)
    _check(manifest == again, "its generator gives something else the second time")
    problem = problem.with_data(folders[0])
    data_dir = folders[0]
    vocabulary = Vocabulary.load(data_dir / VOCABULARY_FILE)
    for split in manifest.splits:
        _check_round_trip(problem, data_dir, split, num_examples)
        _check_evaluation(problem, data_dir, vocabulary, split)
    _check_stream(problem, data_dir, vocabulary)


def _check_round_trip(
    problem: Problem, data_dir: Path, split: str, num_examples: int
) -> None:
    rows = raw_examples(problem, data_dir, split)
    _check(0 < len(rows) <= num_examples, f"{split} has {len(rows)} examples")
    for row in rows:
        for key, feature in problem.features.items():
            stored = feature.load(row[key])
            again = feature.load(feature.raw(stored))
            _check(again == stored, f"{split}: {key} change when stored twice")


def _check_evaluation(
    problem: Problem, data_dir: Path, vocabulary: Vocabulary, split: str
) -> None:
    rows = raw_examples(problem, data_dir, split)
    seen: list[int] = []
    batches = eval_batches(problem, data_dir, vocabulary, split, _BATCH_COST)
    for batch in batches:
        _check_batch(problem, batch, extra={"index"})
        seen += batch["index"].numpy().tolist()
        for key, feature in problem.features.items():
            if isinstance(feature, Text):
                for place, ids in zip(batch["index"], batch[key], strict=True):
                    text = vocabulary.decode(ids.numpy())
                    told = feature.texts(feature.load(rows[int(place)][key]))[0]
                    _check(text == told, f"{split}: {key} {text!r} was {told!r}")
    _check(sorted(seen) == list(range(len(rows))), f"{split}: not each example once")


def _check_stream(problem: Problem, data_dir: Path, vocabulary: Vocabulary) -> None:
    def stream(seed: int) -> BatchStream:
        return BatchStream(
            problem, data_dir, vocabulary, batch_cost=_BATCH_COST, seed=seed
        )

    count = stream(0).batches_per_epoch + 1
    first = [_arrays(batch) for batch in stream(0).dataset(num_batches=count)]
    again = [_arrays(batch) for batch in stream(0).dataset(num_batches=count)]
    later = [_arrays(batch) for batch in stream(0).dataset(count - 1, 1)]
    for batch in first:
        _check_batch(problem, batch, extra=set())
    for one, other in zip([*first, first[-1]], [*again, *later], strict=True):
        same = all(np.array_equal(one[key], other[key]) for key in one)
        _check(same, "its batches are not the same twice")


def _check_batch(
    problem: Problem, batch: Mapping[str, tf.Tensor], extra: set[str]
) -> None:
    expected = set(extra)
    for key, feature in problem.features.items():
        expected.add(key)
        if feature.modality in ("text", "audio"):
            expected.add(f"{key}_mask")
    _check(
        set(batch) == expected, f"a batch has {sorted(batch)}, not {sorted(expected)}"
    )
    for key, feature in problem.features.items():
        mask = batch.get(f"{key}_mask")
        _check_tensor(key, feature, tf.constant(batch[key]), mask)
    sizes = {key: len(value) for key, value in batch.items()}
    _check(len(set(sizes.values())) == 1, f"sizes of a batch differ: {sizes}")


def _check_tensor(
    key: str, feature: Feature, tensor: tf.Tensor, mask: tf.Tensor | None
) -> None:
    modality, values = feature.modality, tensor.numpy()
    _check(tensor.dtype == _DTYPES[modality], f"{key} are {tensor.dtype}")
    if modality == "label":
        shape, highest = [len(values)], feature.modality_options()["num_classes"]
        _check(list(values.shape) == shape, f"{key} have shape {values.shape}")
        _check(0 <= values.min() <= values.max() < highest, f"{key} are out of range")
    elif modality == "image":
        options = feature.modality_options()
        size = [options[name] for name in ("height", "width", "channels")]
        _check(list(values.shape[1:]) == size, f"{key} have shape {values.shape}")
        _check(float(np.abs(values).max()) <= 1.0, f"{key} are not in [-1, 1]")
    else:
        assert mask is not None
        mask_BL = np.asarray(mask)
        _check(mask_BL.dtype == bool, f"{key}_mask is {mask_BL.dtype}")
        _check(mask_BL.shape == values.shape[:2], f"{key}_mask has another shape")
        _check(bool(mask_BL[:, 0].all()), f"{key}: an example has no position")
        ordered = np.sort(mask_BL, axis=1)[:, ::-1]
        _check(bool((ordered == mask_BL).all()), f"{key}: padding is not at the end")
        _check(not np.any(values[~mask_BL]), f"{key}: padding is not zero")
        _check(bool(np.isfinite(values).all()), f"{key} are not finite")
        if modality == "text":
            last = values[np.arange(len(values)), mask_BL.sum(axis=1) - 1]
            _check(bool((last == EOS).all()), f"{key}: a text has no end")
            _check(bool((values[mask_BL] != PAD).all()), f"{key}: padding inside")


def _arrays(batch: Mapping[str, tf.Tensor]) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in batch.items()}


def _check(holds: bool, fault: str) -> None:
    if not holds:
        raise AssertionError(fault)
