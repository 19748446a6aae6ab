"""Parsing of the Wall Street Journal: sentences into linearised Penn Treebank trees.

The inputs are the words as the treebank splits them, joined by blanks; the targets are
the tree in linear form. How a tree is prepared, and which file goes to which split,
docs/parsing.md says.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.data.features import Text, Tree
from t2t_multimodel.data.problem import Problem, Skip
from t2t_multimodel.data.treebank import Cut, cut, normalise
from t2t_multimodel.data.trees import linearise, read_brackets
from t2t_multimodel.problems.parse.sections import read_sections
from t2t_multimodel.problems.parse.splits import Plan, plan_splits

_log = logging.getLogger(__name__)


@registry.register_problem
class ParseWsj(Problem):
    """English sentences, as the treebank splits them, into linearised parse trees.

    Args:
        train_sections: Sections of the treebank's Wall Street Journal that are trained
            on: numbers and ranges, such as "02-21" or "2-5,7", or "none".
        dev_sections: Sections of the dev split.
        test_sections: Sections of the test split.

    Raises:
        ValueError: Sections are written in another way, or one is in two splits.
    """

    inputs, targets = Text("english"), Tree()
    source = "Penn Treebank 3, LDC99T42, https://catalog.ldc.upenn.edu/LDC99T42"
    licence = "LDC User Agreement (the text is copyright Dow Jones)"
    stand_in = (
        "GUM, https://github.com/amir-zeldes/gum, its folder const/ of .ptb files "
        "(annotation CC BY 4.0); or the tenth of this treebank that NLTK distributes "
        "(nltk.download('treebank'), its folder combined/; non-commercial)"
    )
    layout = (
        "parsed/mrg/wsj/SS/wsj_SSNN.mrg, at any depth: sections 02-21, 22 and 23 are "
        "train, dev and test\n"
        "train, dev (or valid) and test as folders or files of bracketed trees, such "
        "as train.mrg or test/\n"
        "any other .mrg .ptb .tree .trees .parse .bracket(s) files: a tenth of the "
        "files each is held out for dev and test"
    )
    is_ordered = True  # file by file
    sizes: Mapping[str, int] = MappingProxyType(
        {"train": 39832, "dev": 1700, "test": 2416}
    )

    def __init__(
        self,
        train_sections: str = "02-21",
        dev_sections: str = "22",
        test_sections: str = "23",
    ) -> None:
        texts = {"train": train_sections, "dev": dev_sections, "test": test_sections}
        self._sections = read_sections(texts)
        self.options = {f"{split}_sections": text for split, text in texts.items()}

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        """The splits whose trees are there; says how they were found.

        Raises:
            FileNotFoundError: There are no trees, or none of a section of train or
                dev; the message says which sections there are.
        """
        plan = self._plan(source_dir)
        for remark in plan.remarks:
            _log.warning("%s: %s", self.name, remark)
        return tuple(plan.parts)

    def examples(
        self, split: str, source_dir: Path
    ) -> Iterator[Mapping[str, Any] | Skip]:
        part = self._plan(source_dir).parts[split]
        for path in part.files:
            for piece in cut(path):
                if part.holds(piece.number):
                    yield _example(piece, f"{path}, tree {piece.number}")

    def _plan(self, source_dir: Path) -> Plan:
        return plan_splits(source_dir, self._sections, self.name)


def _example(piece: Cut, where: str) -> Mapping[str, Any] | Skip:
    if piece.fault:
        return Skip(piece.fault, where)
    try:
        tree = normalise(read_brackets(piece.text))
        if tree is None:
            return Skip("a tree of empty elements alone", where, is_fault=False)
        linear = linearise(tree)
    except ValueError as error:
        return Skip("not a tree that can be learned", f"{where}: {error}")
    return {"inputs": " ".join(tree.words()), "targets": linear}
