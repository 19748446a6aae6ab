"""What the programs do, as functions: `import t2t_multimodel as t2t`.

    t2t.generate("translate_ende_mini,parse_mini", "data")
    run = t2t.train("translate_ende_mini,parse_mini", "data", "run", train_steps=500)
    run.losses["parse_mini"]
    run.evaluate(max_examples=100)["parse_mini"].value("bracketing_f1")
    run.decode(["A red dog sees two cats."], "translate_ende_mini")[0].text

The programs call these functions (t2t-decoder what lies beneath them). TensorFlow is
loaded by the first one that computes.
Problems are names and groups in a text, as after `--problems`, or a list of names or of
`Problem`s; a mistake is a `ValueError` with the line that a program would print.
"""

from __future__ import annotations

from t2t_multimodel.api.asking import compare, decode, evaluate, score
from t2t_multimodel.api.functions import (
    fit_batches,
    generate,
    load,
    make_hparams,
    new_model,
    report,
    train,
)
from t2t_multimodel.api.trained_run import TrainedRun

__all__ = [
    "TrainedRun",
    "compare",
    "decode",
    "evaluate",
    "fit_batches",
    "generate",
    "load",
    "make_hparams",
    "new_model",
    "report",
    "score",
    "train",
]
