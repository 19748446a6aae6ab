from __future__ import annotations

import dataclasses

import pytest

from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.testing.small_model import CONFIG, TASKS, VOCAB, randomise_routers


@pytest.fixture(scope="session")
def model() -> MultiModel:
    config = dataclasses.replace(CONFIG, encoder_blocks=1)
    model = MultiModel(config, TASKS, VOCAB)
    randomise_routers(model)
    return model
