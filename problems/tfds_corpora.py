"""Where tensorflow-datasets has the corpora of our problems: a line for each.

A problem takes one of them as its attribute `tfds`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.data.tfds_source import Example, Record, TfdsCorpus, text_of
from t2t_multimodel.problems.speech.transcripts import written

_FAULT = "text that is not valid UTF-8"


def translation(problem: Any, record: Record, split: str, where: str) -> Example:
    """A pair of sentences; `problem` is a `WmtTranslation`."""
    inputs, targets = (text_of(record[language]) for language in problem.pair)
    if inputs is None or targets is None:
        return Skip(_FAULT, where)
    example: Example = problem.kept(inputs, targets, split, where)
    return example


def labelled_image(problem: Any, record: Record, split: str, where: str) -> Example:
    """A picture and its class."""
    label = int(record["label"])
    if label < 0:
        return Skip("no label", where)
    return {"inputs": record["image"], "targets": label}


def captioned_image(problem: Any, record: Record, split: str, where: str) -> Example:
    """A picture and all that was said of it."""
    texts = [text_of(text) for text in record["captions"]["text"]]
    captions = [" ".join(text.split()) for text in texts if text is not None]
    if not any(captions):
        return Skip("image without a caption", where)
    return {"inputs": record["image"], "targets": [text for text in captions if text]}


def read_book(problem: Any, record: Record, split: str, where: str) -> Example:
    """An utterance of LibriSpeech and its words."""
    text = text_of(record["text"])
    if text is None:
        return Skip(_FAULT, where)
    return {"inputs": record["speech"], "targets": written(text)}


def librispeech(subsets: Mapping[str, Sequence[str]]) -> TfdsCorpus:
    """LibriSpeech with subsets by split, under their own names: "train-clean-100"."""
    splits = {
        split: "+".join(_SUBSET.sub(r"_\1\2", name) for name in names)
        for split, names in subsets.items()
    }
    return TfdsCorpus("librispeech", splits, read_book)


# train-clean-100 is called train_clean100 there.
_SUBSET = re.compile(r"-(clean|other)(?:-(\d+))?")
_NEWSTESTS = {"train": "train", "dev": "validation", "test": "test"}

# The validation splits hold newstest2013, the test splits newstest2014.
WMT14_DE_EN = TfdsCorpus("wmt14_translate/de-en", _NEWSTESTS, translation)
WMT14_FR_EN = TfdsCorpus("wmt14_translate/fr-en", _NEWSTESTS, translation)
WMT19_FR_DE = TfdsCorpus("wmt19_translate/fr-de", _NEWSTESTS, translation)
IMAGENET = TfdsCorpus(
    "imagenet2012",
    {"train": "train", "dev": "validation"},
    labelled_image,
    images=("image",),
    classes="label",
)
# Karpathy's splits of COCO 2014.
COCO = TfdsCorpus(
    "coco_captions/2014",
    {"train": "train+restval", "dev": "val", "test": "test"},
    captioned_image,
    images=("image",),
)
