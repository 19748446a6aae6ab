"""Test sets of WMT in markup: SGM of source and reference, and the XML since 2021.

SGM is read as it is found: attributes with or without quotes, tags in capitals, an `&`
or `<` that stands for itself. XML goes through the same reader, so there are no
entities that could unfold and no external files.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.data.text_files import TextFile

# The largest of them, with the output of all systems, has some 30 MB.
SIZE_LIMIT = 1 << 28

_TAG = re.compile(
    r"<(/?)(srcset|refset|tstset|doc|src|ref|hyp|seg)(?=[\s>/])([^<>]*)>", re.IGNORECASE
)
_ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")
_ENTITY = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_BREAK = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_SETS = {"srcset": "src", "refset": "ref", "tstset": "hyp"}


@dataclasses.dataclass(frozen=True)
class Languages:
    """What languages a file says that it holds; "" where it does not say.

    Attributes:
        source: Of its source side.
        targets: Of its references.
        has_source: Whether it has a source side.
        has_reference: Whether it has references.
    """

    source: str
    targets: tuple[str, ...]
    has_source: bool
    has_reference: bool


@dataclasses.dataclass
class _Part:
    """One document in one language, by one translator or system."""

    side: str
    language: str
    system: str = ""
    segments: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, name: str, text: str) -> None:
        """Appends a segment; a name that is taken or missing gets its number."""
        if not name or name in self.segments:
            name = f"{name}#{len(self.segments) + 1}"
        self.segments[name] = text


@dataclasses.dataclass
class _Document:
    """All that a file has of one document."""

    name: str
    parts: list[_Part] = dataclasses.field(default_factory=list)

    def segments(self, side: str, language: str) -> dict[str, str] | None:
        """The first part of that side in that language, or in none that is told."""
        for part in self.parts:
            if part.side == side and part.language in (language, ""):
                return part.segments
        return None


def languages_in(text: str) -> Languages:
    """What the first tags of a file say of its languages."""
    source, targets = "", dict[str, None]()
    has_source = has_reference = False
    for closes, tag, attributes in _tags(text):
        if closes:
            continue
        if tag in ("srcset", "src"):
            has_source = True
            source = source or _language(attributes, "srclang", "lang")
        elif tag in ("refset", "ref"):
            has_reference = True
            if language := _language(attributes, "trglang", "lang"):
                targets[language] = None
    return Languages(source, tuple(targets), has_source, has_reference)


def read_pairs(
    source: TextFile, reference: TextFile, languages: tuple[str, str]
) -> Iterator[tuple[str, str] | Skip]:
    """The segments of a test set, each with its first reference, in the source's order.

    Args:
        source: The file with the source side.
        reference: The one with the reference; in XML the same.
        languages: Of source and reference.

    Yields:
        Pairs of texts; a `Skip` where a document has no reference in that language or
        a segment is not valid UTF-8.

    Raises:
        ValueError: The files do not hold the same segments, or one is no such file.
        OSError: A file cannot be read.
    """
    documents = _documents(_read(source), source)
    if reference == source:
        references = documents
    else:
        references = _documents(_read(reference), reference)
    references = _in_order_of(documents, references)
    sides = (
        [document.segments("src", languages[0]) for document in documents],
        [document.segments("ref", languages[1]) for document in references],
    )
    counts = [sum(len(part or {}) for part in side) for side in sides]
    fault = (
        f"{source} has {counts[0]} segments of {languages[0]} and {reference} has "
        f"{counts[1]} of {languages[1]}: they are not aligned"
    )
    if not counts[0] or not counts[1] or len(sides[0]) != len(sides[1]):
        raise ValueError(fault)
    for document, inputs, targets in zip(documents, *sides, strict=True):
        if inputs is None:
            continue
        if targets is None:
            for number in inputs:
                where = f"{reference}, document {document.name}, segment {number}"
                yield Skip("no reference", where, is_fault=False)
            continue
        if len(inputs) != len(targets):
            raise ValueError(f"{fault} in document {document.name}")
        by_number = inputs.keys() == targets.keys()
        for (number, text), other in zip(inputs.items(), targets.values(), strict=True):
            pair = (text, targets[number] if by_number else other)
            where = f"{source}, document {document.name}, segment {number}"
            yield _fault(pair, where) or pair


def _in_order_of(
    documents: list[_Document], references: list[_Document]
) -> list[_Document]:
    """References by the names of documents, or as they are where names differ."""
    by_name = {document.name: document for document in references}
    if {document.name for document in documents} != by_name.keys():
        return references
    return [by_name[document.name] for document in documents]


def _read(file: TextFile) -> str:
    with file.open() as stream:
        data = stream.read(SIZE_LIMIT + 1)
    if len(data) > SIZE_LIMIT:
        raise ValueError(f"{file} has over {SIZE_LIMIT} bytes: it is no test set")
    return data.decode("utf-8-sig", "surrogateescape")


def _documents(text: str, file: TextFile) -> list[_Document]:
    """The documents of a file, the references to one by several translators together.

    Raises:
        ValueError: A segment is in no document or on neither side, or has no end.
    """
    documents: dict[str, _Document] = {}
    document: _Document | None = None
    part: _Part | None = None
    side, language, name, start = "", "", "", -1
    for match in _TAG.finditer(text):
        closes, tag, attributes = _parsed(match)
        if part and start >= 0:  # any tag ends a segment that was left open
            part.add(name, _text(text[start : match.start()]))
            start = -1
        if closes:
            continue
        if tag in _SETS:
            side = _SETS[tag]
            of_set = "srclang" if side == "src" else "trglang"
            language = _language(attributes, of_set)
        elif tag == "doc":
            document = _document(documents, attributes, side)
            part = _Part(side, language, attributes.get("sysid", "")) if side else None
            document.parts += [part] if part else []
        elif tag == "seg" and part:
            name, start = attributes.get("id", ""), match.end()
        elif tag != "seg" and document:
            part = _Part(tag, _language(attributes, "lang"))
            document.parts.append(part)
        else:
            raise ValueError(f"{file}: a {tag} that belongs to no document and side")
    if start >= 0:
        raise ValueError(f"{file} is truncated: its last segment has no end")
    return list(documents.values())


def _document(
    documents: dict[str, _Document], attributes: dict[str, str], side: str
) -> _Document:
    """The document that a tag opens: a new one, or a further reference to one."""
    name = attributes.get("docid") or attributes.get("id", "")
    present, system = documents.get(name), attributes.get("sysid", "")
    is_further = side == "ref" and system not in (
        part.system for part in (present.parts if present else ())
    )
    if present and is_further:
        return present
    if present:  # two documents under one name
        name = f"{name}#{len(documents) + 1}"
    documents[name] = _Document(name)
    return documents[name]


def _tags(text: str) -> Iterator[tuple[bool, str, dict[str, str]]]:
    for match in _TAG.finditer(text):
        yield _parsed(match)


def _parsed(match: re.Match[str]) -> tuple[bool, str, dict[str, str]]:
    attributes = {
        name.lower(): _decoded(value.strip("\"'"))
        for name, value in _ATTRIBUTE.findall(match[3])
    }
    return bool(match[1]), match[2].lower(), attributes


def _language(attributes: dict[str, str], *names: str) -> str:
    """The language that one of the attributes names; "any" names none."""
    for name in names:
        language = attributes.get(name, "").lower()
        if language and language != "any":
            return language
    return ""


def _text(text: str) -> str:
    return _decoded(_BREAK.sub(" ", text).strip(" "))


def _decoded(text: str) -> str:
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return _NAMED[match[1]]
    code = int(match[2]) if match[2] else int(match[3], 16)
    # Not a character: it stays as it is written.
    is_character = 0 < code < 0xD800 or 0xDFFF < code <= 0x10FFFF
    return chr(code) if is_character else match[0]


def _fault(pair: tuple[str, str], where: str) -> Skip | None:
    for text in pair:
        if "\0" in text:
            return Skip("a NUL character", where)
        if any("\ud800" <= character <= "\udfff" for character in text):
            return Skip("not valid UTF-8", where)
    return None
