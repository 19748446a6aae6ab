"""A view under Keras's own `compile` and `fit` learns what our steps would teach it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.layers.randomness import step_seed
from t2t_multimodel.testing.small_model import CONFIG, randomise_routers
from t2t_multimodel.testing.word_problems import Length, Reversal
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.fitting import fit_batches, new_model
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.step import TrainStep
from t2t_multimodel.training.strategy import make_strategy

WORDS, CLASS = "fitting_reversal", "fitting_length"
HPARAMS = HParams(
    dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1, mixer_blocks=0),
    TrainingConfig(batch_cost_text=48, clip_norm=0.0, num_buckets=2),
)


registry.register_problem(WORDS)(Reversal)
registry.register_problem(CLASS)(Length)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    options = Options(num_shards=1, vocab_size=300)
    generate([registry.problem(n) for n in (WORDS, CLASS)], folder, options=options)
    return folder


@pytest.mark.parametrize("name", [WORDS, CLASS])
def test_fit_takes_the_gradient_of_our_own_step(name: str, data_dir: Path) -> None:
    keras.utils.set_random_seed(1)
    model = new_model(HPARAMS, (WORDS, CLASS), data_dir)
    randomise_routers(model)
    view = model.view(name)
    features, targets, counts = next(iter(fit_batches(HPARAMS, name, data_dir)))
    # Some target must be padding, else the mask would not be tried.
    assert name == CLASS or float(tf.reduce_min(counts)) == 0.0

    optimizer = Adam(model.trainable_variables, HPARAMS.training)
    specs = {name: {k: tf.TensorSpec.from_tensor(v) for k, v in features.items()}}
    step = TrainStep(model, optimizer, make_strategy("one_device"), specs, seed=0)
    result = step(name, 7, 0.0, features)
    own = {
        id(weight): mean.numpy() / (1 - HPARAMS.training.adam_beta1)
        for weight, mean in zip(model.trainable_variables, optimizer.mean, strict=True)
    }

    view.compile(
        keras.optimizers.SGD(1.0),
        view.make_loss(),
        weighted_metrics=view.make_metrics(),
    )
    assert view.jit_compile is False
    before = [weight.numpy() for weight in view.trainable_variables]
    with step_seed(tf.constant([0, 7])):
        loss, *_ = view.train_on_batch(features, targets, counts)
    assert loss == pytest.approx(float(result.loss + result.balance), rel=1e-5)
    for weight, old in zip(view.trainable_variables, before, strict=True):
        np.testing.assert_allclose(
            old - weight.numpy(),
            own[id(weight)],
            rtol=1e-3,
            atol=3e-6,
            err_msg=weight.path,
        )


# Keras's own way of writing variables, with NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", [WORDS, CLASS])
def test_a_view_is_fitted_scored_asked_and_saved(
    name: str, data_dir: Path, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(1)
    view = new_model(HPARAMS, (WORDS, CLASS), data_dir).view(name)
    view.compile(
        keras.optimizers.Adam(0.02),
        view.make_loss(),
        weighted_metrics=view.make_metrics(),
    )
    train = fit_batches(HPARAMS, name, data_dir)
    dev = fit_batches(HPARAMS, name, data_dir, split="dev", pad_to=24)
    untrained = view.evaluate(dev, return_dict=True, verbose=0)
    told = view.fit(train, steps_per_epoch=15, epochs=2, shuffle=False, verbose=0)
    history = told.history
    assert history["loss"][-1] < history["loss"][0]
    trained = view.evaluate(dev, return_dict=True, verbose=0)
    assert trained["log_perplexity"] < untrained["log_perplexity"]
    assert trained["accuracy"] > untrained["accuracy"]

    logits = view.predict(dev, verbose=0)
    assert len(logits) == 20
    flat = [np.concatenate(arrays) for arrays in zip(*_numpy(dev), strict=True)]
    targets, counts = (array.reshape(-1) for array in flat)
    right = logits.reshape(len(targets), -1).argmax(-1) == targets
    accuracy = (right * counts).sum() / counts.sum()
    assert accuracy == pytest.approx(trained["accuracy"], abs=1e-5)

    view.save_weights(tmp_path / "view.weights.h5")
    other = new_model(HPARAMS, (WORDS, CLASS), data_dir).view(name)
    other.load_weights(tmp_path / "view.weights.h5")
    for saved, loaded in zip(view.weights, other.weights, strict=True):
        np.testing.assert_array_equal(saved, loaded, err_msg=saved.path)


def _numpy(dataset: tf.data.Dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(targets.numpy(), counts.numpy()) for _, targets, counts in dataset]


def test_a_split_that_is_not_there_is_named(data_dir: Path) -> None:
    with pytest.raises(ValueError, match="no split 'evening': train, dev, test"):
        fit_batches(HPARAMS, WORDS, data_dir, split="evening")


def test_the_loss_object_survives_its_configuration() -> None:
    from t2t_multimodel.modalities.loss import SmoothedCrossEntropy, cross_entropy

    loss = SmoothedCrossEntropy(0.2)
    again = SmoothedCrossEntropy.from_config(loss.get_config())
    logits = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")
    targets = np.array([[1, 0, 4], [3, 2, 0]])
    counts = np.array([[1, 1, 0], [1, 0, 0]], "float32")
    total, weight = cross_entropy(logits, targets, counts, 0.2)
    for each in (loss, again):
        assert float(each(targets, logits, counts)) == pytest.approx(
            float(total / weight), rel=1e-6
        )
