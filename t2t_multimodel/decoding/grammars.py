"""Which problems have a grammar, and where its symbols come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from t2t_multimodel.data.features import Tree
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.tree_symbols import load_symbols
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.tree_grammar import TreeGrammar


def grammar_of(
    run: Any, problem: Problem, config: DecodeConfig, data_dir: Path | None = None
) -> TreeGrammar | None:
    """The grammar that a problem's outputs are held to, if any.

    Sentences parsed into trees have one; its labels and tags are those of the training
    data, which a run keeps in its folder. Where the inputs are no text, their words
    cannot be counted, and there is none.

    Args:
        run: What `training.restore.load_run` gives.
        problem: A problem of the run.
        config: `constrained` turns grammars off.
        data_dir: Where the training data lies, if not where the run read it.

    Raises:
        ValueError: The run does not keep the symbols and the data is missing.
    """
    is_parsing = isinstance(problem.targets, Tree)
    if not (config.constrained and is_parsing and problem.inputs.modality == "text"):
        return None
    try:
        symbols = load_symbols(problem, run.output_dir, data_dir or run.data_dir)
    except FileNotFoundError as error:
        raise ValueError(
            f"{run.output_dir} does not say which labels and tags {problem.name} has, "
            f"and the data is missing ({error}); give the data back, or decode with "
            "constrained=False"
        ) from error
    return TreeGrammar(symbols, run.vocabulary)
