"""Which arithmetic "auto" is, and that it is decided once."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import tensorflow as tf

from t2t_multimodel import registry
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.training import precision
from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.precision import fast_bfloat16, resolved
from t2t_multimodel.training.record import RunRecord

SLOW, FAST = (False, "it is old"), (True, "it is new")


def hparams(policy: str) -> HParams:
    return registry.hparams("multimodel_tiny").replace(dtype_policy=policy)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> object:
    def is_(found: tuple[bool, str]) -> None:
        monkeypatch.setattr(precision, "fast_bfloat16", lambda strategy: found)

    return is_


@pytest.mark.parametrize(
    ("found", "policy"), [(SLOW, "float32"), (FAST, "mixed_bfloat16")]
)
def test_auto_is_what_is_fast_here(machine, caplog, found, policy) -> None:
    machine(found)
    with caplog.at_level(logging.INFO):
        assert resolved(hparams("auto")).model.dtype_policy == policy
    assert caplog.messages == [f"dtype_policy: {policy}, because {found[1]}"]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_run_that_goes_on_computes_as_it_began(
    machine, tmp_path: Path, policy: str
) -> None:
    record = RunRecord(hparams(policy), (), "", 0, "data")
    record.write(tmp_path, tmp_path / "none")
    machine(FAST if policy == "float32" else SLOW)
    again = resolved(hparams("auto"), tmp_path)
    assert again == record.hparams
    record.check_goes_on(RunRecord(again, (), "", 0, "data"), tmp_path)


def test_bfloat16_where_it_is_slow_is_obeyed_with_a_warning(machine, caplog) -> None:
    machine(SLOW)
    asked = hparams("mixed_bfloat16")
    assert resolved(asked) == asked
    (line,) = caplog.messages
    assert line.endswith("will be slower than float32: it is old")
    caplog.clear()
    machine(FAST)
    assert resolved(asked) == asked
    machine(SLOW)
    assert resolved(hparams("float32")) == hparams("float32")
    assert not caplog.messages


@pytest.mark.parametrize(
    ("text", "is_fast"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f amx_bf16 amx_tile\n", True),
        ("flags : fpu avx512_bf16\n", True),
        ("Features : fp asimd bf16\n", True),
        ("flags : fpu avx512f avx512_vnni\n", False),
        ("model name : amx_bf16\n", False),
    ],
)
def test_a_processor_is_known_by_its_flags(tmp_path, monkeypatch, text, is_fast):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    file = tmp_path / "cpuinfo"
    file.write_text(text, "utf-8")
    assert fast_bfloat16("auto", file)[0] is is_fast
    assert fast_bfloat16("auto", tmp_path / "none") == (
        False,
        "this processor has none of amx_bf16, avx512_bf16, bf16",
    )


@pytest.mark.parametrize(
    ("capabilities", "is_fast"), [([(8, 0)], True), ([(9, 0), (7, 5)], False)]
)
def test_accelerators_are_known_by_the_least_of_them(
    monkeypatch, capabilities, is_fast
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda device: {"compute_capability": device},
    )
    assert fast_bfloat16()[0] is is_fast
    assert fast_bfloat16("tpu")[0] is True


def test_a_policy_is_one_of_three() -> None:
    with pytest.raises(ValueError, match=r"'bfloat': .* float32, mixed_bfloat16, auto"):
        hparams("bfloat")


def test_a_model_needs_a_policy_that_is_decided() -> None:
    with pytest.raises(ValueError, match='dtype_policy is "auto"'):
        MultiModel(hparams("auto").model, (), 9)
