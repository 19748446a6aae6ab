"""What a source directory of speech holds: the forms, and how each is recognised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from t2t_multimodel.problems.speech import digits, kaldi, ldc, libritree, tables
from t2t_multimodel.problems.speech.utterances import Corpus, divided

LAYOUT = """\
wsj0/ and wsj1/, or the LDC's discs such as 11-1.1/: .wv1 sounds and .dot transcripts
a Kaldi data directory: wav.scp, text, perhaps segments and utt2spk
LibriSpeech's tree: train-clean-100/, dev-clean/, test-clean/ with .trans.txt and .flac
train.tsv, dev.tsv, test.tsv, or one .tsv: path, tab, transcript, perhaps a speaker
LJ Speech: metadata.csv and wavs/; Sphinx: etc/*_train.fileids, .transcription and wav/
train/, dev/ (or valid/) and test/, each in one of these forms
"""

# A split's folder, as corpora and Kaldi's recipes call it, best first.
_FOLDERS = {
    "train": ("train", "train_si284", "train_si84"),
    "dev": ("dev", "valid", "test_dev93"),
    "test": ("test", "test_eval92"),
}

_FORMS: tuple[Callable[[Path], Corpus | None], ...] = (
    kaldi.recognise,
    tables.recognise_metadata,
    tables.recognise_sphinx,
    tables.recognise_tsv,
    digits.recognise,
    ldc.recognise,
    libritree.recognise,
)


def find_corpus(source_dir: Path, name: str) -> Corpus:
    """The corpus in a source directory, with its splits.

    Args:
        source_dir: The folder.
        name: The problem's, for messages.

    Raises:
        FileNotFoundError: There is nothing that is recognised.
    """
    corpus = (
        kaldi.recognise(source_dir)
        or _in_folders(source_dir)
        or _recognised(source_dir)
    )
    if corpus is None:
        forms = "; ".join(LAYOUT.splitlines())
        raise FileNotFoundError(
            f"problem {name}: nothing in {source_dir} is recognised as speech; it may "
            f"hold: {forms}"
        )
    return divided(corpus)


def _in_folders(source_dir: Path) -> Corpus | None:
    """A corpus whose splits are folders of their own, at the top or in `data/`."""
    for place in (source_dir, source_dir / "data"):
        found: dict[str, Corpus] = {}
        for split, names in _FOLDERS.items():
            folders = [place / name for name in names if (place / name).is_dir()]
            part = next(filter(None, map(_recognised, folders)), None)
            if part is not None:
                found[split] = part
        if "train" in found:
            return Corpus(
                f"the folders of {place}",
                {split: part.read_all for split, part in found.items()},
                normalise=str,
                remarks=tuple(r for part in found.values() for r in part.remarks),
            )
    return None


def _recognised(folder: Path) -> Corpus | None:
    """The corpus of a folder in whichever form."""
    return next(filter(None, (form(folder) for form in _FORMS)), None)
