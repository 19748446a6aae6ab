"""Problems of parsing: a sentence into its phrase-structure tree."""

from __future__ import annotations
