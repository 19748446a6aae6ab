"""How a run hears: samples are stored, and a run decides what it makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.data.features import Audio
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.training.config import TrainingConfig


def as_heard(problem: Problem, config: TrainingConfig) -> Problem:
    """The problem with its sound in the form that the configuration asks for.

    Raises:
        ValueError: There is no such form of sound.
    """
    for key, feature in problem.features.items():
        if isinstance(feature, Audio):
            changed = feature.changed(
                form=config.audio_form,
                num_bins=config.audio_num_bins,
                window_ms=config.audio_window_ms,
                step_ms=config.audio_step_ms,
            )
            setattr(problem, key, changed)
    return problem


def as_trained(
    name: str, options: Mapping[str, Any], config: TrainingConfig
) -> Problem:
    """A problem as a run was trained on it.

    Args:
        name: The problem's.
        options: What it was made with, its classes for example.
        config: The run's.

    Raises:
        ValueError: No problem of this name is registered.
    """
    return as_heard(registry.problem(name).with_options(options), config)
