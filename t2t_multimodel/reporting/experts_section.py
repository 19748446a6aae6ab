"""The section on experts: a map of problems by experts for each layer."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np

from t2t_multimodel.reporting.blocks import Block, Markup, Prose, Section, Table
from t2t_multimodel.reporting.expert_map import ExpertMap, effective_number
from t2t_multimodel.reporting.facts import Facts

TITLE = "Experts"
# In pixels; cells of many experts are narrow and hold no figure.
ROW, HEAD, LETTER = 26, 20, 7.6
WIDE_CELL, ROOM, NARROWEST = 34, 900, 3
NUM_NAMED = 3


def experts_section(facts: Facts) -> Section:
    """A map of each layer, and which experts each problem uses most."""
    found = facts.experts
    if found is None or not any(found.loads.values()):
        return Section(TITLE, [Prose(_why(facts), is_missing=True)])
    config = facts.record.hparams.model
    blocks: list[Block] = [
        Prose(
            f"The part of a problem's positions that each expert got {found.origin}; a "
            f"position goes to {config.top_k} of the {config.num_experts} experts, and "
            f"each would get {1 / config.num_experts:.1%} if all were equal. The "
            "darker a cell, the larger the part."
        )
    ]
    if found.dropped:
        parts = (
            f"{share:.1%} of the {name}'s" for name, share in found.dropped.items()
        )
        blocks.append(
            Prose(
                "Experts have a capacity in training (expert_capacity_factor "
                f"{config.expert_capacity_factor:g}); dropped in the last interval: "
                f"{', '.join(parts)} choices."
            )
        )
    for layer in found.loads:
        blocks.append(Markup(heat_map(f"Experts of the {layer}", found.shares(layer))))
    head = ("problem", *(f"most used, {layer}" for layer in found.loads))
    head = (*head, *(f"effective number, {layer}" for layer in found.loads))
    names = dict.fromkeys(name for own in found.loads.values() for name in own)
    blocks += [
        Table(head, [_row(name, found) for name in names]),
        Prose(
            "Effective number: so many experts, used equally, would be as hard to "
            "foretell (the exponential of the entropy).",
            is_small=True,
        ),
    ]
    return Section(TITLE, blocks)


def heat_map(title: str, shares: Mapping[str, np.ndarray]) -> str:
    """Rows are problems, columns experts, numbered from 0."""
    num_experts = len(next(iter(shares.values())))
    cell = min(WIDE_CELL, max(NARROWEST, ROOM // num_experts))
    left = max(len(name) for name in shares) * LETTER + 10
    width, height = left + num_experts * cell + 2, HEAD + len(shares) * ROW + 2
    # Equal shares are light: what differs little must not look as if it did much.
    largest = max(3 / num_experts, *(float(s_E.max()) for s_E in shares.values()))
    parts = [
        _text(left + (expert + 0.5) * cell, 14, str(expert), "middle")
        for expert in range(num_experts)
        if cell >= WIDE_CELL or expert % 10 == 0
    ]
    for row, (name, share_E) in enumerate(shares.items()):
        y = HEAD + row * ROW
        parts.append(_text(left - 6, y + 17, name, "end"))
        for expert, share in enumerate(share_E):
            depth = float(share) / largest
            x = left + expert * cell
            told = f"{name}, expert {expert}: {share:.1%}"
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{cell}" height="{ROW}" '
                f'fill="{_colour(depth)}"><title>{html.escape(told)}</title></rect>'
            )
            if cell >= WIDE_CELL:
                ink = "#ffffff" if depth > 0.5 else "#1c1e21"
                figure = f"{100 * share:.0f}"
                parts.append(_text(x + cell / 2, y + 17, figure, "middle", ink))
    told = html.escape(title)
    return (
        f"<figure><figcaption>{told}, in %</figcaption>"
        f'<div class="scroll"><svg class="map" role="img" aria-label="{told}" '
        f'width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}">'
        f"{''.join(parts)}</svg></div></figure>"
    )


def _colour(depth: float) -> str:
    """From nearly white, at 0, to dark blue, at 1."""
    ends = ((247, 250, 253), (8, 64, 129))
    mixed = (round(a + (b - a) * depth) for a, b in zip(*ends, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _text(x: float, y: float, text: str, anchor: str, ink: str = "") -> str:
    style = f' style="fill:{ink}"' if ink else ""
    return (
        f'<text text-anchor="{anchor}" x="{x:.1f}" y="{y}"{style}>'
        f"{html.escape(text)}</text>"
    )


def _row(name: str, found: ExpertMap) -> tuple[str, ...]:
    used, numbers = [], []
    for layer in found.loads:
        share_E = found.shares(layer).get(name)
        if share_E is None:
            used.append("not used")
            numbers.append("")
            continue
        best = np.argsort(-share_E, kind="stable")[:NUM_NAMED]
        used.append(", ".join(f"{e}\u00a0({share_E[e]:.0%})" for e in best))
        numbers.append(f"{effective_number(share_E):.1f}")
    return (name, *used, *numbers)


def _why(facts: Facts) -> str:
    if not facts.record.hparams.model.use_experts:
        return "The model has no experts (use_experts is off)."
    for key in ("experts", "checkpoint"):
        if key in facts.missing:
            return f"There is no map: {facts.missing[key]}"
    return "There is no map: the run counted nothing, and there is no dev data."
