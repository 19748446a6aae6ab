"""A world of problems over four words, and an experiment on it: for tests.

Its arms have labels as targets, which train and are scored in a few seconds.
"""

from __future__ import annotations

from pathlib import Path

from t2t_multimodel import registry
from t2t_multimodel.experiments.recipe import Experiment, Question
from t2t_multimodel.experiments.setting import Setting
from t2t_multimodel.training.config import HParams

_PROBLEMS = """
from t2t_multimodel import registry
from t2t_multimodel.testing.word_problems import FirstWord, Length, Reversal

registry.register_problem("reversal")(Reversal)
registry.register_problem("length")(Length)
registry.register_problem("first_word")(FirstWord)
"""
_SIZES = (
    "depth=16,num_heads=2,encoder_blocks=1,mixer_blocks=0,decoder_blocks=1,"
    "num_experts=4,top_k=2,expert_hidden_size=8,categorical_filters=(8,8),"
    "batch_cost_text=64,max_length=24,eval_batches=1,num_buckets=1"
)


def make_world(folder: Path) -> Path:
    """Makes `reversal`, `length` and `first_word` known, by a user's folder."""
    folder.mkdir()
    (folder / "problems.py").write_text(_PROBLEMS, "utf-8")
    registry.import_usr_dir(folder)
    return folder


def tiny_hparams() -> HParams:
    """Hyper-parameters of a really small model."""
    return registry.hparams("multimodel_tiny").override(_SIZES)


def company(setting: Setting) -> Experiment:
    """A recipe of two arms."""
    alone, joint = setting.alone("length"), setting.together(name="jointly")
    question = Question("length", "company", alone.name, joint.name)
    return Experiment("Is company good?", (alone, joint), (question,))
