"""What a problem is: two features and one generator of examples.

Everything else follows from the features: how an example is stored, what it costs in a
batch, which modality nets see it, the loss, the default metrics and the command. A
problem of one's own is therefore a class of about twelve lines:

    @registry.register_problem
    class SentimentReviews(Problem):
        inputs = Text()
        targets = ClassLabel(("negative", "positive"))

        def examples(self, split, source_dir):
            for line in (source_dir / f"{split}.tsv").open():
                text, label = line.rstrip("\n").split("\t")
                yield {"inputs": text, "targets": label}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from t2t_multimodel import registry
from t2t_multimodel.data.features import Feature
from t2t_multimodel.data.manifest import Manifest

if TYPE_CHECKING:
    from t2t_multimodel.data.tfds_source import TfdsCorpus

SPLITS = ("train", "dev", "test")


@dataclasses.dataclass(frozen=True)
class Skip:
    """Yielded in place of an example that is left out; it is counted and shown.

    Attributes:
        reason: Why, in words that are the same for all such examples: they are counted
            by it ("unbalanced tree").
        where: Which one: file and record ("wsj_0001.mrg, tree 3").
        is_fault: Whether the data is at fault: a share of faults beyond what was
            allowed stops the generation. False for what was filtered out on purpose.
    """

    reason: str
    where: str = ""
    is_fault: bool = True


class Later:
    """A value of an example that is made where it is stored.

    A generator that yields `Later(read, path)` instead of `read(path)` costs next to
    nothing to run through; the work is done by whichever process stores the example,
    or by none where the example is not wanted.

    Args:
        function: A function of a module, so that another process can find it. A
            `ValueError` or `OSError` that it raises is a fault of the example.
        arguments: What to call it with; picklable and small.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def value(self) -> Any:
        """What the feature is given."""
        return self.function(*self.arguments)


class Problem:
    """A corpus with inputs and targets; subclass it and write `examples`.

    Attributes:
        name: The name it is registered under; the registry sets it.
        inputs: What the model is given.
        targets: What the model is to produce.
        needs_source: False where the problem makes its own data.
        source: Where the corpus comes from, for listings and manifests.
        licence: The terms it comes under.
        generator_version: Raise it when `examples` yields something else than before;
            data on disk made by another version is then not taken for current.
        sizes: Examples per split, where known beforehand, for listings only.
        stand_in: What to use where the corpus cannot be had, in words.
        layout: What the source directory holds, in words: a line for each form.
        twin: Name of a problem whose records these are with inputs and targets
            exchanged. It is generated in place of this one, whose `examples` and
            `splits` are then never asked; only a manifest and an index are added.
        disjoint_splits: Whether no example may be in two splits: `--verify` then
            refuses what it would else only tell, as real corpora repeat themselves.
        is_ordered: Whether neighbouring examples are alike: class by class, speaker by
            speaker, one corpus after another. `Options.max_examples` then takes
            examples at even distances, for which all are listed, not the first ones.
        options: What an instance was made with, as plain data (JSON's types), where its
            class takes arguments: `type(problem)(**options)` makes it again. What is
            empty is found in the corpus (see `with_source`).
        tfds: Where tensorflow-datasets has the corpus; see `tfds_source.from_tfds`.
    """

    name: str = ""
    inputs: Feature
    targets: Feature
    needs_source: bool = True
    source: str = "not stated"
    licence: str = "not stated"
    generator_version: str = "1"
    sizes: Mapping[str, int] = MappingProxyType({})
    stand_in: str = ""
    layout: str = ""
    twin: str = ""
    disjoint_splits: bool = False
    is_ordered: bool = False
    tfds: TfdsCorpus | None = None
    options: Mapping[str, Any] = MappingProxyType({})

    def examples(
        self, split: str, source_dir: Path
    ) -> Iterator[Mapping[str, Any] | Skip]:
        """Yields the examples of a split in a fixed order.

        Args:
            split: "train", "dev" or "test".
            source_dir: The folder of the raw corpus; meaningless where `needs_source`
                is False.

        Yields:
            `{"inputs": value, "targets": value}` with values that the features take:
            text as str, an image as a file's path, its bytes or a uint8 array, audio
            as a file's path, its bytes or an array of samples, a label as its name or
            its number; or a `Later` that makes such a value. Further keys are ignored.
            A `Skip` stands for an example that is left out.
        """
        raise NotImplementedError(f"problem {self.name!r} defines no examples()")

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        """The splits that the corpus has; asked before anything is generated.

        Override it to find out early that a file is missing.
        """
        return SPLITS

    def twin_problem(self) -> Problem:
        """The problem that `twin` names, made with the options of this one.

        Override it where other options than those in `options` matter to both.
        """
        return registry.problem(self.twin, **self.options)

    def with_source(self, source_dir: Path) -> Problem:
        """This problem as a corpus decides it, such as with the classes found there.

        Asked once, before anything is generated. Its `options` go into the manifest,
        and whoever reads the data gets the same problem by `with_data`.
        """
        return self

    def with_options(self, options: Mapping[str, Any]) -> Problem:
        """This problem made with other options.

        Raises:
            ValueError: They are not the ones that its class takes.
        """
        if options == self.options:
            return self
        try:
            made = type(self)(**options)
        except TypeError as error:
            raise ValueError(
                f"problem {self.name} is not made with the options "
                f"{', '.join(options)} ({error}); generate it again (--overwrite)"
            ) from error
        made.name = self.name
        return made

    def with_data(self, data_dir: str | Path) -> Problem:
        """This problem as it was when its data was made.

        Raises:
            FileNotFoundError: It was not generated there.
            ValueError: Its manifest is damaged or of another version.
        """
        return self.with_options(Manifest.load(Path(data_dir), self.name).options)

    @property
    def command(self) -> str:
        """The output space, named by what is produced, e.g. "english".

        Problems with the same command share its token. A plain class attribute
        overrides the default.
        """
        return self.targets.output_space(self.inputs) or self.name

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics; a plain class attribute overrides the default."""
        return self.targets.default_metrics

    def __getstate__(self) -> dict[str, Any]:
        """For processes of their own; a read-only mapping cannot be sent as it is."""
        return {
            name: dict(value) if isinstance(value, MappingProxyType) else value
            for name, value in vars(self).items()
        }

    @property
    def features(self) -> dict[str, Feature]:
        """Both features by their key in an example."""
        return {"inputs": self.inputs, "targets": self.targets}
