"""Scores of parse trees in linear form, by EVALB's conventions.

The linear form has no words, so a constituent is a label with the span of tags below
it. What follows EVALB (http://nlp.cs.nyu.edu/evalb/) with COLLINS.prm:

- the outer TOP or ROOT is no constituent (the linear form has none; an output that
  writes one all the same is not charged for it), and tags are no constituents;
- punctuation, the tags , : `` '' and ., is left out of all spans, and a constituent
  of nothing else is dropped; it counts neither in tagging accuracy;
- function tags do not count (`NP-SBJ` and `NP=2` are `NP`), and PRT equals ADVP;
- a constituent that occurs n times on one side and m times on the other is matched
  min(n, m) times;
- precision, recall and F1 are of the sums over the corpus, complete match is the share
  of sentences whose brackets all match both ways, tags put aside.

What does not:

- an output that is no well-formed tree, or has more or fewer tags than the reference,
  is for EVALB an error or skipped sentence that no figure counts. Here it counts as an
  output without brackets and without a right tag, which costs recall, complete match
  and tagging; `usable_trees` is the share of outputs that EVALB would have counted;
- which positions are punctuation is read from the reference's tags alone; EVALB deletes
  by the tags of each tree, so a full stop tagged as a noun is there a difference in
  length, and here a wrong tag that is not counted;
- there is no figure for sentences of at most 40 words, and none for crossing brackets;
- traces (-NONE-) are not deleted: prepared treebanks have none (docs/parsing.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from t2t_multimodel.data.trees import OUTER_LABELS, Node, constituents, read_linear
from t2t_multimodel.evaluation.measurement import (
    Measurement,
    check_lengths,
    of_sums,
    share,
)

PUNCTUATION_TAGS = frozenset({",", ":", "``", "''", "."})
SAME_LABEL = {"PRT": "ADVP"}

Brackets = Counter[tuple[str, int, int]]


def bracketing(
    hypotheses: Sequence[str], references: Sequence[str]
) -> tuple[Measurement, ...]:
    """Labelled bracketing F1, precision, recall, complete match, usable trees.

    Args:
        hypotheses: Trees in linear form, as decoded.
        references: The right trees in linear form.

    Raises:
        ValueError: A reference is not a tree, or the two do not match in number.
    """
    rows = []
    for hypothesis, reference in _pairs(hypotheses, references):
        ignored = _punctuation(reference)
        gold = _brackets(reference, ignored)
        found = _brackets(hypothesis, ignored) if hypothesis else Counter()
        is_usable = hypothesis is not None
        same = (gold & found).total()
        is_complete = is_usable and found == gold
        rows.append([same, found.total(), gold.total(), is_complete, is_usable, 1])

    def figure(name: str, title: str, of: Callable[..., float]) -> Measurement:
        return of_sums(name, title, rows, lambda sums: of(*sums), "%")

    return (
        figure("bracketing_f1", "F1", lambda m, p, g, *_: share(2 * m, p + g)),
        figure("bracketing_precision", "precision", lambda m, p, *_: share(m, p)),
        figure("bracketing_recall", "recall", lambda m, p, g, *_: share(m, g)),
        figure("complete_match", "complete match", lambda *s: share(s[3], s[5])),
        figure("usable_trees", "usable trees", lambda *s: share(s[4], s[5])),
    )


def whole_trees(
    hypotheses: Sequence[str], references: Sequence[str]
) -> tuple[Measurement, ...]:
    """The share of trees right in every label, tag and bracket, punctuation included.

    This is the paper's "fully correct parse trees"; EVALB's complete match, which
    looks at brackets alone, is more lenient.
    """
    check_lengths(hypotheses, references, "trees")
    rows = [
        [hypothesis.split() == reference.split(), 1]
        for hypothesis, reference in zip(hypotheses, references, strict=True)
    ]
    return (of_sums("whole_trees", "whole trees", rows, _first_of_second, "%"),)


def tagging(
    hypotheses: Sequence[str], references: Sequence[str]
) -> tuple[Measurement, ...]:
    """The share of words, punctuation left out, with the right part-of-speech tag.

    The words of an output that is not a tree of its sentence all count as wrong.
    """
    rows = []
    for hypothesis, reference in _pairs(hypotheses, references):
        ignored = _punctuation(reference)
        gold = [tag.label for tag in reference.tags()]
        found = (
            [tag.label for tag in hypothesis.tags()] if hypothesis else [""] * len(gold)
        )
        right = sum(
            g == f and position not in ignored
            for position, (g, f) in enumerate(zip(gold, found, strict=True))
        )
        rows.append([right, len(gold) - len(ignored)])
    return (of_sums("tagging_accuracy", "tagging", rows, _first_of_second, "%"),)


def _pairs(
    hypotheses: Sequence[str], references: Sequence[str]
) -> Iterator[tuple[Node | None, Node]]:
    """Each output, None unless it is a tree of its sentence, and the right tree."""
    check_lengths(hypotheses, references, "trees")
    for number, (hypothesis, reference) in enumerate(
        zip(hypotheses, references, strict=True)
    ):
        try:
            gold = read_linear(reference)
        except ValueError as error:
            raise ValueError(f"reference {number} is not a tree: {error}") from error
        try:
            found = read_linear(hypothesis)
        except ValueError:
            yield None, gold
            continue
        same_length = sum(1 for _ in found.tags()) == sum(1 for _ in gold.tags())
        yield (found if same_length else None), gold


def _punctuation(tree: Node) -> frozenset[int]:
    """Positions of the tags that are punctuation."""
    return frozenset(
        position
        for position, tag in enumerate(tree.tags())
        if tag.label in PUNCTUATION_TAGS
    )


def _brackets(tree: Node, ignored: frozenset[int]) -> Brackets:
    """How often each (label, start, end) occurs, `ignored` positions closed up."""
    brackets: Brackets = Counter()
    for label, start, end in constituents(tree):
        if label in OUTER_LABELS:
            continue
        first = start - sum(position < start for position in ignored)
        last = end - sum(position < end for position in ignored)
        if first < last:
            brackets[_plain(label), first, last] += 1
    return brackets


def _plain(label: str) -> str:
    """The label without function tags; one that starts with a dash has none."""
    if not label.startswith("-"):
        label = label.split("-")[0].split("=")[0]
    return SAME_LABEL.get(label, label)


def _first_of_second(sums_S: np.ndarray) -> float:
    return share(sums_S[0], sums_S[1])
