"""Scores of decoded text: BLEU and chrF for translations, error rates for speech.

All read raw strings: the reference as the corpus has it, never tokens turned back into
text. BLEU and chrF are sacreBLEU's over the whole corpus, error rates are jiwer's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import jiwer
import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from t2t_multimodel.evaluation.measurement import (
    Measurement,
    check_lengths,
    of_sums,
    share,
)

References = Sequence[str] | Sequence[Sequence[str]]

BLEU_ORDER = 4
CHRF_ORDER, CHRF_BETA = 6, 2


def bleu(hypotheses: Sequence[str], references: References) -> tuple[Measurement, ...]:
    """Corpus BLEU with sacreBLEU's defaults (cased, 13a tokens, 4-grams).

    Args:
        hypotheses: One output an example.
        references: For each example one reference, or several.

    Returns:
        The score, 0 to 100, with sacreBLEU's signature as its detail.
    """
    check_lengths(hypotheses, references)
    rows_NS, signature = bleu_sums(hypotheses, references)
    return (of_sums("bleu", "BLEU", rows_NS, bleu_of, detail=signature),)


def bleu_sums(
    hypotheses: Sequence[str],
    references: References,
    tokenize: str = "13a",
    smooth_method: str = "exp",
) -> tuple[np.ndarray, str]:
    """Each example's part in a corpus BLEU, and sacreBLEU's signature.

    Returns:
        Right n-grams, all n-grams (1 to 4 each), the output's length and that of the
        reference nearest to it in length, `[N, 10]`; and the signature.
    """
    sets = reference_sets(references)
    # `effective_order` silences a remark about scores of single sentences: only their
    # counts are used here. `force` does so about text that looks tokenised.
    single = BLEU(tokenize=tokenize, effective_order=True, force=True)
    rows = []
    for hypothesis, found in zip(hypotheses, sets, strict=True):
        of_one = single.sentence_score(hypothesis, found)
        rows.append([*of_one.counts, *of_one.totals, of_one.sys_len, of_one.ref_len])
    whole = BLEU(tokenize=tokenize, smooth_method=smooth_method)
    return np.asarray(rows, np.float64), _signature(whole, sets)


def bleu_of(
    sums_S: np.ndarray, order: int = BLEU_ORDER, smooth_method: str = "exp"
) -> float:
    """BLEU, 0 to 100, of the sums that `bleu_sums` gives, up to n-grams of `order`."""
    counts = [int(value) for value in np.rint(sums_S)]
    found = BLEU.compute_bleu(
        counts[:order],
        counts[BLEU_ORDER : BLEU_ORDER + order],
        counts[-2],
        counts[-1],
        smooth_method=smooth_method,
        max_ngram_order=order,
    )
    return float(found.score)


def chrf(hypotheses: Sequence[str], references: References) -> tuple[Measurement, ...]:
    """Corpus chrF2 as sacreBLEU has it by default, 0 to 100 (Popovic, 2015).

    The F score, recall weighing twice, of the mean precision and mean recall of
    n-grams of 1 to 6 characters, blanks left out. Of several references each example
    takes the one that it agrees with best.
    """
    check_lengths(hypotheses, references)
    sets = reference_sets(references)
    rows = [
        max((_chrf_row(output, text) for text in found), key=_chrf_of)
        for output, found in zip(hypotheses, sets, strict=True)
    ]
    signature = _signature(CHRF(), sets)
    return (of_sums("chrf", "chrF", rows, _chrf_of, detail=signature),)


def word_errors(
    hypotheses: Sequence[str], references: References
) -> tuple[Measurement, ...]:
    """Word error rate over the corpus, in percent, and the character error rate.

    Substitutions, deletions and insertions, divided by the reference's length; over 100
    when a model says much more than was said. Case and punctuation count as they stand.

    Raises:
        ValueError: An example has several references.
    """
    check_lengths(hypotheses, references)
    found = jiwer.process_words(_single(references), list(hypotheses))
    rate = of_sums("wer", "WER", _errors(found), _share_of, "%")
    return (rate, *character_errors(hypotheses, references))


def character_errors(
    hypotheses: Sequence[str], references: References
) -> tuple[Measurement, ...]:
    """Character error rate over the corpus, in percent; blanks count."""
    check_lengths(hypotheses, references)
    found = jiwer.process_characters(_single(references), list(hypotheses))
    return (of_sums("cer", "CER", _errors(found), _share_of, "%"),)


def reference_sets(references: References) -> list[list[str]]:
    """The references of each example as a list."""
    return [[text] if isinstance(text, str) else list(text) for text in references]


def _signature(metric: BLEU | CHRF, sets: Sequence[Sequence[str]]) -> str:
    """sacreBLEU's signature, the number of references in it ("var" where it varies)."""
    counts = {len(found) for found in sets}
    metric.num_refs = counts.pop() if len(counts) == 1 else -1
    return f"sacreBLEU {metric.get_signature()}"


def _chrf_row(hypothesis: str, reference: str) -> list[int]:
    """N-grams of the output, of the reference and of both, order by order."""
    ours, theirs = "".join(hypothesis.split()), "".join(reference.split())
    row = []
    for order in range(1, CHRF_ORDER + 1):
        found, wanted = (
            Counter(text[i : i + order] for i in range(len(text) - order + 1))
            for text in (ours, theirs)
        )
        # An order that the reference is too short for counts for neither.
        produced = found.total() if wanted else 0
        row += [produced, wanted.total(), (found & wanted).total()]
    return row


def _chrf_of(sums: Sequence[float] | np.ndarray) -> float:
    by_order = np.asarray(sums, np.float64).reshape(CHRF_ORDER, 3)
    counted = by_order[(by_order[:, 0] > 0) & (by_order[:, 1] > 0)]
    if not len(counted):
        return 0.0
    precision = float(np.mean(counted[:, 2] / counted[:, 0]))
    recall = float(np.mean(counted[:, 2] / counted[:, 1]))
    if not precision + recall:
        return 0.0
    weight = CHRF_BETA**2
    return 100.0 * (1 + weight) * precision * recall / (weight * precision + recall)


def _errors(found: jiwer.WordOutput | jiwer.CharacterOutput) -> list[list[int]]:
    """For each example its errors and its reference's length."""
    return [
        [
            sum(
                max(
                    chunk.ref_end_idx - chunk.ref_start_idx,
                    chunk.hyp_end_idx - chunk.hyp_start_idx,
                )
                for chunk in chunks
                if chunk.type != "equal"
            ),
            len(reference),
        ]
        for chunks, reference in zip(found.alignments, found.references, strict=True)
    ]


def _share_of(sums_S: np.ndarray) -> float:
    return share(sums_S[0], sums_S[1])


def _single(references: References) -> list[str]:
    """The one reference of each example."""
    found = reference_sets(references)
    if any(len(texts) != 1 for texts in found):
        raise ValueError("error rates take one reference for each output, not several.")
    return [texts[0] for texts in found]
