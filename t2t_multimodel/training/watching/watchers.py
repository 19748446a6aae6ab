"""Who is told what happens between the steps of a run, in the order of being told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from t2t_multimodel.training.dev_loss import DevEvaluation, DevLoss
from t2t_multimodel.training.keras_callbacks import KerasCallbacks
from t2t_multimodel.training.listener import Listener
from t2t_multimodel.training.summaries import Summaries
from t2t_multimodel.training.watching.expert_loads import ExpertLoads
from t2t_multimodel.training.watching.non_finite import NonFinite

if TYPE_CHECKING:
    from t2t_multimodel.training.run import Prepared


def watchers(
    run: Prepared,
    output_dir: Path,
    say: Callable[[str], None],
    summaries: Summaries,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> list[Listener]:
    """The listeners that a run's hyper-parameters ask for, and Keras callbacks.

    Args:
        run: The run.
        output_dir: Its folder.
        say: Shows a line.
        summaries: The run's.
        callbacks: Keras's.
    """
    training, streams = run.hparams.training, run.corpora.streams
    dev_loss = DevLoss(run.model, run.corpora.dev_batches(training))
    listeners: list[Listener] = [
        NonFinite(
            training.on_nonfinite,
            training.nonfinite_limit,
            lambda problem, batch: streams[problem].records_of(batch),
            output_dir,
            say,
            summaries,
        ),
    ]
    if run.model.expert_layers:
        listeners.append(
            ExpertLoads(
                run.model.expert_layers,
                run.hparams.model.num_experts,
                tuple(streams),
                training.dead_expert_share,
                output_dir,
                say,
                summaries,
            )
        )
    listeners.append(DevEvaluation(training.eval_steps, [dev_loss]))
    if callbacks:
        listeners.append(KerasCallbacks(callbacks, run.model, training.eval_steps))
    return listeners
