"""Problems of saying what a picture shows."""

from __future__ import annotations
