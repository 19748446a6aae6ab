"""Examples from tensorflow-datasets in place of files: `--source=tfds`.

A problem says where tensorflow-datasets has its corpus by the attribute `tfds`;
`from_tfds` gives the same problem reading from there. Nothing is downloaded unless it
is asked for.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel import quiet
from t2t_multimodel.data.problem import SPLITS, Problem, Skip

tf = quiet.LazyTensorFlow()

_log = logging.getLogger(__name__)

Record = Mapping[str, Any]
Example = Mapping[str, Any] | Skip


@dataclasses.dataclass(frozen=True)
class TfdsCorpus:
    """Where tensorflow-datasets has a corpus, and how its records become examples.

    Attributes:
        name: Data set and configuration, such as "wmt14_translate/de-en".
        splits: By our split, which of its splits: "train", "train+restval". A split
            of which there is none is left out.
        example: Called with the problem, a record (NumPy values, text as bytes), our
            split and what to call the record; gives the example.
        images: Names of the features that are images, to be had as files' bytes.
        classes: Name of the feature whose classes are the problem's, if there is one.
    """

    name: str
    splits: Mapping[str, str]
    example: Callable[[Any, Record, str, str], Example]
    images: tuple[str, ...] = ()
    classes: str = ""


def from_tfds(
    problem: Problem,
    name: str = "",
    data_dir: Path | None = None,
    is_to_download: bool = False,
) -> Problem:
    """The problem with examples from tensorflow-datasets.

    Args:
        problem: A problem whose attribute `tfds` says where they are.
        name: Another data set of the same kind, such as "wmt19_translate/de-en".
        data_dir: Where tensorflow-datasets keeps what it has prepared; None: where it
            does by default.
        is_to_download: Download and prepare what is not there.

    Raises:
        ValueError: tensorflow-datasets has no such corpus, or is not installed.
    """
    corpus = problem.tfds
    if corpus is None:
        raise ValueError(
            f"problem {problem.name}: tensorflow-datasets has no corpus for it; leave "
            f"--source=tfds out and give its files by --source_dir"
        )
    if name:
        corpus = dataclasses.replace(corpus, name=name)
    return FromTfds(problem, corpus, data_dir, is_to_download)


class FromTfds(Problem):
    """A problem as it is, but for where its examples come from.

    Args:
        problem: The problem.
        corpus: Where they come from.
        data_dir: See `from_tfds`.
        is_to_download: See there.
    """

    needs_source = False

    def __init__(
        self,
        problem: Problem,
        corpus: TfdsCorpus,
        data_dir: Path | None,
        is_to_download: bool,
    ) -> None:
        self._problem, self._corpus = problem, corpus
        self._data_dir, self._is_to_download = data_dir, is_to_download
        self.name, self.twin = problem.name, problem.twin
        self.inputs, self.targets = problem.inputs, problem.targets
        self.licence, self.options = problem.licence, problem.options
        self.source = f"tensorflow-datasets {corpus.name}"
        self.generator_version = f"{problem.generator_version} tfds {corpus.name}"

    @property
    def command(self) -> str:
        return self._problem.command

    @property
    def metrics(self) -> tuple[str, ...]:
        return self._problem.metrics

    def twin_problem(self) -> Problem:
        return self._from_here(self._problem.twin_problem())

    def with_options(self, options: Mapping[str, Any]) -> Problem:
        return self._from_here(self._problem.with_options(options))

    def with_source(self, source_dir: Path) -> Problem:
        """With the classes of the data set, where the corpus decides them."""
        builder = self._builder()
        if not self._corpus.classes:
            return self
        names = list(builder.info.features[self._corpus.classes].names)
        return self.with_options({**self.options, "classes": names})

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        """The splits that the data set has.

        Raises:
            ValueError: It is not prepared, and was not to be downloaded.
        """
        builder = self._builder()
        present = set(builder.info.splits)
        found = []
        for split in SPLITS:
            parts = set(self._corpus.splits.get(split, "").split("+")) - {""}
            # Without a split that is told, as in mock data, all are taken to be there.
            if parts and (not present or parts <= present):
                self._dataset(builder, split)
                found.append(split)
            else:
                _log.warning(
                    "%s: %s has no %s split", self.name, self._corpus.name, split
                )
        return tuple(found)

    def examples(self, split: str, source_dir: Path) -> Iterator[Example]:
        tfds = _load(self.name)
        dataset, number = self._dataset(self._builder(), split), -1
        try:
            for number, record in enumerate(tfds.as_numpy(dataset)):
                where = f"{self._corpus.name}, {split}, record {number}"
                yield self._corpus.example(self._problem, record, split, where)
        except tf.errors.OpError as error:
            raise ValueError(
                f"problem {self.name}: {self._corpus.name}, {split}, cannot be read "
                f"after record {number}: {error.message.splitlines()[0]}"
            ) from error

    def _from_here(self, problem: Problem) -> FromTfds:
        corpus, place = self._corpus, self._data_dir
        return FromTfds(problem, corpus, place, self._is_to_download)

    def _builder(self) -> Any:
        tfds = _load(self.name)
        try:
            builder = tfds.builder(self._corpus.name, data_dir=self._data_dir)
            if self._is_to_download:
                builder.download_and_prepare()
        except (tfds.core.DatasetNotFoundError, AssertionError) as error:
            raise ValueError(
                f"problem {self.name}: tensorflow-datasets {self._corpus.name}: {error}"
            ) from error
        return builder

    def _dataset(self, builder: Any, split: str) -> Any:
        tfds = _load(self.name)
        as_bytes = {name: tfds.decode.SkipDecoding() for name in self._corpus.images}
        try:
            return builder.as_dataset(
                split=self._corpus.splits[split],
                decoders=as_bytes or None,
                # One file after another: the same order every time.
                read_config=tfds.ReadConfig(
                    interleave_cycle_length=1, try_autocache=False
                ),
            )
        except AssertionError as error:
            size = builder.info.download_size
            told = f" ({size / 2**30:.1f} GiB)" if size else ""
            raise ValueError(
                f"problem {self.name}: {self._corpus.name} is not prepared in "
                f"{builder.data_dir}; --tfds_download downloads{told} and prepares it "
                f"there, --tfds_data_dir says where it is already"
            ) from error


def text_of(value: Any) -> str | None:
    """Text as tensorflow-datasets gives it; None where it is not valid UTF-8 or NUL."""
    try:
        text = value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _load(name: str) -> Any:
    """tensorflow-datasets, loaded without the lines that it writes."""
    quiet.import_tensorflow()
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ValueError(
            f"problem {name}: --source=tfds needs tensorflow-datasets ({error}); "
            f"pip install 't2t-multimodel[tfds]'"
        ) from error
    return tensorflow_datasets
