"""A miniature world: one scene, told in three languages, spoken, drawn and parsed."""

from __future__ import annotations
