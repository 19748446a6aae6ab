"""Problems of translation from one language to another."""

from __future__ import annotations
