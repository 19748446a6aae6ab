"""T2T MultiModel: one network that learns many kinds of problem together.

The public names below are loaded on first use, so that `import t2t_multimodel` (and
with it every `--help`) is immediate.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "TrainedRun": "t2t_multimodel.api",
    "compare": "t2t_multimodel.api",
    "decode": "t2t_multimodel.api",
    "evaluate": "t2t_multimodel.api",
    "fit_batches": "t2t_multimodel.api",
    "generate": "t2t_multimodel.api",
    "load": "t2t_multimodel.api",
    "make_hparams": "t2t_multimodel.api",
    "new_model": "t2t_multimodel.api",
    "report": "t2t_multimodel.api",
    "score": "t2t_multimodel.api",
    "train": "t2t_multimodel.api",
    "experiment": "t2t_multimodel.experiments.conduct",
    "Audio": "t2t_multimodel.data.features",
    "ClassLabel": "t2t_multimodel.data.features",
    "Image": "t2t_multimodel.data.features",
    "Text": "t2t_multimodel.data.features",
    "Texts": "t2t_multimodel.data.features",
    "Tree": "t2t_multimodel.data.features",
    "Later": "t2t_multimodel.data.problem",
    "Problem": "t2t_multimodel.data.problem",
    "Skip": "t2t_multimodel.data.problem",
    "Vocabulary": "t2t_multimodel.data.vocabulary",
    "HParams": "t2t_multimodel.training.config",
    "ModelConfig": "t2t_multimodel.models.config",
    "MultiModel": "t2t_multimodel.models.multimodel",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 't2t_multimodel' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
