"""TF_CONFIG: what is understood, and that errors name the field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from t2t_multimodel.training.cluster import Cluster, choose_strategy, read_cluster

TWO = ["10.0.0.1:2222", "10.0.0.2:2222"]


def read(config: Any) -> Cluster:
    text = config if isinstance(config, str) else json.dumps(config)
    return read_cluster({"TF_CONFIG": text})


def of(workers: Any, kind: Any = "worker", index: Any = 0, **jobs: Any) -> Any:
    return {
        "cluster": {"worker": workers, **jobs},
        "task": {"type": kind, "index": index},
    }


def test_the_chief_comes_first_and_may_be_missing() -> None:
    workers = read(of(TWO, index=1))
    assert workers == Cluster(("worker[0]", "worker[1]"), tuple(TWO), 1)
    assert (workers.size, workers.name, workers.is_chief) == (2, "worker[1]", False)
    assert read(of(TWO)).is_chief
    with_chief = read(of(TWO, index="1", chief=["node-0:2222"]))
    assert with_chief.names == ("chief", "worker[0]", "worker[1]")
    assert (with_chief.name, with_chief.is_chief) == ("worker[1]", False)
    assert read(of(TWO, "chief", chief=["[::1]:2222"])).is_chief


@pytest.mark.parametrize("text", ["", "  ", "{}", '{"task": {"type": "worker"}}'])
def test_without_a_cluster_a_process_is_alone(text: str) -> None:
    assert read_cluster({}) == read(text) == Cluster()
    assert Cluster().is_chief


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{cluster", "TF_CONFIG is not JSON (Expecting property name"),
        ("[1]", "TF_CONFIG is [1], not an object"),
        ({"cluster": []}, "TF_CONFIG: cluster is [], not an object"),
        (of("a:1"), "TF_CONFIG: cluster.worker is 'a:1', not a list"),
        (of(["a:1", "b"]), "TF_CONFIG: cluster.worker[1] is 'b', not host:port"),
        (of(["a:1", "b:0"]), "TF_CONFIG: cluster.worker[1] is 'b:0', not host:port"),
        (of(["a:1", "b:99999"]), "cluster.worker[1] is 'b:99999', not host:port"),
        (of(["a:1", "b:x"]), "cluster.worker[1] is 'b:x', not host:port"),
        (of(["a:1", ":2"]), "TF_CONFIG: cluster.worker[1] is ':2', not host:port"),
        (of(["http://a:1"]), "cluster.worker[0] is 'http://a:1', not host:port"),
        (of([5]), "TF_CONFIG: cluster.worker[0] is 5, not host:port"),
        (
            of(["a:1", "b:1", "a:1"]),
            "TF_CONFIG: cluster.worker[2] has the address 'a:1' of cluster.worker[0]",
        ),
        (
            of(["a:1"], chief=["a:1"]),
            "cluster.worker[0] has the address 'a:1' of cluster.chief",
        ),
        (of(TWO, chief=["c:1", "d:1"]), "TF_CONFIG: cluster.chief has 2 tasks"),
        (of([]), "TF_CONFIG: cluster has no tasks"),
        (of(TWO, ps=["c:1"]), "TF_CONFIG: cluster.ps is 'ps', no type of task here"),
        ({"cluster": {"worker": TWO}}, "TF_CONFIG: task is missing"),
        ({**of(TWO), "task": 3}, "TF_CONFIG: task is 3, not an object"),
        ({**of(TWO), "task": {"index": 0}}, "TF_CONFIG: task.type is missing"),
        ({**of(TWO), "task": {"type": "worker"}}, "TF_CONFIG: task.index is missing"),
        (of(TWO, index=2), "TF_CONFIG: task.index is 2, out of range; cluster.worker"),
        (of(TWO, index=-1), "TF_CONFIG: task.index is -1, out of range"),
        (of(TWO, index=True), "TF_CONFIG: task.index is True, out of range"),
        (of(TWO, index="one"), "TF_CONFIG: task.index is 'one', out of range"),
        (of(TWO, "chief"), "task.type is 'chief'; but cluster has no chief"),
        (of(TWO, "master"), "TF_CONFIG: task.type is 'master', no type of task here"),
        (of(TWO, "evaluator"), "evaluate with t2t-eval, which needs no cluster."),
    ],
)
def test_an_error_names_the_field(config: Any, message: str) -> None:
    with pytest.raises(ValueError) as error:
        read(config)
    assert message in str(error.value)


def test_auto_takes_the_cluster_for_several_workers_and_says_why() -> None:
    several = read(of(TWO))
    assert choose_strategy("auto", several) == (
        "multi_worker",
        "TF_CONFIG lists 2 tasks",
    )
    assert choose_strategy("auto", Cluster()) == ("auto", "")
    assert choose_strategy("auto", read(of(TWO[:1])))[0] == "auto"
    assert choose_strategy("multi_worker", read(of(TWO[:1])))[0] == "multi_worker"
    assert choose_strategy("auto", Cluster(), tpu="node-1")[0] == "tpu"


@pytest.mark.parametrize(
    ("name", "cluster", "tpu", "message"),
    [
        ("miror", Cluster(), "", "no strategy 'miror'; near it: mirrored"),
        ("multi_worker", Cluster(), "", "needs TF_CONFIG, which is not set"),
        ("mirrored", read(of(TWO)), "", "lists 2 tasks, but the strategy is mirrored"),
        ("auto", read(of(TWO)), "local", "lists 2 tasks, but the strategy is tpu"),
        ("mirrored", Cluster(), "local", "--tpu=local needs --strategy=tpu or auto"),
    ],
)
def test_a_strategy_that_does_not_go_with_the_cluster_is_refused(
    name: str, cluster: Cluster, tpu: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        choose_strategy(name, cluster, tpu)
