"""The catalogue of hyper-parameter sets: name -> the module that registers it."""

from __future__ import annotations

_MULTIMODEL = "t2t_multimodel.hparams.multimodel"

CATALOGUE: dict[str, str] = {
    "multimodel_base": _MULTIMODEL,
    "multimodel_paper": _MULTIMODEL,
    "multimodel_small": _MULTIMODEL,
    "multimodel_tiny": _MULTIMODEL,
}
