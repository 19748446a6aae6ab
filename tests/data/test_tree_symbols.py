"""Labels and tags of a corpus: found in its training data, kept by a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.tree_symbols import (
    TreeSymbols,
    keep_symbols,
    load_symbols,
    symbols_path,
)


def test_the_symbols_of_trees() -> None:
    symbols = TreeSymbols.of(["S NP NN /NP /S", "S VB X /S", "S X NN /X / /S"])
    # X is a tag in one tree, a label in another; a lone slash is a tag.
    assert symbols == TreeSymbols(("NP", "S", "X"), ("/", "NN", "VB"))


def test_a_run_keeps_them_and_needs_the_data_no_more(tmp_path: Path) -> None:
    problems = [registry.problem(name) for name in ("parse_mini", "image_mini")]
    run, data, nowhere = (tmp_path / name for name in ("run", "data", "nowhere"))
    run.mkdir()
    generate(problems, data, options=Options(max_examples=20))
    with pytest.raises(FileNotFoundError, match="parse_mini is not in"):
        load_symbols(problems[0], run, nowhere)
    found = load_symbols(problems[0], run, data)
    assert {"S", "NP", "VP"} <= set(found.labels)
    assert {"NN", "."} <= set(found.tags)
    keep_symbols(problems, data, run)
    assert [path.name for path in run.iterdir()] == ["parse_mini.symbols.json"]
    assert load_symbols(problems[0], run, nowhere) == found
    # What is kept is not asked for again.
    keep_symbols(problems, nowhere, run)
    symbols_path(run, "parse_mini").write_text('{"labels": 3}')
    with pytest.raises(ValueError, match=r"symbols\.json cannot be read .*remove it"):
        load_symbols(problems[0], run, data)
