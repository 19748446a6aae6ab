"""A step whose loss or gradient is infinite or not a number."""

from __future__ import annotations

import math
from collections.abc import Sequence

from t2t_multimodel.training.ledger import Entry
from t2t_multimodel.training.listener import Listener


class NonFiniteLossError(ValueError):
    """The loss or the gradient of a step is infinite or not a number."""


class NonFinite(Listener):
    """Stops a run at the first step whose result is not finite.

    Results are read before anything is saved, so no checkpoint is made of it.
    """

    def on_results(self, entries: Sequence[Entry]) -> None:
        """Looks at them.

        Raises:
            NonFiniteLossError: One is not finite; it names problem and step.
        """
        for entry in entries:
            if not all(math.isfinite(value) for value in entry.result):
                raise NonFiniteLossError(
                    f"Step {entry.step}, a batch of {entry.problem}: the loss is "
                    f"{entry.result.loss} and the gradient's norm "
                    f"{entry.result.gradient_norm}; the last checkpoint is from "
                    "before. A lower learning_rate or clip_norm may help."
                )
