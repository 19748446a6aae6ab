"""The named sizes: every one is built as written, and the docstrings' counts hold."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from t2t_multimodel import registry
from t2t_multimodel.hparams import multimodel
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.models.task import task_of


@pytest.mark.parametrize("name", ["multimodel_tiny", "multimodel_small"])
def test_the_docstring_counts_the_parameters(name):
    tasks = [task_of(registry.problem(n)) for n in registry.group("mini_eight")]
    config = registry.hparams(name).model
    # Experts are counted, not allocated: small's would fill half of the memory.
    few = dataclasses.replace(config, num_experts=config.top_k)
    model = MultiModel(few, tasks, 8192)
    count = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    depth, hidden = config.depth, config.expert_hidden_size
    expert = 2 * depth * hidden + hidden + depth + 2 * depth
    count += 2 * (config.num_experts - config.top_k) * expert
    said = re.search(r"([\d.,]+) M\.", getattr(multimodel, name).__doc__)
    assert said is not None
    assert f"{count / 1e6:.1f}" == said.group(1)


def test_the_paper_set_has_the_papers_numbers():
    config = registry.hparams("multimodel_paper").model
    assert (config.depth, config.num_heads) == (1024, 8)
    assert (config.num_experts, config.top_k) == (240, 4)
    assert (config.encoder_blocks, config.mixer_blocks, config.decoder_blocks) == (
        6,
        2,
        4,
    )
    assert config.image_filters == (32, 64, 128, 256)
    assert config.categorical_filters == (1536, 2048)
    assert config.audio_filters == tuple(2**i for i in range(1, 9))
    assert config.dropout == 0.4


@pytest.mark.parametrize("name", registry.list_hparams())
def test_a_set_bears_its_own_name(name):
    assert registry.hparams(name).name == name
