"""COCO's caption files: which pictures there are, and what five people said of each.

The format is https://cocodataset.org/#format-data: `images` with `id` and `file_name`,
`annotations` with `id`, `image_id` and `caption`. All else in the file is passed over.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from t2t_multimodel.data.problem import Skip


@dataclasses.dataclass(frozen=True)
class CaptionedImage:
    """A picture and all that was said of it.

    Attributes:
        number: Its id.
        file_name: Its file, without folder.
        captions: In the order of the file.
    """

    number: int
    file_name: str
    captions: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Annotations:
    """What a caption file holds.

    Attributes:
        images: The pictures with at least one caption, in the order of the file.
        faults: Records that cannot be used.
    """

    images: tuple[CaptionedImage, ...]
    faults: tuple[Skip, ...]


def read_annotations(data: bytes, where: str) -> Annotations:
    """Reads a caption file.

    Args:
        data: The file's bytes.
        where: What to call it.

    Raises:
        ValueError: It is no JSON, or has no lists `images` and `annotations`.
    """
    try:
        # Shortened as they are read: as dicts they would take gigabytes.
        parsed = json.loads(data, object_hook=_shortened)
    except RecursionError as error:
        raise ValueError(f"{where}: lists in lists, far too many") from error
    except ValueError as error:
        raise ValueError(f"{where} is no JSON: {error}") from error
    listed, told = (
        parsed.get(key) if isinstance(parsed, dict) else None for key in _LISTS
    )
    if not (isinstance(listed, list) and isinstance(told, list)):
        raise ValueError(f"{where} has no lists {' and '.join(_LISTS)}")
    faults: list[Skip] = []
    names = _images(listed, where, faults)
    captions = _captions(told, names, where, faults)
    images = []
    for number, name in names.items():
        if number in captions:
            images.append(CaptionedImage(number, name, tuple(captions[number])))
        else:
            faults.append(Skip("image without a caption", f"{where}: image {number}"))
    return Annotations(tuple(images), tuple(faults))


_LISTS = ("images", "annotations")
_IMAGE_KEYS = ("id", "file_name")
_CAPTION_KEYS = ("id", "image_id", "caption")


def _shortened(record: dict[str, Any]) -> Any:
    if "caption" in record:
        return tuple(record.get(key) for key in _CAPTION_KEYS)
    if "file_name" in record:
        return tuple(record.get(key) for key in _IMAGE_KEYS)
    return record if record.keys() & set(_LISTS) else None


def _images(
    records: Iterable[Any], where: str, faults: list[Skip]
) -> Mapping[int, str]:
    """File names by id."""
    names: dict[int, str] = {}
    for place, record in enumerate(records, 1):
        at = f"{where}: images, record {place}"
        if not isinstance(record, tuple) or len(record) != len(_IMAGE_KEYS):
            faults.append(Skip("image without a file name", at))
            continue
        number, name = record
        if not _is_id(number) or not isinstance(name, str):
            faults.append(Skip("image without an id or a file name", at))
        elif number in names:
            faults.append(Skip("image id that is there twice", f"{at}, id {number}"))
        else:
            names[number] = name
    return names


def _captions(
    records: Iterable[Any], names: Mapping[int, str], where: str, faults: list[Skip]
) -> Mapping[int, list[str]]:
    """Captions by the id of their picture."""
    found: dict[int, list[str]] = {}
    seen: set[int] = set()
    for place, record in enumerate(records, 1):
        at = f"{where}: annotations, record {place}"
        if not isinstance(record, tuple) or len(record) != len(_CAPTION_KEYS):
            faults.append(Skip("annotation without a caption", at))
            continue
        number, image, caption = record
        fault = _caption_fault(number, image, caption, seen, names)
        if fault:
            faults.append(Skip(fault, at))
            continue
        seen.add(number)
        # Some end with a blank or a line feed.
        found.setdefault(image, []).append(" ".join(caption.split()))
    return found


def _caption_fault(
    number: Any, image: Any, caption: Any, seen: set[int], names: Mapping[int, str]
) -> str:
    if not _is_id(number) or not _is_id(image):
        return "caption without an id or an image id"
    if number in seen:
        return "caption id that is there twice"
    if image not in names:
        return "caption of an image that is not listed"
    if not isinstance(caption, str) or not caption.strip():
        return "empty caption"
    try:
        caption.encode()
    except UnicodeEncodeError:
        return "caption that is not valid Unicode"
    return "caption with NUL" if "\0" in caption else ""


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
