"""Translation between English, German and French, from WMT's corpora as delivered.

The source directory is searched with its sub-folders and archives; docs/translation.md
says what is understood and which test set becomes dev and which test.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.data.features import Feature, Text
from t2t_multimodel.data.problem import SPLITS, Problem, Skip
from t2t_multimodel.problems.tfds_corpora import (
    WMT14_DE_EN,
    WMT14_FR_EN,
    WMT19_FR_DE,
)
from t2t_multimodel.problems.translate.choose import Choice, choose
from t2t_multimodel.problems.translate.corpora import Corpus, Pair
from t2t_multimodel.problems.translate.filters import PairFilter
from t2t_multimodel.problems.translate.find import Findings, find_corpora
from t2t_multimodel.problems.translate.names import SetName, split_of
from t2t_multimodel.problems.translate.settings import Settings

_LANGUAGES = {"de": "german", "en": "english", "fr": "french"}

_log = logging.getLogger(__name__)


class WmtTranslation(Problem):
    """Sentences of one language and their translation into another.

    Args:
        dev_set: The test set to take for dev, where it is there.
        test_set: The one to take for test.
        max_words: The limits that pairs of the train split must keep, see `PairFilter`;
            those of dev and test are all taken. corpus.toml may say something else.
        max_characters: See there.
        max_ratio: See there.
        own_records: Only where there is a twin: make records of its own all the same,
            so that test sets of one direction are read in this problem's.

    Attributes:
        pair: The languages by their codes: inputs, targets.
        read_back_by: The name of the problem whose twin this is, if there is one.
    """

    pair: tuple[str, str]
    read_back_by = ""
    is_ordered = True  # one corpus after another
    source = "https://www.statmt.org/wmt14/translation-task.html"
    licence = "that of each corpus in it; most of them: research, source to be named"
    stand_in = (
        "Multi30k, https://github.com/multi30k/dataset, its folder data/task1/raw "
        "(English, German and French; non-commercial research and education); or with "
        "--source=tfds what tensorflow-datasets downloads"
    )
    layout = (
        "train.XX, dev.XX (or valid.XX) and test.XX: line n of one language the "
        "translation of line n of the other; XX is en, de or fr\n"
        "NAME.XX in any number, such as europarl-v7.de-en.de: all are train\n"
        "newstestYYYY-src.XX.sgm with -ref.YY.sgm, newstestYYYY.XX-YY.xml, or "
        "newstestYYYY.XX: dev (2013) and test (2014)\n"
        "NAME.XX-YY.tsv (or .txt): the two texts in two columns, in that order\n"
        "each of them also as .gz, .bz2 or .xz, in sub-folders, and inside .tgz and "
        ".tar archives, which are read as they are\n"
        "corpus.toml, where names do not say it: docs/translation.md"
    )

    def __init__(
        self,
        dev_set: str = "newstest2013",
        test_set: str = "newstest2014",
        max_words: int = PairFilter.max_words,
        max_characters: int = PairFilter.max_characters,
        max_ratio: float = PairFilter.max_ratio,
        own_records: bool = False,
    ) -> None:
        if own_records:
            self.twin = ""
        self._sets = (dev_set.lower(), test_set.lower())
        self._limits = PairFilter(max_words, max_characters, max_ratio)
        self._made_with = {
            "dev_set": dev_set,
            "test_set": test_set,
            **vars(self._limits),
        }
        # What was made of other sets or with other limits is other data.
        self.generator_version = f"2 {' '.join(self._sets)} {self._limits}"
        self._plans: dict[Path, tuple[Choice, PairFilter]] = {}

    def twin_problem(self) -> Problem:
        return registry.problem(self.twin, **self._made_with)

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        """The splits that there are corpora for; says which ones they are.

        Raises:
            FileNotFoundError: There is no training corpus.
            ValueError: A file is empty or damaged, or two are not aligned.
        """
        plan, _ = self._plan(source_dir)
        for split, corpora in plan.splits.items():
            told = [f"{c.label} ({c.form}, {c.count():,} pairs)" for c in corpora]
            _log.info("%s: %s: %s", self.name, split, ", ".join(told))
            self._tell_of_twin(corpora)
        for remark in plan.remarks:
            _log.info("%s: %s", self.name, remark)
        return tuple(plan.splits)

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any] | Skip]:
        plan, limits = self._plan(source_dir)
        for corpus in plan.splits.get(split, ()):
            for number, pair in enumerate(corpus.pairs(self.pair), 1):
                if isinstance(pair, Skip):
                    yield pair
                    continue
                fault = _fault(pair, limits if split == "train" else None)
                if fault:
                    where = f"{corpus.label}, pair {number}"
                    yield Skip(fault, where, is_fault=False)
                else:
                    yield {"inputs": pair[0], "targets": pair[1]}

    def kept(
        self, inputs: str, targets: str, split: str, where: str
    ) -> dict[str, Any] | Skip:
        """An example of a pair, or what it is left out for by the default limits."""
        fault = _fault((inputs, targets), self._limits if split == "train" else None)
        if fault:
            return Skip(fault, where, is_fault=False)
        return {"inputs": inputs, "targets": targets}

    def _plan(self, source_dir: Path) -> tuple[Choice, PairFilter]:
        """What is read; a directory is searched once."""
        if source_dir not in self._plans:
            settings = Settings.read(source_dir)
            found = find_corpora(
                (source_dir, *settings.folders), self.pair, settings.columns
            )
            plan = choose(found.corpora, self.pair, settings.patterns, self._sets)
            self._check(plan, found, source_dir)
            limits = PairFilter(**{**vars(self._limits), **settings.limits})
            self._plans[source_dir] = (plan, limits)
        return self._plans[source_dir]

    def _check(self, plan: Choice, found: Findings, source_dir: Path) -> None:
        """Refuses a source without training text, warns of one without dev or test."""
        for remark in found.remarks:
            _log.warning("%s: %s", self.name, remark)
        if "train" not in plan.splits:
            others = ", ".join(sorted({corpus.label for corpus in found.corpora}))
            raise FileNotFoundError(
                f"problem {self.name}: {self._missing('train', found, source_dir)}, "
                f"nor any other corpus of both languages to train on"
                + (f"; it has {others}" if others else "")
                + "; docs/translation.md says what is understood"
            )
        for split in SPLITS:
            if split not in plan.splits:
                _log.warning(
                    "%s: %s; there will be no %s split (corpus.toml can name one "
                    "elsewhere: docs/translation.md)",
                    self.name,
                    self._missing(split, found, source_dir),
                    split,
                )

    def _tell_of_twin(self, corpora: Sequence[Corpus]) -> None:
        """Says which sets the problem that shares the records reads backwards."""
        one_way = [c.label for c in corpora if SetName.read(c.place).is_directed]
        if one_way and self.read_back_by:
            _log.info(
                "%s: %s was translated in this direction; %s reads it backwards, or "
                "with --problem_option=%s.own_records=true another set",
                self.name,
                ", ".join(one_way),
                self.read_back_by,
                self.read_back_by,
            )

    def _missing(self, split: str, found: Findings, source_dir: Path) -> str:
        """What is not there of a split."""
        for label, files in found.incomplete.items():
            if split_of(label.rpartition("/")[2]) == split:
                return f"{files} has no counterpart in the other language"
        names = " and no ".join(f"{split}.{language}" for language in self.pair)
        return f"{source_dir} has no {names}"


def _fault(pair: Pair, limits: PairFilter | None) -> str:
    """Why a pair is left out; "" where it is not."""
    inputs, targets = pair
    if not inputs.strip():
        return "empty inputs"
    if not targets.strip():
        return "empty targets"
    return limits.fault(inputs, targets) if limits else ""


def _features(pair: tuple[str, str]) -> tuple[Feature, Feature]:
    return Text(_LANGUAGES[pair[0]]), Text(_LANGUAGES[pair[1]])


@registry.register_problem
class TranslateEndeWmt(WmtTranslation):
    """English to German."""

    pair = ("en", "de")
    inputs, targets = _features(pair)
    tfds = WMT14_DE_EN
    read_back_by = "translate_deen_wmt"


@registry.register_problem
class TranslateDeenWmt(WmtTranslation):
    """German to English: what `translate_ende_wmt` reads, the other way round."""

    pair = ("de", "en")
    inputs, targets = _features(pair)
    tfds = WMT14_DE_EN
    twin = "translate_ende_wmt"


@registry.register_problem
class TranslateEnfrWmt(WmtTranslation):
    """English to French."""

    pair = ("en", "fr")
    inputs, targets = _features(pair)
    tfds = WMT14_FR_EN
    read_back_by = "translate_fren_wmt"


@registry.register_problem
class TranslateFrenWmt(WmtTranslation):
    """French to English: what `translate_enfr_wmt` reads, the other way round."""

    pair = ("fr", "en")
    inputs, targets = _features(pair)
    tfds = WMT14_FR_EN
    twin = "translate_enfr_wmt"


@registry.register_problem
class TranslateDefrWmt(WmtTranslation):
    """German to French."""

    pair = ("de", "fr")
    inputs, targets = _features(pair)
    tfds = WMT19_FR_DE
