"""The programs: flags, then one call into the library."""

from __future__ import annotations
