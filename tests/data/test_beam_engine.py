"""Apache Beam makes the same bytes, and what it made is not made again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data import beam_engine
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.problem import Later, Skip
from t2t_multimodel.testing.text_pairs import TextPairs

ROWS = [(Later(str, n), f"wort {n}") for n in range(23)]
USERS = """
from t2t_multimodel import registry
from t2t_multimodel.data.features import Text
from t2t_multimodel.data.problem import Later, Problem


def say(number):
    return f"word {number}"


@registry.register_problem
class Counted(Problem):
    needs_source = False
    inputs, targets = Text(), Text()

    def examples(self, split, source_dir):
        for number in range(11):
            yield {"inputs": Later(say, number), "targets": split}
"""


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _problems(tmp_path: Path) -> list[TextPairs]:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "counted.py").write_text(USERS)
    registry.import_usr_dir(tmp_path / "mine")
    back = TextPairs(name="back", twin="pairs")
    back.inputs, back.targets = TextPairs.targets, TextPairs.inputs
    return [
        TextPairs(*ROWS, ("a", 7), Skip("odd", "line 3", is_fault=False)),
        back,
        registry.problem("caption_mini"),
        registry.problem("counted"),
    ]


@pytest.mark.filterwarnings("ignore")  # Beam's own
def test_beam_makes_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("apache_beam", exc_type=ImportError)
    problems = _problems(tmp_path)
    for engine in ("processes", "beam"):
        options = Options(
            max_examples=25, num_shards=3, max_bad_share=0.1, engine=engine
        )
        made = generate(problems, tmp_path / engine, options=options)
    assert made["pairs"].splits["train"].num_faults == 1
    assert _contents(tmp_path / "beam") == _contents(tmp_path / "processes")


@pytest.mark.filterwarnings("ignore")
def test_what_beam_has_done_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apache_beam", exc_type=ImportError)
    problem = TextPairs(*ROWS, by_split={"test": (*ROWS, ("a", 7))})
    options = Options(num_shards=3, engine="beam")
    with pytest.raises(ValueError, match="split test: 1 of 24 examples are at fault"):
        generate([problem], tmp_path / "data", options=options)
    assert len(list((tmp_path / "data" / ".unfinished").glob("*.done.json"))) == 5
    options = Options(num_shards=3, engine="beam", max_bad_share=0.1)
    tasks = []
    monkeypatch.setattr(beam_engine, "write_shards", lambda t, o: tasks.extend(t))
    generate([problem], tmp_path / "data", options=options)
    assert tasks == []


def test_shards_that_no_machine_wrote_are_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beam_engine, "write_shards", lambda tasks, options: None)
    options = Options(num_shards=2, engine="beam")
    with pytest.raises(OSError, match=r"pairs-train: shards \[0, 1\] were made on"):
        generate([TextPairs()], tmp_path, options=options)


def test_without_beam_the_way_to_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ValueError, match=r"pip install 't2t-multimodel\[beam\]'"):
        generate([TextPairs()], tmp_path, options=Options(engine="beam"))
    with pytest.raises(ValueError, match="engine is 'spark'; processes or beam"):
        Options(engine="spark")
