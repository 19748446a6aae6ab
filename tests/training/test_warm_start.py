"""What is taken from another run's folder, what is not, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.data.manifest import VOCABULARY_FILE
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.models.task import Task
from t2t_multimodel.testing.small_model import CONFIG, IMAGE, LABEL, TEXT
from t2t_multimodel.training.checkpoint import save_weights, weights_by_part
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.parts import part_names, select
from t2t_multimodel.training.record import RunRecord
from t2t_multimodel.training.strategy import make_strategy
from t2t_multimodel.training.warm_start import (
    WarmStart,
    WarmStartFrom,
    asked_for,
    warm_start,
    warm_start_text,
)

SMALL = dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1, mixer_blocks=0)
GERMAN = Task("to_german", TEXT, TEXT, "german")
ENGLISH = Task("to_english", TEXT, TEXT, "english")
CAPTION = Task("caption", IMAGE, TEXT, "french")
CLASS = Task("sentiment", TEXT, LABEL, "sentiment")
PHOTO = Task("photo", IMAGE, LABEL, "photo")
OLD, NEW = (GERMAN, ENGLISH, CLASS), (CAPTION, ENGLISH, CLASS, PHOTO, GERMAN)


def vocabulary_file(folder: Path, words: str) -> Path:
    folder.mkdir(exist_ok=True)
    Vocabulary.train([words] * 20, folder / VOCABULARY_FILE, 300)
    return folder / VOCABULARY_FILE


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vocabulary_file(tmp_path_factory.mktemp("data"), "red dog sees two")


@pytest.fixture(scope="module")
def source(vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on OLD, with a checkpoint of step 7."""
    folder = tmp_path_factory.mktemp("source")
    known = Vocabulary.load(vocabulary)
    record = RunRecord(
        hparams=HParams(SMALL, TrainingConfig()),
        tasks=OLD,
        vocabulary_fingerprint=known.fingerprint,
        vocabulary_size=known.size,
        data_dir="",
        problem_options={task.name: {} for task in OLD},
    )
    record.write(folder, vocabulary)
    save_weights(folder, MultiModel(SMALL, OLD, known.size), 7, averaged=False)
    return folder


def new_model(
    vocabulary: Path, tasks: tuple[Task, ...] = NEW, config: ModelConfig = SMALL
) -> MultiModel:
    return MultiModel(config, tasks, Vocabulary.load(vocabulary).size)


def start(
    model: MultiModel,
    source: str | Path,
    vocabulary: Path,
    parts: str = "",
    options: dict[str, Any] | None = None,
) -> WarmStart:
    fingerprint = Vocabulary.load(vocabulary).fingerprint
    made_with = {name: {} for name in model.tasks} | (options or {})
    return warm_start(model, WarmStartFrom(source, parts), fingerprint, made_with)


def values(model: MultiModel) -> dict[str, list[np.ndarray]]:
    return {
        part: [weight.value.numpy() for weight in weights]
        for part, weights in weights_by_part(model).items()
    }


def saved(source: Path, part: str, number: int) -> np.ndarray:
    key = f"weights/{part}/{number}/.ATTRIBUTES/VARIABLE_VALUE"
    found: np.ndarray = tf.train.load_variable(str(source / "model.ckpt-7"), key)
    return found


def test_parts_of_a_name_are_taken_and_commands_by_their_names(
    source: Path, vocabulary: Path
) -> None:
    model = new_model(vocabulary)
    before = values(model)
    found = start(model, source, vocabulary)
    after = values(model)
    at_random = ("commands/french", "image_bottom", "photo_top")
    assert (found.step, found.checkpoint) == (7, "model.ckpt-7")
    assert sorted(found.random) == sorted(at_random)
    assert sorted(found.taken + found.random) == sorted(part_names(model))
    assert found.left == ()
    for part in set(after) - {"commands"}:
        for number, value in enumerate(after[part]):
            old = before[part][number] if part in at_random else None
            expected = saved(source, part, number) if old is None else old
            np.testing.assert_array_equal(value, expected, err_msg=part)
    (table,), theirs = after["commands"], saved(source, "commands", 0)
    assert model.commands == ("french", "english", "german")
    np.testing.assert_array_equal(table, [before["commands"][0][0], *theirs[::-1]])


def test_named_parts_alone_are_taken(source: Path, vocabulary: Path) -> None:
    model = new_model(vocabulary)
    before = values(model)
    found = start(model, source / "model.ckpt-7", vocabulary, "enc*,commands/german")
    assert found.taken == ("encoder", "commands/german")
    assert {"text_top", "commands/english"} <= set(found.left)
    for part, old in before.items():
        now = values(model)[part]
        if part != "encoder":
            same = [np.array_equal(a, b) for a, b in zip(old, now, strict=True)]
            assert all(same) or part == "commands", part
    (table,) = values(model)["commands"]
    np.testing.assert_array_equal(table[2], saved(source, "commands", 0)[0])
    np.testing.assert_array_equal(table[:2], before["commands"][0][:2])
    text = warm_start_text(found, model)
    assert "step 7" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["encoder", "taken"] in [[row[0], row[-1]] for row in rows if row]
    assert any(row[:1] == ["image_bottom"] and row[-1] == "random" for row in rows)
    assert any(row[:1] == ["commands/english"] and "left" in row for row in rows)


def test_what_the_source_alone_has_is_left_over(source: Path, vocabulary: Path) -> None:
    model = new_model(vocabulary, (ENGLISH,))
    found = start(model, source, vocabulary)
    assert set(found.left) == {"commands/german", "categorical", "sentiment_top"}
    assert "new model has none" in warm_start_text(found, model)


def test_the_fingerprint_is_that_of_what_was_taken(
    source: Path, vocabulary: Path
) -> None:
    runs = [start(new_model(vocabulary), source, vocabulary) for _ in range(2)]
    part = start(new_model(vocabulary), source, vocabulary, "encoder")
    assert runs[0] == runs[1]
    assert part.fingerprint != runs[0].fingerprint
    assert WarmStart.from_dict(runs[0].to_dict()) == runs[0]


def test_replicas_all_get_the_weights(source: Path, vocabulary: Path) -> None:
    strategy = make_strategy("mirrored")
    with strategy.scope():
        model = new_model(vocabulary)
    start(model, source, vocabulary)
    copies = strategy.experimental_local_results(model.encoder.weights[0].value)
    assert len(copies) == 2
    for copy in copies:
        np.testing.assert_array_equal(copy, saved(source, "encoder", 0))


def refused(model: MultiModel, *arguments: Any, **options: Any) -> str:
    """The line that refuses a warm start, which has changed nothing."""
    before = values(model)
    with pytest.raises(ValueError) as error:
        start(model, *arguments, **options)
    for part, old in values(model).items():
        for now, was in zip(old, before[part], strict=True):
            np.testing.assert_array_equal(now, was, err_msg=part)
    return str(error.value)


def test_another_shape_names_part_weight_shapes_and_remedy(
    source: Path, vocabulary: Path
) -> None:
    config = dataclasses.replace(SMALL, categorical_filters=(12, 10))
    line = refused(new_model(vocabulary, OLD, config), source, vocabulary)
    assert "categorical's weight" in line
    assert "x8, and of " in line
    assert "x12 in the new model" in line
    assert f"--gin_file={source / 'hparams.gin'}" in line
    remedy = line.partition("--warm_start_parts=")[2].rstrip(".")
    model = new_model(vocabulary, OLD, config)
    found = start(model, source, vocabulary, remedy)
    assert set(part_names(model)) - set(found.taken) == {"categorical"}


def test_a_part_with_more_weights_is_refused(source: Path, vocabulary: Path) -> None:
    config = dataclasses.replace(SMALL, encoder_blocks=2)
    line = refused(new_model(vocabulary, OLD, config), source, vocabulary)
    assert "encoder has " in line
    assert " in the new model; build it alike" in line


def test_text_needs_the_same_vocabulary(
    source: Path, vocabulary: Path, tmp_path: Path
) -> None:
    other = vocabulary_file(tmp_path / "other", "green cats hear three horses sing")
    model = new_model(other)
    line = refused(model, source, other)
    assert Vocabulary.load(vocabulary).fingerprint in line
    assert Vocabulary.load(other).fingerprint in line
    assert "copy vocab.model" in line
    remedy = line.partition("--warm_start_parts=")[2].rstrip(".")
    assert "text" not in remedy
    assert "commands" in remedy.split(",")
    assert "encoder" in start(model, source, other, remedy).taken


def test_a_classifier_needs_the_same_classes(source: Path, vocabulary: Path) -> None:
    made = {"sentiment": {"classes": ["good", "bad"]}}
    line = refused(new_model(vocabulary), source, vocabulary, options=made)
    assert "sentiment_top ranks the classes of sentiment" in line
    assert "sentiment_top" not in line.partition("--warm_start_parts=")[2]


def test_what_cannot_be_is_told(source: Path, vocabulary: Path, tmp_path: Path) -> None:
    model = new_model(vocabulary)
    assert "near it: encoder" in refused(model, source, vocabulary, "encodr")
    assert "'image_*', which is no part" in refused(
        model, source, vocabulary, "encoder,image_*"
    )
    assert "it is not the --output_dir" in refused(model, tmp_path, vocabulary)
    line = refused(model, source / "model.ckpt-9", vocabulary)
    assert "there are: model.ckpt-7" in line
    with pytest.raises(ValueError, match="needs --warm_start_from"):
        asked_for(None, "encoder")
    assert asked_for("", "") is None


def test_patterns_mean_parts_and_rows_of_commands() -> None:
    names = (
        "encoder",
        "commands/german",
        "commands/english",
        "text_top",
        "text_bottom",
    )
    assert select("commands", names, "x") == names[1:3]
    assert select("text_*,commands/german", names, "x") == (names[1], *names[3:])
    assert select("*", names, "x") == names
