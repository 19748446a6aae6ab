"""The profile of a step names every kind of operation, and what it must cost."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

FILE = Path(__file__).parents[2] / "benchmarks" / "profiling.py"


@pytest.fixture(scope="module")
def profiling() -> dict[str, Any]:
    return runpy.run_path(str(FILE))


def test_a_step_is_watched(measured_case: Any) -> None:
    found = measured_case(FILE, "image_tiny_64", 2)
    seconds, calls = found["kinds"]["ResourceApplyAdam"]
    # Once a weight and step, and a step has more than a hundred weights.
    assert calls == int(calls) > 50
    assert 0 < seconds < 1
    assert found["kinds"]["DepthwiseConv2d"][1] >= 8
    assert found["gflop"] > 0


def test_kinds_of_a_profile(profiling: dict[str, Any]) -> None:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    plane = space.planes.add(name="/host:CPU")
    line = plane.lines.add()
    names = ("a/b:_MklMatMul", "c:_MklMatMul#id=1#", "Executor", "d:Cast")
    for key, (name, micros) in enumerate(zip(names, (1, 2, 4, 8), strict=True)):
        plane.event_metadata[key].name = name
        line.events.add(metadata_id=key, duration_ps=micros * 10**6)
    seconds, calls = profiling["kinds_of"](space.SerializeToString())
    assert seconds == pytest.approx({"MatMul": 3e-6, "Cast": 8e-6})
    assert calls == {"MatMul": 2, "Cast": 1}


@pytest.mark.parametrize(
    ("operation", "kind", "family"),
    [
        ("_MklNativeFusedMatMul", "FusedMatMul", "products"),
        ("_MklBatchMatMulV2", "BatchMatMulV2", "products"),
        (
            "_MklNativeDepthwiseConv2dNativeBackpropFilter",
            "DepthwiseConv2dBackpropFilter",
            "convolutions",
        ),
        ("ResourceApplyAdam", "ResourceApplyAdam", "optimizer"),
        ("BiasAddGrad", "BiasAddGrad", "sums and softmax"),
        ("ReluGrad", "ReluGrad", "elementwise"),
        ("_MklTranspose", "Transpose", "moves"),
        ("StatelessRandomNormalV2", "StatelessRandomNormalV2", "random"),
        ("While", "While", "the rest"),
    ],
)
def test_the_family_of_an_operation(
    profiling: dict[str, Any], operation: str, kind: str, family: str
) -> None:
    assert operation.strip("_") in dir(tf.raw_ops) or "Mkl" in operation
    assert profiling["kind_of"](operation) == kind
    assert profiling["family_of"](kind) == family


def test_rows_compare_with_what_it_must_cost(profiling: dict[str, Any]) -> None:
    kinds = {"MatMul": [0.3, 5], "Mul": [0.1, 9], "ResourceApplyAdam": [0.1, 2]}
    record = {"kinds": kinds, "gflop": 60.0, "params": 1e7, "is_bfloat16": True}
    rates = {"float32 products": 100.0, "bfloat16 products": 400.0, "copy": 7.0}
    rows = profiling["rows_of"]("case", record, rates)
    told = {row["what"]: (row["value"], row["ratio"]) for row in rows}
    assert told["products"] == (0.3, pytest.approx(0.6))
    assert told["products at the ceiling"] == (0.15, pytest.approx(0.5))
    # 28 bytes a weight.
    assert told["Adam's bytes copied"] == (
        pytest.approx(0.04),
        pytest.approx(0.4),
    )
