"""How outputs are to be searched for, read from text and checked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from t2t_multimodel.decoding.config import DecodeConfig


def test_text_sets_fields_by_name() -> None:
    config = DecodeConfig.from_text("beam_size=4, alpha=0.8,nbest=2,constrained=False")
    assert config == DecodeConfig(beam_size=4, alpha=0.8, nbest=2, constrained=False)
    assert config.num_outputs == 2
    assert DecodeConfig.from_text("") == DecodeConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("beam_sise=4", "no field 'beam_sise'; near it: beam_size"),
        ("beam_size", "'beam_size' is not of the form field=value"),
        ("beam_size=four", "beam_size is of type int; 'four' is not"),
        ("beam_size=2,beam_size=3", "beam_size is set twice"),
        ("beam_size=0", "beam_size is 0: at least 1"),
        ("temperature=-1", "temperature is -1.0: at least 0"),
        ("temperature=1,top_p=0", "top_p is 0.0: above 0 and at most 1"),
        ("nbest=3,beam_size=2", r"nbest \(3\) is larger than beam_size \(2\)"),
        ("min_length=9,max_length=8", r"min_length \(9\) is larger than max_length"),
        ("beam_size=2,temperature=1", "a beam draws nothing"),
        ("top_k=5", "set temperature too"),
        ("num_samples=2", "set temperature too"),
    ],
)
def test_what_is_not_possible_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DecodeConfig.from_text(text)


def test_reading_it_loads_no_tensorflow() -> None:
    code = (
        "import sys\n"
        "from t2t_multimodel.decoding.config import DecodeConfig\n"
        "DecodeConfig.from_text('beam_size=4')\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
