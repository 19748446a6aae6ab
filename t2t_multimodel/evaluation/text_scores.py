"""Scores of decoded text: BLEU for translations and captions, error rates for speech.

All read raw strings: the reference as the corpus has it, never tokens turned back into
text. BLEU is sacreBLEU's over the whole corpus, error rates are jiwer's.
"""

from __future__ import annotations

from collections.abc import Sequence

import jiwer
from sacrebleu.metrics.bleu import BLEU

from t2t_multimodel.evaluation.score import Score

References = Sequence[str] | Sequence[Sequence[str]]


def bleu(hypotheses: Sequence[str], references: References) -> tuple[Score, ...]:
    """Corpus BLEU with sacreBLEU's defaults (cased, 13a tokens, 4-grams).

    Args:
        hypotheses: One output an example.
        references: For each example one reference, or several.

    Returns:
        The score, 0 to 100, with sacreBLEU's signature as its detail.
    """
    return (_corpus_bleu("bleu", "BLEU", hypotheses, references, lowercase=False),)


def caption_bleu(
    hypotheses: Sequence[str], references: References
) -> tuple[Score, ...]:
    """BLEU-4 as captions are scored: lower-cased, against one or more references.

    The tokens are sacreBLEU's (13a), not those of the COCO caption toolkit, which also
    drops punctuation: figures of that toolkit differ by a point or so.
    """
    return (_corpus_bleu("bleu_4", "BLEU-4", hypotheses, references, lowercase=True),)


def word_errors(hypotheses: Sequence[str], references: References) -> tuple[Score, ...]:
    """Word error rate over the corpus, in percent, and the character error rate.

    Substitutions, deletions and insertions, divided by the reference's length; over 100
    when a model says much more than was said. Case and punctuation count as they stand.

    Raises:
        ValueError: An example has several references.
    """
    _check_lengths(hypotheses, references)
    rate = 100.0 * float(jiwer.wer(_single(references), list(hypotheses)))
    return (Score("wer", rate, "WER", "%"), *character_errors(hypotheses, references))


def character_errors(
    hypotheses: Sequence[str], references: References
) -> tuple[Score, ...]:
    """Character error rate over the corpus, in percent; blanks count."""
    _check_lengths(hypotheses, references)
    rate = 100.0 * float(jiwer.cer(_single(references), list(hypotheses)))
    return (Score("cer", rate, "CER", "%"),)


def _corpus_bleu(
    name: str,
    title: str,
    hypotheses: Sequence[str],
    references: References,
    lowercase: bool,
) -> Score:
    _check_lengths(hypotheses, references)
    sets = [[r] if isinstance(r, str) else list(r) for r in references]
    most = max(len(found) for found in sets)
    # sacreBLEU wants one stream a reference; an example short of one has None there.
    streams = [[s[i] if i < len(s) else None for s in sets] for i in range(most)]
    # `force` only silences a remark about text that looks tokenised.
    metric = BLEU(lowercase=lowercase, force=True)
    value = metric.corpus_score(list(hypotheses), streams).score
    return Score(name, value, title, detail=str(metric.get_signature()))


def _single(references: References) -> list[str]:
    """The one reference of each example."""
    found = [[text] if isinstance(text, str) else list(text) for text in references]
    if any(len(texts) != 1 for texts in found):
        raise ValueError("error rates take one reference for each output, not several.")
    return [texts[0] for texts in found]


def _check_lengths(hypotheses: Sequence[object], references: Sequence[object]) -> None:
    if len(hypotheses) != len(references) or not hypotheses:
        raise ValueError(
            f"{len(hypotheses)} outputs cannot be scored against "
            f"{len(references)} references: the two must be equally many, and some."
        )
