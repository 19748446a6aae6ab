"""Problems of naming what is in a picture."""

from __future__ import annotations
