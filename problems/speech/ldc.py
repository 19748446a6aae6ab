"""The Wall Street Journal corpora as the LDC gives them out: discs of SPHERE files.

A sound `wsj0/si_tr_s/011/011c0201.wv1` belongs to the set `si_tr_s`; its transcript is
a line `... (011c0201)` of a `.dot` file of the same session, `011c0200.dot`, on some
other disc. Names of folders and files may be in upper case, as some copies have them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.speech import transcripts
from t2t_multimodel.problems.speech.lines import lines, walk
from t2t_multimodel.problems.speech.utterances import Corpus, Utterance

# The sets of the standard splits: si-84 (of WSJ0) or si-284 (with WSJ1), dev93 and
# eval92. Where both corpora have a set of that name, this one's is meant.
_SETS = {"train": "si_tr_s", "dev": "si_dt_20", "test": "si_et_20"}
_PREFERRED = {"dev": "wsj1", "test": "wsj0"}

# Where the lists of the documentation lie there, they say which files of a set count.
_LISTS = {"dev": ("h1_p0.ndx", ""), "test": ("si_et_20.ndx", "nvp")}

# What was converted already is taken before what has to be expanded.
_ENDINGS = (".wav", ".flac", ".sph", ".wv1")

_LINE = re.compile(r"(.*?)\s*\(\s*([^()\s]+)\s*\)\s*")
_SESSION = 6


def recognise(folder: Path) -> Corpus | None:
    """The corpus, if there are sounds of the LDC's discs below the folder."""
    files = _Files(folder)
    if not (files.dots and files.sounds):
        return None
    layout = f"the LDC tree {folder}"
    by_split = files.by_split()
    if "train" not in by_split:
        by_split = {"": tuple(files.sounds)}
    readers = {
        split: functools.partial(_read, sounds, files.dots)
        for split, sounds in by_split.items()
    }
    return Corpus(layout, readers, transcripts.lexical)


class _Files:
    """What lies below a folder.

    Attributes:
        sounds: By path, those in folders of one of the corpora's sets.
        dots: Files of transcripts, by the session that their names begin with.
    """

    def __init__(self, folder: Path) -> None:
        self.sounds: list[Path] = []
        self.dots: dict[str, list[Path]] = {}
        self._lists: dict[str, set[str]] = {split: set() for split in _LISTS}
        for root, _, names in walk(folder):
            for name in names:
                path, ending = root / name, Path(name).suffix.lower()
                if ending == ".dot":
                    self.dots.setdefault(_name(path)[:_SESSION], []).append(path)
                elif ending == ".ndx":
                    self._add_list(path)
                elif ending in _ENDINGS and _set_of(path).startswith(("si_", "sd_")):
                    self.sounds.append(path)

    def by_split(self) -> dict[str, tuple[Path, ...]]:
        """The sounds of the standard splits that are there."""
        found = {}
        for split, wanted in _SETS.items():
            sounds = [path for path in self.sounds if _set_of(path) == wanted]
            preferred = [p for p in sounds if _PREFERRED.get(split) in _folders(p)]
            listed = self._lists.get(split, set())
            sounds = preferred or sounds
            if sounds:
                found[split] = tuple(
                    [p for p in sounds if _name(p) in listed] or sounds
                )
        return found

    def _add_list(self, path: Path) -> None:
        for split, (name, folder) in _LISTS.items():
            if path.name.lower() == name and (not folder or folder in _folders(path)):
                entries = (entry for _, entry in lines(path))
                self._lists[split].update(
                    re.split(r"[/:\\]", entry)[-1].split(".")[0].strip().lower()
                    for entry in entries
                    if isinstance(entry, str) and not entry.startswith(";")
                )


def _read(
    sounds: tuple[Path, ...], dots: Mapping[str, list[Path]]
) -> Iterator[Utterance | Skip]:
    """The utterances of sounds, by their names."""
    ordered = sorted(sounds, key=lambda p: (_name(p), _ENDINGS.index(p.suffix.lower())))
    session, table, last = "", {}, Path()
    for sound in ordered:
        name = _name(sound)
        if name == _name(last):
            if sound.suffix.lower() == last.suffix.lower():
                yield Skip("the same utterance on two discs", str(sound), False)
            continue
        last = sound
        if _is_left_out(sound):
            yield Skip("not in the standard list of si-84", str(sound), False)
            continue
        if name[:_SESSION] != session:
            session = name[:_SESSION]
            table = read_dots(dots.get(session, []))
        if name not in table:
            yield Skip("sound without a transcript", str(sound))
        elif isinstance(text := table[name], Skip):
            yield text
        else:
            yield Utterance(name, text, sound, speaker=name[:3])


def read_dots(paths: list[Path]) -> dict[str, str | Skip]:
    """Transcripts by utterance; a `Skip` for one that cannot be had.

    Raises:
        OSError: A file cannot be read.
    """
    table: dict[str, str | Skip] = {}
    for path in paths:
        for where, line in lines(path):
            if isinstance(line, Skip):
                continue
            match = _LINE.fullmatch(line)
            if match is None:
                continue
            name, text = match[2].lower(), match[1]
            if table.setdefault(name, text) != text:
                table[name] = Skip("an utterance with two transcripts", where)
    return table


def _is_left_out(sound: Path) -> bool:
    """Speaker 401 of disc 11-2.1, whom no list of si-84's 7,138 utterances has."""
    *discs, speaker = _folders(sound)
    return speaker == "401" and any(d in ("11-2.1", "11_2_1") for d in discs)


def _name(path: Path) -> str:
    return path.stem.lower()


def _folders(path: Path) -> list[str]:
    return [part.lower() for part in path.parts[:-1]]


def _set_of(path: Path) -> str:
    """The folder above that of the speaker."""
    return path.parts[-3].lower() if len(path.parts) > 2 else ""
