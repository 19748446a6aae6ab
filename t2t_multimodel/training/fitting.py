"""A problem's batches as Keras's `fit` takes them: (features, targets, weights).

    view = model.view("parse_mini")
    view.compile("adam", view.make_loss(), weighted_metrics=view.make_metrics())
    batches = fit_batches(hparams, "parse_mini", "data")
    view.fit(batches, steps_per_epoch=100, shuffle=False)

The batches are those that a run with the same hyper-parameters takes; shuffled they are
already, and Keras would only warn that it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from t2t_multimodel.data.manifest import Manifest
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.models.task import task_of
from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.corpora import open_corpora


def new_model(
    hparams: HParams, problem_names: Sequence[str], data_dir: str | Path
) -> MultiModel:
    """A model of some problems, its weights at random, as a run would begin with.

    Raises:
        ValueError: As `open_corpora`.
    """
    corpora = open_corpora(problem_names, Path(data_dir), hparams.training)
    tasks = [task_of(problem) for problem in corpora.problems]
    size = corpora.vocabulary.size if corpora.vocabulary else 3
    model = MultiModel(hparams.model, tasks, size)
    model.build_views()
    return model


def fit_batches(
    hparams: HParams,
    problem_name: str,
    data_dir: str | Path,
    split: str = "train",
    pad_to: int | None = None,
) -> tf.data.Dataset:
    """Batches of one problem for `fit`, `evaluate` and `predict`.

    Args:
        hparams: Decides batch sizes, lengths, seed and form of sound.
        problem_name: A problem with data.
        data_dir: Where that is.
        split: "train": endless and shuffled, so `fit` needs `steps_per_epoch`; others:
            every example once.
        pad_to: Pad target texts to so many tokens, in place of the longest of the
            batch: `predict` joins batches and needs them alike.

    Returns:
        A dataset of (features, targets, weights); a target counts where its weight is
        1, not where it is padding.

    Raises:
        ValueError: As `open_corpora`, or the data has no such split.
    """
    corpora = open_corpora([problem_name], Path(data_dir), hparams.training)
    known = Manifest.load(Path(data_dir), problem_name).splits
    if split not in known:
        raise ValueError(f"{problem_name} has no split {split!r}: {', '.join(known)}.")
    if split == "train":
        batches = corpora.streams[problem_name].dataset()
    else:
        batches = corpora.eval_batches(corpora.problems[0], hparams.training, split)
    return batches.map(lambda batch: _for_fit(batch, pad_to))


def _for_fit(batch: Mapping[str, Any], pad_to: int | None) -> tuple[Any, Any, Any]:
    features = {name: value for name, value in batch.items() if name != "index"}
    if pad_to is not None and "targets_mask" in features:
        length = tf.shape(features["targets"])[1]
        for name in ("targets", "targets_mask"):
            padded = tf.pad(features[name], [[0, 0], [0, pad_to - length]])
            features[name] = tf.ensure_shape(padded, [None, pad_to])
    targets = features["targets"]
    counts = features.get("targets_mask", tf.ones_like(targets))
    return features, targets, tf.cast(counts, tf.float32)
