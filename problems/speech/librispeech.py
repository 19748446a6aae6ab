"""Speech recognition on LibriSpeech: audio books, free, and in the tree of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from t2t_multimodel import registry
from t2t_multimodel.problems import tfds_corpora
from t2t_multimodel.problems.speech import libritree
from t2t_multimodel.problems.speech.corpus import SpeechCorpus
from t2t_multimodel.problems.speech.utterances import Corpus, divided


@registry.register_problem
class SpeechLibrispeech(SpeechCorpus):
    """Read books into their words.

    Args:
        train_sets: The subsets to train on, joined by commas; those that are there
            are taken.
        dev_sets: The subsets of the dev split.
        test_sets: The subsets of the test split.

    Raises:
        ValueError: A subset is in two splits.
    """

    source = "LibriSpeech, https://www.openslr.org/12"
    licence = "CC BY 4.0"
    layout = (
        "train-clean-100/, train-clean-360/, train-other-500/, dev-clean/, test-clean/ "
        "unpacked, perhaps in a folder LibriSpeech, or as train-clean-100.tar.gz and "
        "the like, which are read without unpacking; what is missing is dealt out"
    )
    sizes: Mapping[str, int] = MappingProxyType(
        {"train": 281241, "dev": 2703, "test": 2620}
    )

    def __init__(
        self,
        train_sets: str = ",".join(libritree.SUBSETS["train"]),
        dev_sets: str = ",".join(libritree.SUBSETS["dev"]),
        test_sets: str = ",".join(libritree.SUBSETS["test"]),
    ) -> None:
        texts = {"train": train_sets, "dev": dev_sets, "test": test_sets}
        self._subsets = {
            split: tuple(name.strip() for name in text.split(",") if name.strip())
            for split, text in texts.items()
        }
        named = [name for names in self._subsets.values() for name in names]
        for name in named:
            if named.count(name) > 1:
                raise ValueError(f"the subset {name} is named twice; splits share none")
        self.tfds = tfds_corpora.librispeech(self._subsets)
        self.options = {f"{split}_sets": text for split, text in texts.items()}

    def find(self, source_dir: Path) -> Corpus:
        corpus = libritree.recognise(source_dir, self._subsets)
        if corpus is None:
            wanted = ", ".join(n for names in self._subsets.values() for n in names)
            raise FileNotFoundError(
                f"problem {self.name}: {source_dir} has none of the folders {wanted}, "
                f"nor any .trans.txt"
            )
        return divided(corpus)
