"""A set of hyper-parameters: changed by field name, checked by field type."""

from __future__ import annotations

import dataclasses
import json

import pytest

from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.training.config import HParams, TrainingConfig


@dataclasses.dataclass(frozen=True)
class Model:
    depth: int = 4
    sizes: tuple[int, ...] = (1, 2)
    dropout: float = 0.5
    causal: bool = True


HPARAMS = HParams(Model(), TrainingConfig(), "multimodel_tiny")


def test_override_finds_fields_of_both_halves() -> None:
    changed = HPARAMS.override("depth=64, learning_rate=0.1,causal=false,dropout=1")
    assert changed.model == Model(depth=64, causal=False, dropout=1.0)
    assert changed.training == TrainingConfig(learning_rate=0.1)
    assert HPARAMS.model == Model()


def test_commas_inside_brackets_and_quotes_belong_to_the_value() -> None:
    changed = HPARAMS.override("sizes=(3,4,5),mixture='a=3,b=1',depth=2")
    assert changed.fields()["sizes"] == (3, 4, 5)
    assert changed.fields()["mixture"] == "a=3,b=1"
    assert changed.fields()["depth"] == 2


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (
            "dept=3",
            "multimodel_tiny has no field 'dept'; near it: depth.",
        ),
        ("depth=1.5", "multimodel_tiny: depth is of type int; '1.5' is not."),
        ("causal=yes", "multimodel_tiny: causal is of type bool; 'yes' is not."),
        ("sizes=(1,x)", "multimodel_tiny: sizes is of type int; 'x' is not."),
        ("depth", "'depth' is not of the form field=value."),
        ("depth=1,depth=2", "depth is set twice in 'depth=1,depth=2'."),
        ("sizes=(1,2", "A bracket or a quote is not closed in 'sizes=(1,2'."),
        (
            "schedule=cosin",
            "schedule is 'cosin'; it must be rsqrt | cosine | linear | constant",
        ),
        ("ema_decay=1", "ema_decay is 1.0; it must be from 0 to below 1"),
    ],
)
def test_a_wrong_assignment_is_refused(assignments: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        HPARAMS.override(assignments)
    assert str(error.value) == message


def test_values_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(ValueError, match="depth is of type int; True is not"):
        HPARAMS.replace(depth=True)
    assert HPARAMS.replace(learning_rate=1).training.learning_rate == 1.0


def test_a_field_name_of_both_halves_is_refused() -> None:
    @dataclasses.dataclass(frozen=True)
    class Greedy:
        seed: int = 0

    with pytest.raises(ValueError, match="seed: a field of both"):
        HParams(Greedy(), TrainingConfig())


def test_every_field_says_what_it_is_for_and_nothing_else_is_told() -> None:
    hparams = HParams(ModelConfig(), TrainingConfig())
    docs = hparams.docs()
    assert docs.keys() == hparams.fields().keys()
    assert all(told.endswith(".") for told in docs.values())
    assert docs["adam_beta1"] == docs["adam_epsilon"] == "Adam's constants."
    assert docs["metric_examples"].startswith("How many dev examples such a metric")


def test_a_set_survives_json() -> None:
    config = pytest.importorskip("t2t_multimodel.models.config")
    hparams = HParams(config.ModelConfig(), TrainingConfig(seed=3), "mine")
    text = json.dumps(hparams.to_dict())
    assert HParams.from_dict(json.loads(text)) == hparams
