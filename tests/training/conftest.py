"""A small model with two problems that keeps to the contract, and its batches."""

from __future__ import annotations

import io
from collections.abc import Container
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from rich.console import Console

from t2t_multimodel.data.batch_records import BatchRecords
from t2t_multimodel.layers.randomness import Dropout
from t2t_multimodel.training.averaging import WeightAverage
from t2t_multimodel.training.checkpoint import Checkpoints
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.dev_loss import DevEvaluation
from t2t_multimodel.training.keras_callbacks import KerasCallbacks
from t2t_multimodel.training.listener import Listener
from t2t_multimodel.training.loop import Loop, TrainResult
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.progress import Progress
from t2t_multimodel.training.step import TrainStep
from t2t_multimodel.training.strategy import make_strategy
from t2t_multimodel.training.summaries import Summaries
from t2t_multimodel.training.watching.non_finite import NonFinite

VOCAB, DEPTH, LENGTH = 11, 4, 5
POISON = 0


class StubView(keras.Model):
    """Copies tokens or counts them; as much of a ProblemView as training needs."""

    def __init__(self, owner: StubModel, name: str, command_id: int) -> None:
        super().__init__(name=name)
        self.embedding, self.dropout = owner.embedding, owner.dropout
        self.top = owner.label_top if name == "label" else owner.text_top
        self.commands = owner.commands
        self.command_id = command_id
        self.signature = "label" if name == "label" else "text"
        self.built = True

    def call(self, features: dict[str, Any], training: bool = False) -> Any:
        x_BLD = self.dropout(self.embedding(features["inputs"]), training=training)
        if self.signature == "label":
            return self.top(ops.mean(x_BLD, axis=1))
        return self.top(x_BLD + ops.take(self.commands, features["command"], axis=0))

    def loss_terms(self, logits: Any, features: dict[str, Any]) -> tuple[Any, Any]:
        losses = keras.losses.sparse_categorical_crossentropy(
            features["targets"], logits, from_logits=True
        )
        mask = features.get("targets_mask", ops.ones_like(losses))
        mask = ops.cast(mask, "float32")
        # A token that no batch has unless a test puts it there.
        is_poisoned = ops.any(features["inputs"] == POISON)
        faults = ops.where(is_poisoned, float("nan"), 1.0)
        return ops.sum(losses * mask) * faults, ops.sum(mask)


class StubModel(keras.Model):
    """Three problems: two with text targets, one with labels."""

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        keras.utils.set_random_seed(1)
        self.embedding = keras.layers.Embedding(VOCAB, DEPTH, name="embedding")
        self.embedding.build((None, None))
        self.dropout = Dropout(dropout, "stub/dropout")
        self.text_top = keras.layers.Dense(VOCAB, name="text_top")
        self.text_top.build((None, None, DEPTH))
        self.label_top = keras.layers.Dense(3, name="label_top")
        self.label_top.build((None, DEPTH))
        self.commands = self.add_weight(shape=(2, DEPTH), name="commands")
        self.built = True

    def view(self, name: str) -> StubView:
        return StubView(self, name, 1 if name == "second" else 0)


def stub_batch(problem: str, number: int, size: int = 4) -> dict[str, Any]:
    """Batch `number` of a problem: a function of both."""
    random = np.random.default_rng([len(problem), number])
    length = LENGTH + number % 2
    inputs = random.integers(3, VOCAB, [size, length], dtype=np.int32)
    if problem == "label":
        return {"inputs": inputs, "targets": np.int32(inputs.sum(axis=1) % 3)}
    mask = np.arange(length)[None, :] < random.integers(2, length + 1, [size, 1])
    return {"inputs": inputs, "targets": inputs * mask, "targets_mask": mask}


class StubStream:
    """Endless batches of a problem, with a poisoned token in some."""

    def __init__(self, problem: str, poisoned: Container[int] = ()) -> None:
        self.problem, self.poisoned = problem, poisoned

    def dataset(
        self, first_batch: int = 0, num_batches: int | None = None
    ) -> tf.data.Dataset:
        def batches() -> Any:
            number = first_batch
            while num_batches is None or number < first_batch + num_batches:
                batch = stub_batch(self.problem, number)
                if number in self.poisoned:
                    batch["inputs"][-1, -1] = POISON
                yield batch
                number += 1

        spec = {
            key: tf.TensorSpec([None] * value.ndim, value.dtype)
            for key, value in stub_batch(self.problem, 0).items()
        }
        return tf.data.Dataset.from_generator(batches, output_signature=spec)


class StubMixture:
    """The three problems in turn."""

    names = ("first", "second", "label")

    def problems_at(self, step: int) -> list[str]:
        return [self.names[step % 3]]

    def counts_before(self, step: int) -> dict[str, int]:
        return {name: (step + 2 - i) // 3 for i, name in enumerate(self.names)}


@pytest.fixture
def stub_model() -> type[StubModel]:
    return StubModel


@pytest.fixture
def stub_stream() -> type[StubStream]:
    return StubStream


@pytest.fixture
def batch() -> Any:
    return stub_batch


@pytest.fixture
def streams() -> dict[str, StubStream]:
    return {name: StubStream(name) for name in StubMixture.names}


@pytest.fixture
def mixture() -> StubMixture:
    return StubMixture()


class Bench:
    """Trains the stub model and keeps what one wants to look at afterwards."""

    def __init__(self, stub_model: Any, mixture: Any, streams: Any) -> None:
        self.parts = stub_model, mixture, streams
        self.other_streams: dict[str, Any] = {}
        self.console = Console(file=io.StringIO(), width=200)

    def train(
        self,
        output_dir: Path,
        callbacks: tuple[keras.callbacks.Callback, ...] = (),
        strategy: str = "one_device",
        listeners: tuple[Listener, ...] = (),
        **fields: Any,
    ) -> TrainResult:
        stub_model, mixture, streams = self.parts
        streams = {**streams, **self.other_streams}
        defaults = {"learning_rate": 0.01, "warmup_steps": 3, "log_steps": 4}
        config = TrainingConfig(**{**defaults, **fields})
        scope = make_strategy(strategy)
        with scope.scope():
            self.model = stub_model()
            weights = self.model.trainable_variables
            adam = Adam(weights, config)
            average = None
            if config.ema_decay:
                average = WeightAverage(weights, config.ema_decay, scope)
        return Loop(
            config=config,
            mixture=mixture,
            streams=streams,
            make_step=lambda specs: TrainStep(self.model, adam, scope, specs, 0),
            checkpoints=Checkpoints(output_dir, self.model, adam, average, keep=2),
            average=average,
            progress=Progress(Summaries(output_dir), config.train_steps, self.console),
            listeners=[
                NonFinite(
                    config.on_nonfinite,
                    config.nonfinite_limit,
                    stub_records,
                    output_dir,
                    self.say,
                    Summaries(output_dir),
                ),
                DevEvaluation(config.eval_steps, [lambda: {"first/loss": 1.5}]),
                KerasCallbacks(callbacks, self.model, config.eval_steps),
                *listeners,
            ],
        ).run(output_dir)

    def say(self, line: str) -> None:
        self.console.print(line, soft_wrap=True, markup=False, highlight=False)

    @staticmethod
    def saved(output_dir: Path) -> dict[str, np.ndarray]:
        """All tensors of the newest checkpoint."""
        reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(output_dir)))
        return {
            name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE"): reader.get_tensor(name)
            for name in reader.get_variable_to_shape_map()
            if name != "_CHECKPOINTABLE_OBJECT_GRAPH" and "save_counter" not in name
        }

    @property
    def weights(self) -> list[np.ndarray]:
        return [weight.numpy() for weight in self.model.trainable_variables]

    @property
    def output(self) -> str:
        file = self.console.file
        assert isinstance(file, io.StringIO)
        return file.getvalue()


def stub_records(problem: str, batch: int) -> BatchRecords:
    files = {f"{problem}-00000-of-00001": (batch, batch + 1)}
    return BatchRecords((batch, batch + 1), files, 8, 5)


@pytest.fixture
def bench(stub_model: Any, mixture: Any, streams: Any) -> Bench:
    return Bench(stub_model, mixture, streams)
