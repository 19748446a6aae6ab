"""What a run may be told: the training half, and both halves as one set.

A configuration is a frozen dataclass of plain fields. `HParams` joins the model's
and the training's, whose field names do not overlap, so that a change names a field
alone: `hparams.override("depth=64,learning_rate=0.1")`. Nothing here imports
TensorFlow, so that a misspelt field is refused at once.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from t2t_multimodel.data.rates import Rates
from t2t_multimodel.training.example_limits import parse_limits
from t2t_multimodel.training.fields import (
    convert,
    field_docs,
    field_types,
    parse,
    split_list,
)

if TYPE_CHECKING:
    from t2t_multimodel.models.config import ModelConfig

SCHEDULES = ("rsqrt", "cosine", "linear", "constant")
ON_NONFINITE = ("stop", "skip", "roll_back")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. All fields can be set by name on the command line.

    Attributes:
        train_steps: Steps of the whole run; a step is one update of the weights.
        learning_rate: The peak, reached when the warm-up ends.
        warmup_steps: Steps over which the rate rises linearly from zero.
        schedule: What follows the warm-up, see `training.schedule`: "rsqrt",
            "cosine", "linear" or "constant".
        final_learning_rate_fraction: Part of the peak at which "cosine" and "linear"
            end, at `train_steps`.
        adam_beta1, adam_beta2, adam_epsilon: Adam's constants.
        clip_norm: Largest global norm of a step's gradient; 0 clips nothing.
        ema_decay: Decay of the moving average of the weights that evaluation and
            decoding then use; 0 keeps none.
        batch_cost_text, batch_cost_image, batch_cost_audio: How much fits into a
            batch, by the kind of the problem's inputs. The unit is a padded token; a
            picture of 64x64 counts 32, four frames of 10 ms count 1.
        max_length: Longest text trained on, in tokens; longer examples are left out,
            and how many is told.
        max_frames: Longest sound trained on, in frames; likewise.
        audio_form: "spectrogram" or "waveform", for all problems with sound; "": as
            each problem has it. So with the next three, where 0 is the problem's own.
        audio_num_bins: Mel bins of a spectrogram.
        audio_window_ms: Length of its windows, in milliseconds.
        audio_step_ms: Length of a frame: from one window to the next.
        train_examples: How many training examples a problem may use, for those that
            are to have few: "parse_mini=200". Always the same ones, whatever the seed,
            and fewer are a part of more.
        num_buckets: Different padded lengths a problem has at most.
        mixture: How steps are shared out, see `data.rates`: "uniform", "proportional",
            "temperature=2,cap=50000", "parse_mini=linear(1@0,4@2000),image_mini=0.5".
        batches_per_step: Batches whose gradients one update takes the mean of, each
            of the problem whose turn it is.
        train_parts: Which parts of the model learn: patterns over their names, such as
            "text_*,commands/german"; "new": what a warm start left at random; "": all.
            See `training.freezing`.
        seed: Of weights, dropout, the order of the data and the mixture.
        log_steps: Steps between two lines of progress and TensorBoard points.
        save_steps: Steps between two checkpoints; one is always saved at the end.
        eval_steps: Steps between two teacher-forced losses on the dev splits; 0: none.
        eval_batches: Batches of each dev split that such a loss looks at.
        keep_checkpoints: How many checkpoints are kept, the newest ones.
        keep_checkpoint_every: Beside them, the first checkpoint of every so many steps
            is kept for ever; 0: none.
        on_nonfinite: What happens when the loss or the gradient of a step is not finite
            (such a step never changes a weight): "stop"; "skip" it; or "roll_back" to
            the last checkpoint and go on behind the batch.
        nonfinite_limit: More batches of a problem in a row than these are not skipped,
            and a run is not rolled back more often.
        dead_expert_share: An expert is called dead if, over `log_steps` steps, it got
            less than this part of what it would get if all were equal; 0: never.
        cosine_steps: Steps between two measurements of how the problems' gradients on
            the shared body lie to each other; 0: none.
        sample_steps: Steps between two times that dev examples are decoded and shown;
            0: never.
        sample_count: How many of each problem.
        stop_on: "PROBLEM/METRIC": the run ends when this figure on dev data, taken
            every `eval_steps`, no longer gets better; "PROBLEM/loss" is the
            teacher-forced loss, other metrics are t2t-eval's. "": it goes on.
        stop_patience: How many evaluations in a row may bring nothing better.
        best_by: "PROBLEM/METRIC": the checkpoint with the best figure so far is kept in
            the folder `best` of the run; "": as `stop_on`.
        metric_examples: How many dev examples such a metric decodes, from the first.
    """

    train_steps: int = 100_000
    learning_rate: float = 1e-3
    warmup_steps: int = 1000
    schedule: str = "rsqrt"
    final_learning_rate_fraction: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.98
    adam_epsilon: float = 1e-9
    clip_norm: float = 1.0
    ema_decay: float = 0.0
    batch_cost_text: int = 2048
    batch_cost_image: int = 1024
    batch_cost_audio: int = 2048
    max_length: int = 256
    max_frames: int = 2048
    audio_form: str = ""
    audio_num_bins: int = 0
    audio_window_ms: float = 0.0
    audio_step_ms: float = 0.0
    train_examples: str = ""
    num_buckets: int = 4
    mixture: str = "uniform"
    batches_per_step: int = 1
    train_parts: str = ""
    seed: int = 0
    log_steps: int = 100
    save_steps: int = 1000
    eval_steps: int = 0
    eval_batches: int = 10
    keep_checkpoints: int = 3
    keep_checkpoint_every: int = 0
    on_nonfinite: str = "stop"
    nonfinite_limit: int = 10
    dead_expert_share: float = 0.05
    cosine_steps: int = 0
    sample_steps: int = 0
    sample_count: int = 3
    stop_on: str = ""
    stop_patience: int = 5
    best_by: str = ""
    metric_examples: int = 100

    def __post_init__(self) -> None:
        for name in _AT_LEAST_ONE:
            _require(getattr(self, name) >= 1, name, self, "at least 1")
        for name in _NOT_NEGATIVE:
            _require(getattr(self, name) >= 0, name, self, "at least 0")
        for name in ("learning_rate", "adam_epsilon"):
            _require(getattr(self, name) > 0, name, self, "above 0")
        for name in ("adam_beta1", "adam_beta2", "ema_decay"):
            _require(0 <= getattr(self, name) < 1, name, self, "from 0 to below 1")
        fraction = self.final_learning_rate_fraction
        _require(0 <= fraction <= 1, "final_learning_rate_fraction", self, "0 to 1")
        _require(self.schedule in SCHEDULES, "schedule", self, " | ".join(SCHEDULES))
        forms = " | ".join(_AUDIO_FORMS[1:])
        _require(self.audio_form in _AUDIO_FORMS, "audio_form", self, forms)
        policies = " | ".join(ON_NONFINITE)
        _require(self.on_nonfinite in ON_NONFINITE, "on_nonfinite", self, policies)
        share = self.dead_expert_share
        _require(0 <= share < 1, "dead_expert_share", self, "from 0 to below 1")
        for name in ("stop_on", "best_by"):
            problem, _, metric = getattr(self, name).partition("/")
            _require(bool(problem) == bool(metric), name, self, "PROBLEM/METRIC")
        if (self.stop_on or self.best_by) and not self.eval_steps:
            raise ValueError("stop_on and best_by need eval_steps above 0")
        Rates.parse(self.mixture)
        parse_limits(self.train_examples)


_AT_LEAST_ONE = (
    *("train_steps", "batch_cost_text", "batch_cost_image", "batch_cost_audio"),
    *("max_length", "max_frames", "num_buckets", "log_steps", "save_steps"),
    *("eval_batches", "keep_checkpoints", "batches_per_step", "nonfinite_limit"),
    *("sample_count", "stop_patience", "metric_examples"),
)
_NOT_NEGATIVE = (
    *("warmup_steps", "clip_norm", "seed", "eval_steps", "keep_checkpoint_every"),
    *("audio_num_bins", "audio_window_ms", "audio_step_ms"),
    *("cosine_steps", "sample_steps"),
)
_AUDIO_FORMS = ("", "spectrogram", "waveform")


@dataclasses.dataclass(frozen=True)
class HParams:
    """A model's configuration and its training's, as one set of named fields.

    Attributes:
        model: The architecture, `models.config.ModelConfig`.
        training: How it is trained.
        name: The set's name, which errors mention.
    """

    model: ModelConfig
    training: TrainingConfig
    name: str = "hparams"

    def __post_init__(self) -> None:
        twice = field_types(type(self.model)).keys() & field_types(TrainingConfig)
        if twice:
            raise ValueError(
                f"{', '.join(sorted(twice))}: a field of both "
                f"{type(self.model).__name__} and TrainingConfig; rename one."
            )

    def fields(self) -> dict[str, Any]:
        """All fields of both halves with their values, the model's first."""
        return {**_values(self.model), **_values(self.training)}

    def docs(self) -> dict[str, str]:
        """What each of `fields()` is for."""
        return {**field_docs(type(self.model)), **field_docs(TrainingConfig)}

    def override(self, assignments: str) -> HParams:
        """A copy with the fields of `"a=1,b=(2,3)"` changed.

        Commas inside brackets or quotes belong to the value.

        Raises:
            ValueError: A field does not exist (near names are given), or a value
                does not have the field's type.
        """
        changes: dict[str, Any] = {}
        for assignment in split_list(assignments):
            field, equals, text = (part.strip() for part in assignment.partition("="))
            if not equals:
                raise ValueError(f"{assignment!r} is not of the form field=value.")
            if field in changes:
                raise ValueError(f"{field} is set twice in {assignments!r}.")
            kind = _type_of(self.name, self._types(), field)
            changes[field] = parse(f"{self.name}: {field}", kind, text)
        return self._replace(changes)

    def replace(self, **changes: Any) -> HParams:
        """A copy with these fields changed; values must have the fields' types.

        Raises:
            ValueError: As in `override`.
        """
        return self._replace(_checked(self.name, self._types(), changes))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` is its inverse."""
        return {
            "name": self.name,
            "model": _values(self.model),
            "training": _values(self.training),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> HParams:
        """The set that `to_dict` gave, lists read as tuples.

        Raises:
            ValueError: A field is unknown or has the wrong type.
        """
        from t2t_multimodel.models.config import ModelConfig

        name = values["name"]
        return cls(
            ModelConfig(**_checked(name, field_types(ModelConfig), values["model"])),
            TrainingConfig(
                **_checked(name, field_types(TrainingConfig), values["training"])
            ),
            name,
        )

    def _types(self) -> dict[str, Any]:
        return field_types(type(self.model)) | field_types(TrainingConfig)

    def _replace(self, changes: Mapping[str, Any]) -> HParams:
        trained = field_types(TrainingConfig)
        model = {k: v for k, v in changes.items() if k not in trained}
        training = {k: v for k, v in changes.items() if k in trained}
        return dataclasses.replace(
            self,
            model=dataclasses.replace(self.model, **model),
            training=dataclasses.replace(self.training, **training),
        )


def near(name: str, known: Sequence[str]) -> str:
    """The end of an error about an unknown name: near names, or all of a few."""
    found = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if found:
        return f"near it: {', '.join(found)}."
    return f"there are: {', '.join(sorted(known))}."


def _type_of(name: str, types: Mapping[str, Any], field: str) -> Any:
    if field not in types:
        raise ValueError(f"{name} has no field {field!r}; {near(field, tuple(types))}")
    return types[field]


def _checked(
    name: str, types: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        field: convert(f"{name}: {field}", _type_of(name, types, field), value)
        for field, value in values.items()
    }


def _values(config: Any) -> dict[str, Any]:
    return {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}


def _require(holds: bool, field: str, config: TrainingConfig, allowed: str) -> None:
    if not holds:
        raise ValueError(f"{field} is {getattr(config, field)!r}; it must be {allowed}")
