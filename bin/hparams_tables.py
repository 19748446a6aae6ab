"""The tables of `t2t-trainer --list_hparams`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from t2t_multimodel import registry
from t2t_multimodel.bin.data_tables import make_console

if TYPE_CHECKING:
    from t2t_multimodel.training.config import HParams


def show_hparams(hparams: HParams) -> None:
    """Shows the named sets, and each field of one: its value and what it is for."""
    sets = Table("named set", "what for", box=box.SIMPLE)
    for name in registry.list_hparams():
        sets.add_row(name, registry.about_hparams(name))
    fields = Table("hyper-parameter", hparams.name, "what it is", box=box.SIMPLE)
    docs = hparams.docs()
    for name, value in hparams.fields().items():
        shown = repr(value) if isinstance(value, str) else str(value)
        fields.add_row(name, shown, docs[name])
    console = make_console()
    console.print(sets)
    console.print(fields)
