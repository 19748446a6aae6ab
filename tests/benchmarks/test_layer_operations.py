"""The formula for a step's operations agrees with the count off TensorFlow's graph."""

from __future__ import annotations

import cases
import layer_operations
import operations
import pytest

CHANGES = (
    "depth=64,num_experts=8,top_k=2,expert_hidden_size=48,encoder_blocks=1,"
    "decoder_blocks=1,image_filters=(16,24,32),categorical_filters=(48,64)"
)


@pytest.mark.parametrize("inputs", ["text", "image", "audio"])
def test_a_step_has_the_operations_of_its_graph(inputs: str) -> None:
    case = cases.Case("multimodel_tiny", CHANGES, inputs, 2, 48)
    _, model, batch = cases.make_step(case)
    graph = cases.gradient_graph(model, batch).graph
    arrays = {name: value.numpy() for name, value in batch.items()}
    found = layer_operations.of_step(model.view("measured"), arrays)
    # What it leaves out, layer norms, is a few parts in a hundred at this width.
    assert found == pytest.approx(operations.of_model(graph, model.config), rel=0.08)
