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

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from t2t_multimodel.data.features import Feature

SPLITS = ("train", "dev", "test")


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
    """

    name: str = ""
    inputs: Feature
    targets: Feature
    needs_source: bool = True
    source: str = "not stated"
    licence: str = "not stated"
    generator_version: str = "1"
    sizes: Mapping[str, int] = MappingProxyType({})

    def examples(self, split: str, source_dir: Path) -> Iterator[Mapping[str, Any]]:
        """Yields the examples of a split in a fixed order.

        Args:
            split: "train", "dev" or "test".
            source_dir: The folder of the raw corpus; meaningless where `needs_source`
                is False.

        Yields:
            `{"inputs": value, "targets": value}` with values that the features take:
            text as str, an image as a file's path, its bytes or a uint8 array, audio
            as a file's path, its bytes or an array of samples, a label as its name or
            its number. Further keys are ignored.
        """
        raise NotImplementedError(f"problem {self.name!r} defines no examples()")

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        """The splits that the corpus has; asked before anything is generated.

        Override it to find out early that a file is missing.
        """
        return SPLITS

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
