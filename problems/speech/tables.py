"""Lists of sound files and transcripts: TSV, LJ Speech's metadata, Sphinx's lists.

A TSV (see docs/speech.md) has a path and a transcript on each line, and perhaps a
speaker, or a header that names its columns, as Common Voice has.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.speech import transcripts
from t2t_multimodel.problems.speech.lines import lines
from t2t_multimodel.problems.speech.utterances import Corpus, Reader, Utterance

_COLUMNS = {
    "path": ("path", "audio", "file", "audio_path", "wav"),
    "text": ("text", "transcript", "sentence", "transcription"),
    "speaker": ("speaker", "speaker_id", "client_id"),
}
_STEMS = {"train": ("train",), "dev": ("dev", "valid"), "test": ("test",)}

_SPHINX_LINE = re.compile(r"(.*?)\s*\(\s*([^()\s]+)\s*\)\s*")
_SPHINX_LISTS = {"train": ("train",), "dev": ("dev",), "test": ("test",)}
_ENDINGS = (".wav", ".flac", ".sph", ".raw")


def recognise_tsv(folder: Path) -> Corpus | None:
    """The corpus, if there are `train.tsv` and the like, or any one `.tsv`."""
    readers: dict[str, Reader] = {}
    for split, stems in _STEMS.items():
        files = [folder / f"{stem}.tsv" for stem in stems]
        for file in [file for file in files if file.is_file()][:1]:
            readers[split] = functools.partial(_read_tsv, (file,))
    others = tuple(sorted(folder.glob("*.tsv")))
    if not readers and others:
        readers[""] = functools.partial(_read_tsv, others)
    if not readers:
        return None
    return Corpus(f"the TSV in {folder}", readers, transcripts.written)


def recognise_metadata(folder: Path) -> Corpus | None:
    """The corpus, if the folder is LJ Speech's: `metadata.csv` and `wavs/`."""
    if not (folder / "metadata.csv").is_file() or not (folder / "wavs").is_dir():
        return None
    readers = {"": functools.partial(_read_metadata, folder)}
    return Corpus(f"LJ Speech's metadata in {folder}", readers, transcripts.written)


def recognise_sphinx(folder: Path) -> Corpus | None:
    """The corpus, if the folder is Sphinx's: `etc/*.fileids` and `wav/`, as AN4 is."""
    readers: dict[str, Reader] = {}
    for split in _STEMS:
        for file in sorted(folder.glob(f"etc/*_{split}.fileids")):
            if file.with_suffix(".transcription").is_file():
                readers[split] = functools.partial(_read_sphinx, folder, file)
    if not readers:
        return None
    return Corpus(f"Sphinx's lists in {folder}/etc", readers, transcripts.written)


def _read_tsv(files: tuple[Path, ...]) -> Iterator[Utterance | Skip]:
    for file in files:
        columns: Mapping[str, int] | None = None
        for where, line in lines(file):
            if isinstance(line, Skip):
                yield line
                continue
            cells = line.split("\t")
            if columns is None:
                columns = tsv_header(cells)
                if columns:
                    continue
                columns = {"path": 0, "text": 1, "speaker": 2}
            yield _tsv_row(cells, columns, where, file.parent)


def tsv_header(cells: Sequence[str]) -> dict[str, int]:
    """Where each column is, if the cells name a path and a text; else nothing."""
    names = [cell.strip().lower() for cell in cells]
    found = {
        column: min(names.index(alias) for alias in aliases if alias in names)
        for column, aliases in _COLUMNS.items()
        if any(alias in names for alias in aliases)
    }
    return found if {"path", "text"} <= found.keys() else {}


def _tsv_row(
    cells: Sequence[str], columns: Mapping[str, int], where: str, folder: Path
) -> Utterance | Skip:
    path, text, speaker = (
        cells[columns[column]].strip()
        if column in columns and columns[column] < len(cells)
        else ""
        for column in _COLUMNS
    )
    if not path or columns["text"] >= len(cells):
        return Skip("a line without a path and a transcript", where)
    sound = folder / path
    # os.path's answer to a name that no file can have is no, too.
    if not os.path.isfile(sound) and os.path.isfile(folder / "clips" / path):
        sound = folder / "clips" / path
    return Utterance(where, text, sound, speaker)


def _read_metadata(folder: Path) -> Iterator[Utterance | Skip]:
    for where, line in lines(folder / "metadata.csv"):
        if isinstance(line, Skip):
            yield line
            continue
        # Identifier, text, and the text with its numbers written out.
        name, *texts = line.split("|")
        if not texts:
            yield Skip("a line without a path and a transcript", where)
            continue
        text = next(filter(None, reversed(texts[:2])), "")
        yield Utterance(name, text, folder / f"wavs/{name}.wav", speaker="LJ")


def _read_sphinx(folder: Path, fileids: Path) -> Iterator[Utterance | Skip]:
    table: dict[str, str] = {}
    for where, line in lines(fileids.with_suffix(".transcription")):
        if isinstance(line, Skip):
            yield line
        elif match := _SPHINX_LINE.fullmatch(line):
            table[match[2]] = match[1]
        else:
            yield Skip("a line without a transcript and an id", where)
    for where, line in lines(fileids):
        if isinstance(line, Skip):
            yield line
            continue
        place = Path(line.strip())
        if place.name not in table:
            yield Skip("sound without a transcript", where)
            continue
        sound = folder / "wav" / place
        there = [e for e in _ENDINGS if os.path.isfile(f"{sound}{e}")]
        sound = Path(f"{sound}{(there or _ENDINGS)[0]}")
        yield Utterance(place.name, table[place.name], sound, speaker=place.parent.name)
