"""LibriSpeech's tree: `train-clean-100/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt`.

Beside the transcripts lie the sounds, `ID.flac` (or what they were converted to). A
subset may also be the archive it comes in, `train-clean-100.tar.gz`, which is read as
it goes by and never unpacked.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from t2t_multimodel.data import archives
from t2t_multimodel.data.file_tree import HeldFile
from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.speech import transcripts
from t2t_multimodel.problems.speech.lines import lines, lines_of, walk
from t2t_multimodel.problems.speech.utterances import Corpus, Sound, Utterance

SUBSETS: Mapping[str, tuple[str, ...]] = {
    "train": ("train-clean-100", "train-clean-360", "train-other-500"),
    "dev": ("dev-clean",),
    "test": ("test-clean",),
}

_TRANSCRIPTS = ".trans.txt"
_ENDINGS = (".flac", ".wav", ".ogg", ".mp3")

# A chapter has some 30 MB; its sounds are held until its transcripts have gone by.
_MAX_CHAPTER = 1 << 30


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
            split: tuple(filter(None, (_subset(root, name) for name in names)))
            for split, names in subsets.items()
        }
        if any(found.values()):
            readers = {
                split: functools.partial(_read, places)
                for split, places in found.items()
                if places
            }
            layout = f"LibriSpeech in {root}"
            missing = ", ".join(
                name
                for split, names in subsets.items()
                for name in names
                if split in readers and _subset(root, name) is None
            )
            remarks = (f"{layout} is without {missing}",) if missing else ()
            return Corpus(layout, readers, transcripts.written, remarks)
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


def _subset(root: Path, name: str) -> Path | None:
    """The folder of a subset, or else its archive, or neither."""
    if (root / name).is_dir():
        return root / name
    files = (root / f"{name}{ending}" for ending in archives.ENDINGS)
    return next((file for file in files if file.is_file()), None)


def _read(places: tuple[Path, ...]) -> Iterator[Utterance | Skip]:
    for place in places:
        yield from _folder(place) if place.is_dir() else _archive(place)


def _folder(folder: Path) -> Iterator[Utterance | Skip]:
    for root, _, names in walk(folder):
        sounds: dict[str, Sound] = {
            Path(name).stem: root / name
            for name in reversed(names)
            if Path(name).suffix.lower() in _ENDINGS
        }
        files = [root / name for name in names if name.endswith(_TRANSCRIPTS)]
        if files:
            yield from _chapter([lines(file) for file in files], sounds)


def _archive(path: Path) -> Iterator[Utterance | Skip]:
    """The utterances of an archive; the files of a chapter follow one another in it.

    Raises:
        ValueError: It is damaged, or a folder has more sound than a chapter can.
        OSError: It cannot be read.
    """
    chapter, size = "", 0
    tables: list[Iterator[tuple[str, str | Skip]]] = []
    sounds: dict[str, Sound] = {}
    for member, data in _members(path):
        if member.fault:
            yield Skip("a file in an archive that is not read", _fault(member))
            continue
        folder, _, name = member.name.rpartition("/")
        if folder != chapter:
            yield from _chapter(tables, sounds)
            chapter, size, tables, sounds = folder, 0, [], {}
        if name.endswith(_TRANSCRIPTS):
            content = member.read() if data is None else data
            tables.append(lines_of(io.BytesIO(content), str(member)))
        elif Path(name).suffix.lower() in _ENDINGS:
            held = member if data is None else HeldFile(member, data)
            sounds.setdefault(Path(name).stem, held)
            size += len(data or b"")
        if size > _MAX_CHAPTER:
            raise ValueError(f"{path}: {folder} has over {_MAX_CHAPTER} bytes of sound")
    yield from _chapter(tables, sounds)


def _members(path: Path) -> Iterator[tuple[archives.Member, bytes | None]]:
    """The files of an archive, with their bytes where they cannot be had later."""
    if archives.has_random_access(path):
        for member in archives.members(path):
            yield member, None
        return
    for member, file in archives.stream(path):
        is_wanted = member.name.lower().endswith((*_ENDINGS, _TRANSCRIPTS))
        yield member, file.read(archives.READ_LIMIT) if is_wanted else b""


def _fault(member: archives.Member) -> str:
    return f"{member}: {member.fault}"


def _chapter(
    tables: Iterable[Iterator[tuple[str, str | Skip]]], sounds: dict[str, Sound]
) -> Iterator[Utterance | Skip]:
    """The utterances of a folder, and what lacks a transcript or a sound."""
    seen: set[str] = set()
    for table in tables:
        for where, line in table:
            if isinstance(line, Skip):
                yield line
                continue
            name, _, text = line.partition(" ")
            if name in seen:
                yield Skip("an id that occurs twice", f"{where}: {name}")
            elif name not in sounds:
                yield Skip("a transcript without sound", f"{where}: {name}")
            else:
                sound, speaker = sounds.pop(name), name.split("-")[0]
                yield Utterance(name, text, sound, speaker)
            seen.add(name)
    for sound in sounds.values():
        yield Skip("sound without a transcript", str(sound))
