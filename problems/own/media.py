"""Files of pictures and of sound, told by the endings of their names."""

from __future__ import annotations

from pathlib import PurePath

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
SOUNDS = (".aif", ".aiff", ".flac", ".mp3", ".ogg", ".opus", ".wav")


def kind_of_file(name: str) -> str:
    """ "image", "audio", or "" for any other name."""
    ending = PurePath(name).suffix.lower()
    return "image" if ending in IMAGES else "audio" if ending in SOUNDS else ""
