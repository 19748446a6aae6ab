"""What all workers of a job must have alike before they take the first step."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from t2t_multimodel.data.manifest import Manifest, manifest_path, sha256_of
from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.corpora import Corpora

_VERSION = importlib.import_module("t2t_multimodel").__version__


def facts_of(hparams: HParams, corpora: Corpora, start: Any) -> dict[str, str]:
    """Values, by names that a reader understands, of all that decides the steps.

    Args:
        hparams: What took effect, the seed among it.
        corpora: The data, opened.
        start: What the run begins with; see `warm_start.start_of`.
    """
    vocabulary = corpora.vocabulary
    return {
        "the version of t2t-multimodel": _VERSION,
        "the version of TensorFlow": tf.__version__,
        "the version of Keras": keras.__version__,
        "the number of its accelerators": str(
            len(tf.config.list_physical_devices("GPU"))
        ),
        "the problems": ", ".join(problem.name for problem in corpora.problems),
        **_named("hyper-parameter ", hparams.fields()),
        **_named("the options of ", corpora.problem_options),
        "the vocabulary's fingerprint": vocabulary.fingerprint if vocabulary else "",
        **{f"the data of {p.name}": _data(corpora, p.name) for p in corpora.problems},
        "the warm start": str(start),
    }


def _named(prefix: str, values: Mapping[str, Any]) -> dict[str, str]:
    return {f"{prefix}{name}": str(value) for name, value in values.items()}


def _data(corpora: Corpora, problem: str) -> str:
    """A problem's manifest, which holds the checksums of all its files."""
    examples = Manifest.load(corpora.data_dir, problem).splits["train"].examples
    digest = sha256_of(manifest_path(corpora.data_dir, problem))
    return f"{examples} examples, manifest {digest[:12]}"
