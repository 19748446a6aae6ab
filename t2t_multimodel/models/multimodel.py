"""The MultiModel: one body, one net per modality, a view for every problem.

"One Model To Learn Them All" (arXiv 1706.05137). Modality nets bring text, images,
audio and labels to `[batch, positions, depth]` and back; between them one encoder, one
mixer and one autoregressive decoder serve every problem. `MultiModel` owns the weights;
`MultiModel.view(problem)` is an ordinary Keras model over the part that this problem
uses.

Where the paper is silent: a problem with labels goes from the encoder straight to the
categorical net; it needs no decoder and no command.

Shape suffixes: B batch, S source positions, L target positions, D depth, V vocabulary.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.cuts import first_positions
from t2t_multimodel.modalities.audio import AudioBottom
from t2t_multimodel.modalities.categorical import CategoricalBody, CategoricalTop
from t2t_multimodel.modalities.image import ImageBottom
from t2t_multimodel.modalities.loss import SmoothedCrossEntropy, cross_entropy
from t2t_multimodel.modalities.text import TextBottom, TextTop
from t2t_multimodel.models.blocks import Decoder, Encoder, Mixer
from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.models.stepwise import Stepwise
from t2t_multimodel.models.task import Port, Task


@keras.saving.register_keras_serializable("t2t_multimodel")
class CommandTable(keras.layers.Layer):
    """One learned embedding per output space: the first position of the targets.

    Args:
        commands: Names of the output spaces, in the order of their ids.
        depth: D.
    """

    def __init__(self, commands: Sequence[str], depth: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.commands = tuple(commands)
        self.depth = depth
        self._trained_rows: tuple[bool, ...] = ()
        self.embedding = self.add_weight(
            name="embedding",
            shape=(len(self.commands), depth),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
        )
        self.built = True

    def call(self, x_BLD: Any, command: Any) -> Any:
        """`x_BLD` shifted right behind the command (int32 scalar): `[B, L, D]`."""
        row_D = self._row(command, x_BLD.dtype)
        first_B1D = ops.broadcast_to(row_D, (ops.shape(x_BLD)[0], 1, self.depth))
        before_BLD = first_positions(x_BLD, ops.shape(x_BLD)[1] - 1)
        return ops.concatenate([first_B1D, before_BLD], axis=1)

    def at(self, before_RD: Any, command: Any, is_first: Any) -> Any:
        """One position of `call`: the command at the first, else what stood before."""
        return ops.where(is_first, self._row(command, before_RD.dtype), before_RD)

    def train_rows(self, is_trained: Sequence[bool]) -> None:
        """Lets only these rows learn, a bool for each; no gradient for the others."""
        self._trained_rows = tuple(is_trained)

    def trains(self, command: int) -> bool:
        """Whether the row of a command learns."""
        rows = self._trained_rows
        return bool(self.embedding.trainable) and (not rows or rows[command])

    def _row(self, command: Any, dtype: Any) -> Any:
        row_D = ops.cast(ops.take(self.embedding, command, axis=0), dtype)
        if not self._trained_rows or all(self._trained_rows):
            return row_D
        is_trained = ops.take(ops.convert_to_tensor(self._trained_rows), command)
        return ops.where(is_trained, row_D, ops.stop_gradient(row_D))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "commands": self.commands,
            "depth": self.depth,
        }


@keras.saving.register_keras_serializable("t2t_multimodel")
class MultiModel(keras.Model):
    """Owns the body and the modality nets; every weight exists from the start.

    Args:
        config: The architecture (or its fields as a dict).
        tasks: The problems (or their dicts); one view each.
        vocab_size: Pieces of the shared vocabulary (V), padding and end included.

    Raises:
        ValueError: Two tasks of one name, a modality that no net reads or writes, or a
            `dtype_policy` that is not decided.
    """

    def __init__(
        self,
        config: ModelConfig | dict[str, Any],
        tasks: Sequence[Task | dict[str, Any]],
        vocab_size: int,
        **kwargs: Any,
    ) -> None:
        if isinstance(config, dict):
            config = config_from_dict(config)
        if config.dtype_policy == "auto":
            raise ValueError(
                'dtype_policy is "auto": training.precision decides before a model '
                "is made."
            )
        super().__init__(dtype=config.dtype_policy, **kwargs)
        self.config = config
        self.vocab_size = vocab_size
        listed = [Task.from_dict(t) if isinstance(t, dict) else t for t in tasks]
        self._tasks = _Untracked({task.name: task for task in listed})
        if len(self._tasks.value) != len(listed):
            raise ValueError("two tasks have the same name.")
        self._views: _Untracked = _Untracked({})
        self.commands = tuple(
            dict.fromkeys(t.command for t in listed if t.targets.modality == "text")
        )
        self.encoder = Encoder(config)
        self.bottoms: dict[str, Any] = {}
        self.tops: dict[str, Any] = {}
        for task in listed:
            self._add_bottom(task.inputs)
            self._add_top(task)
        self.built = True

    @property
    def tasks(self) -> dict[str, Task]:
        """The problems by name."""
        return dict(self._tasks.value)

    @property
    def expert_layers(self) -> tuple[str, ...]:
        """The paths of its mixtures of experts, which note their loads under them."""
        parts = (self.encoder, getattr(self, "decoder", None))
        blocks = [part.experts for part in parts if part is not None]
        return tuple(block.experts.layer_path for block in blocks if block is not None)

    def view(self, name: str) -> ProblemView:
        """The model of one problem; its weights are shared with the other views.

        Raises:
            ValueError: The model has no such problem.
        """
        views = self._views.value
        if name not in views:
            if name not in self._tasks.value:
                raise ValueError(
                    f"this model has no problem {name!r}; it has: "
                    f"{', '.join(sorted(self._tasks.value))}."
                )
            views[name] = ProblemView(self, self._tasks.value[name])
        return views[name]

    def build_views(self) -> dict[str, ProblemView]:
        """The views of all problems by name."""
        return {name: self.view(name) for name in self._tasks.value}

    def call(
        self, features: dict[str, Any], problem: str, training: bool = False
    ) -> Any:
        """Logits of one problem's batch: `view(problem)(features)`."""
        return self.view(problem)(features, training=training)

    def _add_bottom(self, port: Port) -> None:
        config, key = self.config, bottom_key(port)
        if key in self.bottoms:
            return
        policy = config.dtype_policy
        if port.modality == "text":
            net: Any = TextBottom(
                self.vocab_size, config.depth, dtype=policy, name="text_bottom"
            )
        elif port.modality == "image":
            net = ImageBottom(
                config.image_filters,
                config.depth,
                port.option("channels"),
                config.image_entry_multiplier,
                config.recompute,
                dtype=policy,
                name=f"{key}_bottom",
            )
        elif port.modality == "audio":
            is_wave = port.option("form") == "waveform"
            net = AudioBottom(
                config.audio_filters,
                config.depth,
                0 if is_wave else port.option("num_bins"),
                config.recompute,
                dtype=policy,
                name=f"{key}_bottom",
            )
        else:
            raise ValueError(f"no net reads the modality {port.modality!r}.")
        self.bottoms[key] = net

    def _add_top(self, task: Task) -> None:
        config, policy = self.config, self.config.dtype_policy
        if task.targets.modality == "text":
            self._add_bottom(task.targets)
            if "text" not in self.tops:
                self.tops["text"] = TextTop(
                    self.vocab_size, dtype=policy, name="text_top"
                )
                self.tops["text"].build((None, None, config.depth))
                self.mixer = Mixer(config)
                self.decoder = Decoder(config)
                self.command_table = CommandTable(
                    self.commands, config.depth, dtype=policy, name="commands"
                )
        elif task.targets.modality == "label":
            if "categorical" not in self.tops:
                self.tops["categorical"] = CategoricalBody(
                    config.depth,
                    config.categorical_filters,
                    dtype=policy,
                    name="categorical",
                )
            top = CategoricalTop(
                task.targets.option("num_classes"),
                dtype=policy,
                name=f"{task.name}_top",
            )
            top.build((None, config.categorical_filters[-1]))
            self.tops[task.name] = top
        else:
            raise ValueError(f"no net writes the modality {task.targets.modality!r}.")

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "config": dataclasses.asdict(self.config),
            "tasks": [task.to_dict() for task in self._tasks.value.values()],
            "vocab_size": self.vocab_size,
        }


class ProblemView(keras.Model):
    """One problem's model: the nets it needs around the shared body.

    Its `trainable_variables` are exactly the weights that a step on this problem uses.
    Call it with a batch (see docs/architecture.md for the keys); it can be compiled
    and fitted alone, the loss is its own.

    Args:
        owner: The MultiModel that owns the weights.
        task: The problem.
    """

    def __init__(self, owner: MultiModel, task: Task) -> None:
        super().__init__(dtype=owner.config.dtype_policy, name=task.name)
        self.config = owner.config
        self.task = task
        self._vocab_size = owner.vocab_size
        self.bottom = owner.bottoms[bottom_key(task.inputs)]
        self.encoder = owner.encoder
        self.writes_text = task.targets.modality == "text"
        if self.writes_text:
            self.target_bottom = owner.bottoms["text"]
            self.mixer = owner.mixer
            self.decoder = owner.decoder
            self.command_table = owner.command_table
            self.command_id = owner.commands.index(task.command)
            self.top = owner.tops["text"]
        else:
            self.command_id = 0
            self.categorical = owner.tops["categorical"]
            self.top = owner.tops[task.name]
        # Left to choose, `compile` takes XLA on accelerators, which our steps do not.
        self.supports_jit = False
        self.built = True

    @property
    def signature(self) -> tuple[str, str]:
        """Views of equal signature compute the same but for the command."""
        if self.writes_text:
            return bottom_key(self.task.inputs), "text"
        return bottom_key(self.task.inputs), self.task.name

    def call(self, features: dict[str, Any], training: bool = False) -> Any:
        """Logits of a batch.

        Args:
            features: `inputs`, `targets` and their masks; `command` (int32 scalar)
                replaces the problem's own.

        Returns:
            float32 `[B, L, V]`, or `[B, classes]` for labels.
        """
        if not self.writes_text:
            return self.classify(features, training=training)
        encoded, mask = self.encode(features, training=training)
        return self.decode(
            encoded,
            mask,
            features["targets"],
            features.get("targets_mask"),
            features.get("command"),
            training=training,
        )

    def encode(
        self, features: dict[str, Any], training: bool = False
    ) -> tuple[Any, Any]:
        """The encoded inputs `[B, S, D]` and their mask, bool `[B, S]` or None."""
        encoded, mask, _ = self._encode(features, training)
        return encoded, mask

    def classify(self, features: dict[str, Any], training: bool = False) -> Any:
        """Scores of the classes `[B, C]`; for problems with labels."""
        encoded, mask, grid = self._encode(features, training)
        return self.top(self.categorical(encoded, mask, grid=grid))

    def decode(
        self,
        encoded_BSD: Any,
        mask_BS: Any,
        targets_BL: Any,
        targets_mask_BL: Any = None,
        command: Any = None,
        training: bool = False,
    ) -> Any:
        """Logits `[B, L, V]`; those at t see the targets before t only."""
        command = self.command_id if command is None else command
        # The command stands first; the last target is never read.
        x_BLD = self.command_table(
            self.target_bottom(targets_BL), command=ops.convert_to_tensor(command)
        )
        x_BLD = self.mixer(
            x_BLD, encoded_BSD, targets_mask_BL, mask_BS, training=training
        )
        x_BLD = self.decoder(
            x_BLD, encoded_BSD, targets_mask_BL, mask_BS, training=training
        )
        return self.top(x_BLD)

    def stepwise(self, encoded_BSD: Any, mask_BS: Any, command: Any = None) -> Stepwise:
        """`decode` one position at a time, each at the same cost."""
        return Stepwise(self, encoded_BSD, mask_BS, command)

    def loss_terms(self, logits: Any, features: dict[str, Any]) -> tuple[Any, Any]:
        """Sum of the smoothed cross-entropy and the number of targets."""
        return cross_entropy(
            logits,
            features["targets"],
            features.get("targets_mask"),
            self.config.label_smoothing,
        )

    def make_loss(self) -> keras.losses.Loss:
        """What `compile` takes as `loss` to train as `loss_terms` does."""
        return SmoothedCrossEntropy(self.config.label_smoothing)

    def make_metrics(self) -> list[keras.metrics.Metric]:
        """What `compile` takes as `weighted_metrics`: teacher-forced figures."""
        return [
            keras.metrics.SparseCategoricalCrossentropy(
                name="log_perplexity", from_logits=True
            ),
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
        ]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """What Keras's `fit` makes small: a target's mean loss, and the balancing ones.

        Without `y` the loss is the view's own; with it, the one that was compiled.
        """
        if y is not None:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        loss_sum, weight_sum = self.loss_terms(y_pred, x)
        loss = loss_sum / ops.maximum(weight_sum, 1.0)
        for extra in self.losses:
            loss = loss + extra
        return loss

    def _encode(self, features: dict[str, Any], training: bool) -> tuple[Any, Any, Any]:
        inputs, mask, grid = features["inputs"], features.get("inputs_mask"), None
        if self.task.inputs.modality == "image":
            x_BSD, grid = self.bottom(inputs)
            mask = None
        elif self.task.inputs.modality == "audio":
            x_BSD, mask = self.bottom(inputs, mask)
        else:
            x_BSD = self.bottom(inputs)
        return self.encoder(x_BSD, mask, training=training), mask, grid


def bottom_key(port: Port) -> str:
    """Ports of equal key are read by the same net."""
    if port.modality == "image":
        channels = port.option("channels")
        return "image" if channels == 3 else f"image{channels}"
    if port.modality == "audio":
        if port.option("form") == "waveform":
            return "audio_waveform"
        return f"audio_spectrogram{port.option('num_bins')}"
    return port.modality


def config_from_dict(data: dict[str, Any]) -> ModelConfig:
    """A `ModelConfig` from its fields; lists (from JSON) become tuples."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in data.items()
    }
    return ModelConfig(**fields)


class _Untracked:
    """Hides a value from Keras, which tracks every layer and dict it is given."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
