"""Scores of parse trees in linear form, by EVALB's conventions as far as they apply.

The linear form has no words, so a constituent is a label with the span of tags below
it. As EVALB does with its usual parameter file (labelled recall and precision over the
corpus, http://nlp.cs.nyu.edu/evalb/):

- the outer TOP is gone (the linear form has none), tags are no constituents;
- punctuation is not counted: the positions that the reference tags as such are left out
  of all spans, and a constituent with no other position is dropped;
- function tags do not count (`NP-SBJ` is `NP`), and PRT equals ADVP;
- a constituent that occurs twice must be found twice.

Where EVALB would refuse an output, this counts it as an output without brackets, which
costs recall: one that is not a well-formed tree, or has more or fewer tags than the
reference and so is no tree of that sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from t2t_multimodel.data.trees import Node, constituents, read_linear
from t2t_multimodel.evaluation.score import Score

PUNCTUATION_TAGS = frozenset({",", ":", "``", "''", "."})
SAME_LABEL = {"PRT": "ADVP"}

Brackets = Counter[tuple[str, int, int]]


def bracketing(
    hypotheses: Sequence[str], references: Sequence[str]
) -> tuple[Score, ...]:
    """Labelled bracketing F1, precision and recall, and the share of usable trees.

    Args:
        hypotheses: Trees in linear form, as decoded.
        references: The right trees in linear form.

    Raises:
        ValueError: A reference is not a tree, or the two do not match in number.
    """
    matched = produced = wanted = usable = 0
    for hypothesis, reference in _pairs(hypotheses, references):
        ignored = _punctuation(reference)
        gold = _brackets(reference, ignored)
        found = _brackets(hypothesis, ignored) if hypothesis else Counter()
        matched += (gold & found).total()
        produced += found.total()
        wanted += gold.total()
        usable += hypothesis is not None
    precision = _percent(matched, produced)
    recall = _percent(matched, wanted)
    return (
        Score("bracketing_f1", _percent(2 * matched, produced + wanted), "F1", "%"),
        Score("bracketing_precision", precision, "precision", "%"),
        Score("bracketing_recall", recall, "recall", "%"),
        Score("usable_trees", _percent(usable, len(references)), "usable trees", "%"),
    )


def whole_trees(
    hypotheses: Sequence[str], references: Sequence[str]
) -> tuple[Score, ...]:
    """The share of trees right in every label, tag and bracket, punctuation included.

    This is the paper's "fully correct parse trees"; EVALB's complete match, which
    looks at brackets alone, is more lenient.
    """
    same = sum(
        hypothesis.split() == reference.split()
        for hypothesis, reference in zip(hypotheses, references, strict=True)
    )
    share = _percent(same, len(references))
    return (Score("whole_trees", share, "whole trees", "%"),)


def tagging(hypotheses: Sequence[str], references: Sequence[str]) -> tuple[Score, ...]:
    """The share of words, punctuation left out, with the right part-of-speech tag.

    The words of an output that is not a tree of its sentence all count as wrong.
    """
    right = words = 0
    for hypothesis, reference in _pairs(hypotheses, references):
        ignored = _punctuation(reference)
        gold = [tag.label for tag in reference.tags()]
        found = (
            [tag.label for tag in hypothesis.tags()] if hypothesis else [""] * len(gold)
        )
        right += sum(
            g == f and position not in ignored
            for position, (g, f) in enumerate(zip(gold, found, strict=True))
        )
        words += len(gold) - len(ignored)
    return (Score("tagging_accuracy", _percent(right, words), "tagging", "%"),)


def _pairs(
    hypotheses: Sequence[str], references: Sequence[str]
) -> Iterator[tuple[Node | None, Node]]:
    """Each output, None unless it is a tree of its sentence, and the right tree."""
    if len(hypotheses) != len(references) or not references:
        raise ValueError(
            f"{len(hypotheses)} trees cannot be scored against {len(references)} "
            "references: the two must be equally many, and some."
        )
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


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0
