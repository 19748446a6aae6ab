"""The layers one by one: what each costs beside what its work must cost.

  python benchmarks/layers.py --hparams_set=multimodel_tiny --output=layers.json

Milliseconds of a forward pass and of forward and backward pass on a batch of the set's
size, all layers in turn. What a layer must cost at least is the longer of

  its operations, at the rate of large matrix products in float32, and
  its bytes, at the rate of a copy: input, weights and output once forward; with the
  gradient three times input and weights, twice the output.

The share of the ceiling is that time to the measured one.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import ceilings
import measuring
import operations
from absl import flags

from t2t_multimodel import quiet, registry
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
measuring.define_flags(FLAGS, rounds=30)
flags.DEFINE_string("hparams_set", "multimodel_tiny", "Whose sizes.", flag_values=FLAGS)
flags.DEFINE_string("hparams", "", "Changes to the set.", flag_values=FLAGS)
flags.DEFINE_integer("batch_size", 16, "Sequences.", flag_values=FLAGS)
flags.DEFINE_integer("length", 64, "Positions of each.", flag_values=FLAGS)
flags.DEFINE_integer("vocab_size", 8192, "Of the text's top.", flag_values=FLAGS)

TOLD = {"forward": "forward", "gradient": "with gradient", "update": "update"}


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    quiet.import_tensorflow()
    rates = ceilings.measure(10, FLAGS.seconds)
    records = measure(registry.hparams(FLAGS.hparams_set).override(FLAGS.hparams))
    rows = [
        row for name, record in records.items() for row in rows_of(name, record, rates)
    ]
    found = {
        "hparams_set": FLAGS.hparams_set,
        "ceilings": rates,
        "layers": records,
        "rows": rows,
        **measuring.machine(),
    }
    measuring.finish(f"layers of {FLAGS.hparams_set}", found, FLAGS.output)


def measure(hparams: Any) -> dict[str, dict[str, float]]:
    """Seconds, operations and bytes of every layer, forward and with the gradient."""
    records: dict[str, dict[str, float]] = {}
    calls = {}
    for name, measured in make_layers(hparams.model).items():
        graphs = measured.graphs()
        output = graphs["forward"].structured_outputs
        least = measured.least_bytes(output)
        records[name] = {}
        for kind, graph in graphs.items():
            count = operations.of_model(graph.graph, hparams.model)
            records[name] |= {f"{kind}_flop": count, f"{kind}_bytes": least[kind]}
            # Results stay where they are: on a processor a call ends when it is done.
            calls[f"{kind} {name}"] = functools.partial(graph, *measured.given)
    for key, seconds in measuring.in_turn(
        calls, FLAGS.rounds, 4 * FLAGS.seconds
    ).items():
        kind, name = key.split(" ", 1)
        told = measuring.summed_up(seconds)
        records[name] |= {f"{kind}_s": told["median_s"], f"{kind}_min_s": told["min_s"]}
    records["Adam, a model for text"] = measure_adam(hparams)
    return records


def make_layers(config: Any) -> dict[str, Measured]:
    """Every layer at a set's sizes, built, its experts chosen about equally often."""
    import tensorflow as tf

    from t2t_multimodel.layers.attention import MultiHeadAttention
    from t2t_multimodel.layers.convolution import ConvRes, ConvStep
    from t2t_multimodel.layers.experts import MixtureOfExperts
    from t2t_multimodel.layers.normalization import LayerNorm
    from t2t_multimodel.modalities.loss import cross_entropy
    from t2t_multimodel.modalities.text import TextTop
    from t2t_multimodel.testing.small_model import randomise_routers

    batch, length, depth = FLAGS.batch_size, FLAGS.length, config.depth
    x = tf.random.stateless_normal((batch, length, depth), (1, 2))
    source = tf.random.stateless_normal((batch, length, depth), (3, 4))
    near, far = config.image_filters[1:3]
    picture = tf.random.stateless_normal((8, 32, 32, near), (1, 2))
    heads = (config.num_heads, config.attention_dropout)
    own, other = (MultiHeadAttention(*heads, name) for name in ("own", "other"))
    experts = MixtureOfExperts(
        *(config.num_experts, config.top_k, config.expert_hidden_size),
        *(config.importance_loss_weight, config.load_loss_weight, "experts"),
    )
    top = TextTop(FLAGS.vocab_size)
    targets = tf.random.stateless_uniform(
        (batch, length), (1, 2), 3, FLAGS.vocab_size, tf.int32
    )

    def top_loss(x: Any) -> Any:
        smoothing = config.label_smoothing
        return cross_entropy(top(x), targets, label_smoothing=smoothing)[0]

    steps = {
        "ConvStep 3x1": ConvStep(depth, (3, 1)),
        "ConvStep 15x1": ConvStep(depth, (15, 1)),
        "ConvStep 15x1 dilated": ConvStep(depth, (15, 1), dilation=config.dilation),
        "LayerNorm": LayerNorm(),
    }
    layers = {name: Measured(step, step, (x,)) for name, step in steps.items()}
    res = ConvRes(far)
    layers |= {
        f"ConvRes {near} to {far}": Measured(res, res, (picture,)),
        "attention, self": Measured(own, lambda x: own(x, causal=True), (x,)),
        "attention, source": Measured(other, other, (x, source)),
        "experts": Measured(experts, lambda x: experts(x, training=True), (x,)),
        "text top and loss": Measured(top, top_loss, (x,)),
    }
    for measured in layers.values():
        measured.layer.build(measured.given[0].shape)
    randomise_routers(experts)
    return layers


@dataclasses.dataclass(frozen=True)
class Measured:
    """A layer, how it is called, and with what."""

    layer: Any
    call: Callable[..., Any]
    given: tuple[Any, ...]

    @property
    def weights(self) -> list[Any]:
        """Its weights, as TensorFlow has them."""
        return [weight.value for weight in self.layer.trainable_variables]

    def graphs(self) -> dict[str, Any]:
        """Forward pass, and forward and backward pass of the sum of the output."""
        import tensorflow as tf

        @tf.function(autograph=False)
        def forward(*given: Any) -> Any:
            return self.call(*given)

        @tf.function(autograph=False)
        def gradient(*given: Any) -> Any:
            weights = self.weights
            with tf.GradientTape() as tape:
                tape.watch(given)
                # Not a plain sum, whose gradient is one everywhere.
                y = tf.reduce_sum(tf.square(self.call(*given)))
            return [g for g in tape.gradient(y, [*given, *weights]) if g is not None]

        return {
            "forward": forward.get_concrete_function(*self.given),
            "gradient": gradient.get_concrete_function(*self.given),
        }

    def least_bytes(self, output: Any) -> dict[str, float]:
        """What must be read and written, forward and with the gradient."""
        read = sum(math.prod(t.shape) for t in (*self.given, *self.weights))
        written = math.prod(output.shape)
        return {
            "forward": 4.0 * (read + written),
            "gradient": 4.0 * (3 * read + 2 * written),
        }


def measure_adam(hparams: Any) -> dict[str, float]:
    """An update of as many weights as a model for text has, and its least bytes.

    Weight and two moments are read and written, the gradient is read twice: for its
    norm, and for the update.
    """
    import tensorflow as tf

    from t2t_multimodel.models.multimodel import MultiModel
    from t2t_multimodel.models.task import Port, Task
    from t2t_multimodel.training.optimizer import Adam

    text = Port("text")
    model = MultiModel(
        hparams.model, [Task("measured", text, text, "output")], FLAGS.vocab_size
    )
    weights = model.trainable_variables
    optimizer = Adam(weights, hparams.training)
    gradients = [tf.random.stateless_normal(w.shape, (1, 2)) for w in weights]

    @tf.function(autograph=False)
    def update() -> Any:
        return optimizer.apply(gradients, weights, tf.constant(1e-4))

    seconds = measuring.timed(lambda: update().numpy(), FLAGS.rounds, FLAGS.seconds)
    numbers = sum(math.prod(weight.shape) for weight in weights)
    return {
        "update_s": measuring.summed_up(seconds)["median_s"],
        "update_min_s": min(seconds),
        "update_flop": 0.0,
        "update_bytes": 4.0 * 8 * numbers,
    }


def rows_of(
    name: str, record: dict[str, float], rates: dict[str, float]
) -> list[measuring.Row]:
    """A row for each pass: its time, and the share of the ceiling that it reaches."""
    rows = []
    for kind in ("forward", "gradient", "update"):
        if f"{kind}_s" not in record:
            continue
        products = record[f"{kind}_flop"] / rates["float32 products"] / ceilings.GIGA
        traffic = record[f"{kind}_bytes"] / rates["copy"] / ceilings.GIGA
        bound = "products" if products > traffic else "memory"
        share = max(products, traffic) / record[f"{kind}_s"]
        told = (TOLD[kind], record[f"{kind}_s"], "s")
        rows.append(measuring.row(name, *told, share, f"of the ceiling ({bound})"))
    return rows


if __name__ == "__main__":
    program.run(main, FLAGS)
