"""What the workers of a job tell each other while they train: a few numbers.

They all take the same steps at the same time, so a sum over all workers is all that
is needed: to stop together, to know that they hold the same weights, to wait for the
chief.
"""

from __future__ import annotations

import contextlib
import signal
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.training.cluster import Cluster, WorkerLostError
from t2t_multimodel.training.listener import Stop

# Steps between two questions whether somebody wants to stop, where there are several
# workers: a question costs as much as the smallest all-reduce.
ASK_EVERY = 4
_SIGNALS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}
_OTHER = 1
# Numbers travel in pieces that float32 holds exactly, whatever the hardware adds up.
_PIECE = 2**16
_NUM_PIECES = 4

# TensorFlow reports a worker that is gone in these ways.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


class Workers:
    """The processes of a job, seen from one of them.

    Args:
        cluster: Who they are.
        strategy: That joins them.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        self.cluster = cluster or Cluster()
        self._add = None
        if self.cluster.size > 1:
            assert strategy is not None
            self._add = _adder(strategy)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes and shows what the job does."""
        return self.cluster.is_chief

    def agreed_stop(self, step: int, wanted: Stop | None) -> Stop | None:
        """Why all workers stop after this step, or None.

        Every worker calls it after every step. A wish that comes between two questions
        has to be uttered again until it is heard.
        """
        if self._add is None:
            return wanted
        if step % ASK_EVERY:
            return None
        codes = self._told(_SIGNALS.get(wanted.by, _OTHER) if wanted else 0)
        asked = [(code, name) for code, name in codes if code]
        if not asked:
            return None
        code, name = asked[0]
        known = {int(number): key for key, number in _SIGNALS.items()}
        if code in known:
            return Stop(known[code], origin=name)
        return wanted or Stop("callback", origin=name)

    def agree(self, what: str, value: int) -> None:
        """Makes sure that all workers have the same number, 0 or above.

        Raises:
            ValueError: They have not; the same line at all workers.
        """
        told = self._told(value)
        chief, chief_name = told[0]
        for other, name in told[1:]:
            if other != chief:
                raise ValueError(
                    f"The workers disagree on {what}: it is {chief} at {chief_name} "
                    f"and {other} at {name}."
                )

    def agree_on_values(self, what: str, variables: Mapping[str, Any]) -> None:
        """As `agree`, on the bits of variables."""
        if self._add is not None:
            digest = 0
            for variable in variables.values():
                digest = zlib.crc32(variable.numpy().tobytes(), digest)
            self.agree(what, digest)

    @contextlib.contextmanager
    def chief_first(self) -> Iterator[None]:
        """The others do what is inside once the chief has done it."""
        if not self.is_chief:
            self.wait_for_all()
        yield
        if self.is_chief:
            self.wait_for_all()

    def wait_for_all(self) -> None:
        """Returns when all workers have come to this place."""
        self._told(0)

    def _told(self, value: int) -> list[tuple[int, str]]:
        """What each worker told, with its name, the chief's first."""
        names = self.cluster.names
        if self._add is None:
            return [(value, names[0])]
        pieces = np.zeros((len(names), _NUM_PIECES), np.float32)
        for place in range(_NUM_PIECES):
            pieces[self.cluster.index, place] = value // _PIECE**place % _PIECE
        summed = self._add(tf.constant(pieces.reshape(-1))).numpy()
        pieces = summed.reshape(pieces.shape)
        return [
            (sum(int(p) * _PIECE**i for i, p in enumerate(row)), name)
            for row, name in zip(pieces, names, strict=True)
        ]


@contextlib.contextmanager
def lost_workers_named(cluster: Cluster) -> Iterator[None]:
    """Turns TensorFlow's error about a lost worker into one clear line."""
    try:
        yield
    except _LOST as error:
        if cluster.size == 1:
            raise
        first = next(iter(_reasons(str(error))), type(error).__name__)
        raise WorkerLostError(
            f"{cluster.name} lost another worker ({first}). Start all workers again "
            "with the same command: they go on from the newest checkpoint."
        ) from error


def _reasons(text: str) -> Iterator[str]:
    """The lines of an error that say something."""
    for line in text.splitlines():
        for start in ("Collective ops is aborted by: ", "last error: "):
            if start in line:
                yield line.rsplit(start, 1)[1].strip()


def _adder(strategy: tf.distribute.Strategy) -> Any:
    """A function that adds up a vector over all workers."""
    local = len(strategy.extended.worker_devices)

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.float32)],
        jit_compile=False,
        autograph=False,
    )
    def add(vector: Any) -> Any:
        def replica(vector: Any) -> Any:
            context = tf.distribute.get_replica_context()
            place = tf.cast(context.replica_id_in_sync_group, tf.int32) % local
            own = tf.where(place == 0, vector, tf.zeros_like(vector))
            return context.all_reduce(tf.distribute.ReduceOp.SUM, own)

        result = strategy.run(replica, args=(vector,))
        return strategy.experimental_local_results(result)[0]

    return add
