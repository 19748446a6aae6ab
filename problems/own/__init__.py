"""Problems out of a table or a folder of the user's own, without any Python."""

from __future__ import annotations
