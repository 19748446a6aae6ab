"""Problems of speech recognition: recordings into the words that were said."""

from __future__ import annotations
