"""Kaldi's data directories: `wav.scp`, `text`, and perhaps `segments` and `utt2spk`.

Commands in `wav.scp` are not run. Those that only unpack a file (sph2pipe, flac, cat)
are understood as that file, which is then read as any other.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.speech import transcripts
from t2t_multimodel.problems.speech.lines import lines
from t2t_multimodel.problems.speech.utterances import Corpus, Utterance

_SHELL = re.compile(r"[|;&<>$`\n]")
_ARCHIVE = re.compile(r"\.(ark|scp):\d+$")
_FLAGS = {"cat": "", "flac": "cds", "sph2pipe": "p"}
_LONG_FLAGS = {"--decode", "--stdout", "--silent"}


def recognise(folder: Path) -> Corpus | None:
    """The corpus, if the folder is a Kaldi data directory."""
    if not (folder / "wav.scp").is_file() or not (folder / "text").is_file():
        return None
    layout = f"the Kaldi directory {folder}"
    remarks: tuple[str, ...] = ()
    if not (folder / "utt2spk").is_file():
        told = f"{layout} has no utt2spk: each utterance counts as a speaker of its own"
        remarks = (told,)
    readers = {"": lambda: read(folder)}
    return Corpus(layout, readers, transcripts.lexical, remarks)


def read(folder: Path) -> Iterator[Utterance | Skip]:
    """The utterances of a data directory, in the order of its list of sounds."""
    table: dict[str, str] = {}
    yield from _fill(table, folder / "text")
    speakers: dict[str, str] = {}
    if (folder / "utt2spk").is_file():
        yield from _fill(speakers, folder / "utt2spk")
    recordings: dict[str, str] = {}
    yield from _fill(recordings, folder / "wav.scp")
    entries: Mapping[str, str] = recordings
    if (folder / "segments").is_file():
        segments: dict[str, str] = {}
        yield from _fill(segments, folder / "segments")
        entries = segments
    for name, entry in entries.items():
        where = f"{folder}, utterance {name}"
        if name not in table:
            yield Skip("sound without a transcript", where)
            continue
        recording, start, end = entry, 0.0, None
        try:
            if entries is not recordings:
                recording, start, end = _segment(entry, recordings)
            sound, channel = sound_of(recording)
        except ValueError as error:
            yield Skip("sound that is not to be had", f"{where}: {error}")
            continue
        yield Utterance(
            name=name,
            text=table[name],
            sound=_found(folder, sound),
            speaker=speakers.get(name, ""),
            start=start,
            end=end,
            channel=channel,
        )
    for name in (name for name in table if name not in entries):
        yield Skip("a transcript without sound", f"{folder}, utterance {name}")


def sound_of(entry: str) -> tuple[Path, int | None]:
    """The file, and the channel of it, that an entry of `wav.scp` means.

    Raises:
        ValueError: It is a command that does more than unpack a file, or it points
            into an archive.
    """
    entry = entry.strip()
    if not entry.endswith("|"):
        if _ARCHIVE.search(entry):
            raise ValueError(
                f"{entry!r} points into an archive; write the sounds out as files"
            )
        if not entry or "\0" in entry:
            raise ValueError("there is no file")
        return Path(entry), None
    command = entry.removesuffix("|").strip()
    if _SHELL.search(command):
        raise ValueError(_not_run(entry))
    words = shlex.split(command)
    program = Path(words[0]).name if words else ""
    if program not in _FLAGS:
        raise ValueError(_not_run(entry))
    files, channel, rest = [], None, iter(words[1:])
    for word in rest:
        if program == "sph2pipe" and word == "-f":
            next(rest, None)
        elif program == "sph2pipe" and word == "-c":
            channel = _channel(next(rest, ""), entry)
        elif word in _LONG_FLAGS and program == "flac":
            continue
        elif word.startswith("-"):
            if word == "-" or not set(word[1:]) <= set(_FLAGS[program]):
                raise ValueError(_not_run(entry))
        else:
            files.append(word)
    if len(files) != 1:
        raise ValueError(_not_run(entry))
    return Path(files[0]), channel


def _channel(text: str, entry: str) -> int:
    if text not in ("1", "2"):
        raise ValueError(_not_run(entry))
    return int(text) - 1


def _not_run(entry: str) -> str:
    return (
        f"the command {entry!r} is not run; write its output to a file and give the "
        f"file's path in wav.scp"
    )


def _segment(
    entry: str, recordings: Mapping[str, str]
) -> tuple[str, float, float | None]:
    fields = entry.split()
    try:
        name, first, last = fields[:3]
        start, end = float(first), float(last)
    except ValueError:
        raise ValueError(f"{entry!r} is not: recording, start, end") from None
    if name not in recordings:
        raise ValueError(f"wav.scp has no recording {name}")
    return recordings[name], start, None if end == -1 else end


def _fill(table: dict[str, str], path: Path) -> Iterator[Skip]:
    """Reads lines `name value`; a name keeps its first value."""
    for where, line in lines(path):
        if isinstance(line, Skip):
            yield line
            continue
        name, _, value = line.strip().partition(" ")
        if "\t" in name:
            name, _, value = line.strip().partition("\t")
        if name in table:
            yield Skip("an id that occurs twice", f"{where}: {name}")
        else:
            table[name] = value.strip()


def _found(folder: Path, sound: Path) -> Path:
    """Where a relative path leads: beside `wav.scp`, or above, where the recipe ran."""
    for base in (folder, *folder.parents[:3]):
        if os.path.exists(base / sound):
            return base / sound
    return folder / sound
