"""LibriSpeech's tree: `train-clean-100/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt`.

Beside the transcripts lie the sounds, `ID.flac` (or what they were converted to).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.speech import transcripts
from t2t_multimodel.problems.speech.lines import lines, walk
from t2t_multimodel.problems.speech.utterances import Corpus, Utterance

SUBSETS: Mapping[str, tuple[str, ...]] = {
    "train": ("train-clean-100", "train-clean-360", "train-other-500"),
    "dev": ("dev-clean",),
    "test": ("test-clean",),
}

_TRANSCRIPTS = ".trans.txt"
_ENDINGS = (".flac", ".wav", ".ogg", ".mp3")


def recognise(
    folder: Path, subsets: Mapping[str, Sequence[str]] = SUBSETS
) -> Corpus | None:
    """The corpus, if there is LibriSpeech's tree in the folder.

    Args:
        folder: Holds the subsets, or a folder `LibriSpeech` that holds them.
        subsets: Which of them make up which split. Where none of them is there, all
            transcripts below the folder are taken, undivided.
    """
    for root in (folder, folder / "LibriSpeech"):
        found = {
            split: [root / name for name in names if (root / name).is_dir()]
            for split, names in subsets.items()
        }
        if any(found.values()):
            readers = {
                split: functools.partial(_read, tuple(places))
                for split, places in found.items()
                if places
            }
            layout = f"LibriSpeech in {root}"
            missing = ", ".join(
                name
                for split, names in subsets.items()
                for name in names
                if split in readers and not (root / name).is_dir()
            )
            remarks = (f"{layout} is without {missing}",) if missing else ()
            return Corpus(layout, readers, transcripts.written, remarks)
    if any(
        name.endswith(_TRANSCRIPTS) for _, _, names in walk(folder) for name in names
    ):
        readers = {"": functools.partial(_read, (folder,))}
        return Corpus(f"the transcripts below {folder}", readers, transcripts.written)
    return None


def _read(folders: tuple[Path, ...]) -> Iterator[Utterance | Skip]:
    for folder in folders:
        for root, _, names in walk(folder):
            sounds = {
                Path(name).stem: root / name
                for name in reversed(names)
                if Path(name).suffix.lower() in _ENDINGS
            }
            for name in names:
                if name.endswith(_TRANSCRIPTS):
                    yield from _chapter(root / name, sounds)
            if any(name.endswith(_TRANSCRIPTS) for name in names):
                for sound in sounds.values():
                    yield Skip("sound without a transcript", str(sound))


def _chapter(path: Path, sounds: dict[str, Path]) -> Iterator[Utterance | Skip]:
    """The utterances of a file of transcripts; takes their sounds out of `sounds`."""
    seen: set[str] = set()
    for where, line in lines(path):
        if isinstance(line, Skip):
            yield line
            continue
        name, _, text = line.partition(" ")
        if name in seen:
            yield Skip("an id that occurs twice", f"{where}: {name}")
        elif name not in sounds:
            yield Skip("a transcript without sound", f"{where}: {name}")
        else:
            yield Utterance(name, text, sounds.pop(name), speaker=name.split("-")[0])
        seen.add(name)
