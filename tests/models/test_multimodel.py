"""Properties of the whole model: causality, padding, batch mates, sharing."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from t2t_multimodel.layers.randomness import step_seed
from t2t_multimodel.models.multimodel import MultiModel, bottom_key
from t2t_multimodel.models.task import Task
from t2t_multimodel.testing.small_model import CONFIG, TASKS, TEXT, VOCAB, make_batch

TASK = {task.name: task for task in TASKS}
# "back" has every net of "translate"; of their commands there are tests below.
KINDS = [t.name for t in TASKS if t.name != "back"]
TEXT_TARGETS = [n for n in KINDS if TASK[n].targets.modality == "text"]
SEQUENCE_INPUTS = [n for n in KINDS if TASK[n].inputs.modality != "image"]
SHALLOW = dataclasses.replace(
    CONFIG, encoder_blocks=1, mixer_blocks=0, decoder_blocks=1
)


def logits_of(model, name, batch):
    return ops.convert_to_numpy(model.view(name)(batch))


@pytest.mark.parametrize("name", TASK)
def test_logits_have_the_shape_of_the_targets(model, name):
    batch = make_batch(TASK[name])
    logits = logits_of(model, name, batch)
    is_text = TASK[name].targets.modality == "text"
    assert logits.shape == ((3, 7, VOCAB) if is_text else (3, 4))
    assert logits.dtype == np.float32


@pytest.mark.parametrize("name", TEXT_TARGETS)
def test_logits_do_not_see_their_target_nor_those_after_it(model, name):
    batch = make_batch(TASK[name], (7, 7, 7))
    before = logits_of(model, name, batch)
    changed = batch["targets"].copy()
    changed[:, 3:] = (changed[:, 3:] + 5) % VOCAB
    after = logits_of(model, name, {**batch, "targets": changed})
    np.testing.assert_allclose(after[:, :4], before[:, :4], atol=2e-5)
    assert np.abs(after[:, 4:] - before[:, 4:]).max() > 1e-3


@pytest.mark.parametrize("name", TEXT_TARGETS)
def test_logits_see_the_inputs_and_the_targets_before(model, name):
    batch = make_batch(TASK[name], (7, 7, 7))
    before = logits_of(model, name, batch)
    other = make_batch(TASK[name], (7, 7, 7), seed=1)
    assert (
        np.abs(
            logits_of(model, name, {**batch, "inputs": other["inputs"]}) - before
        ).max()
        > 1e-3
    )
    earlier = batch["targets"].copy()
    earlier[:, 1] = (earlier[:, 1] + 5) % VOCAB
    after = logits_of(model, name, {**batch, "targets": earlier})
    np.testing.assert_allclose(after[:, :2], before[:, :2], atol=2e-5)
    assert np.abs(after[:, 2:] - before[:, 2:]).max() > 1e-3


@pytest.mark.parametrize("name", KINDS)
def test_batch_mates_change_nothing(model, name):
    batch = make_batch(TASK[name], (7, 7, 7))
    together = logits_of(model, name, batch)
    for i in range(3):
        one = {key: value[i : i + 1] for key, value in batch.items()}
        np.testing.assert_allclose(
            logits_of(model, name, one)[0], together[i], atol=2e-5
        )


@pytest.mark.parametrize("name", SEQUENCE_INPUTS)
def test_padding_changes_nothing(model, name):
    batch = make_batch(TASK[name], (7, 4, 5))
    together = logits_of(model, name, batch)
    for i, length in enumerate((7, 4, 5)):
        one = {}
        for key, value in batch.items():
            scale = value.shape[1] // 7 if value.ndim > 1 else 0
            one[key] = value[i : i + 1, : length * scale] if scale else value[i : i + 1]
        alone = logits_of(model, name, one)[0]
        among = together[i][: len(alone)]
        np.testing.assert_allclose(among, alone, atol=2e-5)


def test_what_stands_in_padding_changes_nothing(model):
    batch = make_batch(TASK["speech"])
    noisy = {**batch, "targets": np.where(batch["targets_mask"], batch["targets"], 9)}
    noisy["inputs"] = np.where(
        batch["inputs_mask"][..., None], batch["inputs"], 7.0
    ).astype("float32")
    mask = batch["targets_mask"][..., None]
    np.testing.assert_allclose(
        logits_of(model, "speech", noisy) * mask,
        logits_of(model, "speech", batch) * mask,
        atol=2e-5,
    )


def test_views_share_the_body_and_the_nets_of_their_modalities(model):
    views = model.build_views()
    assert views["translate"].signature == views["back"].signature
    assert views["translate"].encoder is views["image"].encoder
    assert views["caption"].bottom is views["image"].bottom
    assert views["speech"].top is views["translate"].top
    assert views["speech"].bottom is not views["wave"].bottom
    ids = {id(v) for view in views.values() for v in view.trainable_variables}
    assert ids == {id(v) for v in model.trainable_variables}


def test_a_view_has_the_weights_that_its_step_uses_and_no_others(model):
    paths = {v.path for v in model.view("image").trainable_variables}
    assert not [p for p in paths if "decoder" in p or "text" in p or "audio" in p]
    import tensorflow as tf

    for name, view in model.build_views().items():
        batch = make_batch(TASK[name])
        with tf.GradientTape() as tape, step_seed(tf.constant([1, 2])):
            loss = view.compute_loss(x=batch, y_pred=view(batch, training=True))
        values = [v.value for v in view.trainable_variables]
        gradients = tape.gradient(loss, values)
        unused = [
            v.path
            for v, g in zip(view.trainable_variables, gradients, strict=True)
            if g is None
        ]
        assert not unused, f"{name}: {unused}"


def test_a_command_in_the_batch_replaces_the_views_own(model):
    batch = make_batch(TASK["translate"])
    german = logits_of(model, "translate", batch)
    english = logits_of(model, "back", batch)
    assert np.abs(german - english).max() > 1e-3
    command = np.int32(model.view("back").command_id)
    np.testing.assert_array_equal(
        logits_of(model, "translate", {**batch, "command": command}), english
    )


def test_all_problems_with_one_output_space_share_a_command(model):
    assert model.commands == ("german", "english")
    ids = {n: model.view(n).command_id for n in ("back", "speech", "caption")}
    assert set(ids.values()) == {1}


def test_encode_and_decode_are_the_two_halves_of_a_call(model):
    batch = make_batch(TASK["speech"])
    view = model.view("speech")
    encoded, mask = view.encode(batch)
    assert tuple(encoded.shape) == (3, 7, CONFIG.depth)
    halves = view.decode(encoded, mask, batch["targets"], batch["targets_mask"])
    np.testing.assert_array_equal(
        ops.convert_to_numpy(halves), logits_of(model, "speech", batch)
    )


def test_a_training_step_is_a_function_of_its_seed(model):
    batch, view = make_batch(TASK["translate"]), model.view("translate")

    def logits(seed):
        with step_seed(ops.convert_to_tensor(seed)):
            return ops.convert_to_numpy(view(batch, training=True))

    np.testing.assert_array_equal(logits([1, 5]), logits([1, 5]))
    assert (logits([1, 5]) != logits([1, 6])).any()


def test_balancing_losses_come_from_both_expert_layers_in_training_only(model):
    view, batch = model.view("translate"), make_batch(TASK["translate"])
    view(batch, training=True)
    assert len(view.losses) == 4
    view(batch)
    assert len(view.losses) == 0


def test_training_balances_both_expert_layers():
    import tensorflow as tf

    keras.utils.set_random_seed(1)  # how uneven the routers start depends on it
    config = dataclasses.replace(
        SHALLOW, importance_loss_weight=1.0, load_loss_weight=1.0, num_experts=8
    )
    small = MultiModel(config, TASKS[:1], VOCAB)
    view = small.view("translate")
    routers = [part.experts.experts.router for part in (small.encoder, small.decoder)]
    for router in routers:
        # The first experts shout, the last ones whisper: few are ever chosen.
        kernel = np.random.default_rng(4).normal(size=(config.depth, 8))
        router.gate_kernel.assign(kernel * np.linspace(3, 0, 8))
    batch = make_batch(TASK["translate"], (7,) * 16)
    variables = [v for router in routers for v in router.trainable_variables]
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build(variables)

    @tf.function
    def step(seed):
        with tf.GradientTape() as tape, step_seed(seed):
            view(batch, training=True)
            losses = tf.stack(view.losses)
        total_gradients = tape.gradient(losses, [v.value for v in variables])
        optimizer.apply(total_gradients, variables)
        return losses

    first = step(tf.constant([9, 0])).numpy().reshape(2, 2)
    for i in range(1, 60):
        last = step(tf.constant([9, i])).numpy().reshape(2, 2)
    # Rows: encoder, decoder; columns: importance, load (squared variation, weight 1).
    assert (first > 0.2).all()
    assert (last < 0.5 * first).all()


def test_the_model_round_trips_through_its_configuration(model):
    twin = MultiModel.from_config(model.get_config())
    assert twin.get_config() == model.get_config()
    twin.set_weights(model.get_weights())
    batch = make_batch(TASK["caption"])
    np.testing.assert_allclose(
        logits_of(twin, "caption", batch),
        logits_of(model, "caption", batch),
        atol=1e-6,
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_model_round_trips_through_a_file(model, tmp_path):
    model.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras")
    batch = make_batch(TASK["speech"])
    np.testing.assert_allclose(
        logits_of(twin, "speech", batch), logits_of(model, "speech", batch), atol=1e-6
    )


def test_without_experts_and_attention_the_rest_still_works():
    config = dataclasses.replace(CONFIG, use_experts=False, use_attention=False)
    small = MultiModel(config, TASKS[:1], VOCAB)
    paths = [v.path for v in small.trainable_variables]
    assert not [p for p in paths if "expert" in p or "attention" in p]
    batch = make_batch(TASK["translate"], (7, 7, 7))
    before = logits_of(small, "translate", batch)
    other = make_batch(TASK["translate"], (7, 7, 7), seed=1)
    after = logits_of(small, "translate", {**batch, "inputs": other["inputs"]})
    assert np.abs(after - before).max() > 1e-4


@pytest.mark.parametrize("name", ["translate", "speech", "caption", "image"])
def test_bfloat16_stays_near_float32(model, name):
    config = dataclasses.replace(model.config, dtype_policy="mixed_bfloat16")
    half = MultiModel(config, TASKS, VOCAB)
    half.set_weights(model.get_weights())
    batch = make_batch(TASK[name])
    exact, rounded = (logits_of(m, name, batch) for m in (model, half))
    assert rounded.dtype == np.float32
    assert np.abs(rounded - exact).mean() < 0.1 * exact.std()


def test_a_view_can_be_compiled_and_fitted_alone():
    small = MultiModel(SHALLOW, TASKS[:1], VOCAB)
    view = small.view("translate")
    # Quickly traced: no variable has a moment, and none is made on the way.
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(view.trainable_variables)
    view.compile(optimizer=optimizer, jit_compile=False)
    import tensorflow as tf

    data = tf.data.Dataset.from_tensors(make_batch(TASK["translate"])).repeat(20)
    history = view.fit(data, epochs=2, verbose=0, shuffle=False).history["loss"]
    assert history[1] < history[0]


def test_an_unknown_view_is_refused_with_the_known_ones(model):
    with pytest.raises(ValueError, match=r"no problem 'trnslate'; it has: back"):
        model.view("trnslate")


def test_two_tasks_of_one_name_are_refused():
    with pytest.raises(ValueError, match="same name"):
        MultiModel(CONFIG, (TASKS[0], TASKS[0]), VOCAB)


def test_an_unknown_modality_is_refused():
    smell = dataclasses.replace(TEXT, modality="smell")
    with pytest.raises(ValueError, match="no net reads the modality 'smell'"):
        MultiModel(CONFIG, (Task("nose", smell, TEXT, "x"),), VOCAB)


def test_bottom_keys_tell_nets_apart():
    assert bottom_key(TASK["speech"].inputs) == "audio_spectrogram5"
    assert bottom_key(TASK["wave"].inputs) == "audio_waveform"
