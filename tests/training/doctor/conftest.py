"""Two problems in a file of their own, so that another process can know them too."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.training.config import HParams, TrainingConfig

NAMES = ("doctor_reversal", "doctor_length")

_PROBLEMS = """
from t2t_multimodel import ClassLabel, Problem, Text, registry


class Words(Problem):
    needs_source = False

    def examples(self, split, source_dir):
        for number in range(600):
            words = ["red dog sees two".split()[number % 4]] * (1 + number % 5)
            yield {"inputs": " ".join(words), "targets": self.target(words)}


@registry.register_problem("doctor_reversal")
class Reversal(Words):
    inputs = Text()
    targets = Text("backward")

    def target(self, words):
        return " ".join(reversed(words))


@registry.register_problem("doctor_length")
class Length(Words):
    inputs = Text()
    targets = ClassLabel(("one", "two", "three", "four", "five"))

    def target(self, words):
        return len(words) - 1
"""


@pytest.fixture(scope="session")
def names() -> tuple[str, ...]:
    return NAMES


@pytest.fixture(scope="session")
def doctor_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The problems, registered, and their data."""
    usr_dir = tmp_path_factory.mktemp("doctor") / "doctor_problems"
    usr_dir.mkdir()
    (usr_dir / "words_of_the_doctor.py").write_text(_PROBLEMS, "utf-8")
    registry.import_usr_dir(usr_dir)
    folder = tmp_path_factory.mktemp("doctor_data")
    options = Options(num_shards=1, vocab_size=300, num_workers=1)
    generate([registry.problem(name) for name in NAMES], folder, options=options)
    return folder


@pytest.fixture(scope="session")
def small() -> HParams:
    return HParams(
        ModelConfig(
            depth=32,
            num_heads=2,
            encoder_blocks=1,
            mixer_blocks=0,
            decoder_blocks=1,
            num_experts=8,
            top_k=2,
            expert_hidden_size=16,
            categorical_filters=(8, 8),
        ),
        TrainingConfig(train_steps=10, batch_cost_text=1024, ema_decay=0.9),
        "small",
    )
