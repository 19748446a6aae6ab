"""Sections on what a run is: at a glance, data, configuration, weights, machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t2t_multimodel.data.manifest import Lengths, Manifest
from t2t_multimodel.reporting.blocks import Block, Folded, Prose, Section, Table
from t2t_multimodel.reporting.facts import Facts
from t2t_multimodel.reporting.privacy import without_paths
from t2t_multimodel.training.environment import environment

SPLITS = ("train", "dev", "test")


def data_section(facts: Facts) -> Section:
    """What each problem was learnt from: counts, lengths, source, licence."""
    manifests = facts.manifests
    blocks: list[Block] = []
    if manifests:
        head = ("problem", *(f"{s} examples" for s in SPLITS), "left out")
        head = (*head, "inputs, in train", "targets, in train")
        blocks += [
            Table(head, [_counts(name, m) for name, m in manifests.items()]),
            Prose(
                "Lengths: shortest – mean – longest, in tokens with the end, or frames "
                "of sound."
            ),
            Table(
                ("problem", "inputs", "targets", "source", "licence", "made with"),
                [_origin(name, m) for name, m in manifests.items()],
            ),
        ]
    blocks += [
        Prose(f"{name}: {facts.missing[f'data of {name}']}", is_missing=True)
        for name in facts.record.problem_names
        if f"data of {name}" in facts.missing
    ]
    return Section("Data", blocks)


def configuration_section(facts: Facts) -> Section:
    """What differs from the named set, and all fields folded away."""
    hparams, named = facts.record.hparams, facts.named_set
    fields = hparams.fields()
    blocks: list[Block] = []
    if named is None:
        why = f"There is no set {hparams.name} here to compare with"
        told = facts.missing.get("set", "")
        blocks.append(Prose(f"{why}: {told}", is_missing=True))
    else:
        usual = named.fields()
        changed = [
            (name, _value(value), _value(usual.get(name)))
            for name, value in fields.items()
            if usual.get(name) != value
        ]
        blocks.append(
            Prose(
                f"The set {hparams.name}"
                + (", with these changes:" if changed else ", as it stands.")
            )
        )
        if changed:
            blocks.append(Table(("field", "this run", hparams.name), changed))
    start = facts.record.warm_start
    if start:
        blocks.append(_warm_start(start))
    table = Table(("field", "value"), [(n, _value(v)) for n, v in fields.items()])
    blocks.append(Folded(f"All {len(fields)} fields", [table]))
    return Section("Configuration", blocks)


def parameters_section(facts: Facts) -> Section:
    """Weights by part of the model, and who uses them."""
    head = ("part", "weights", "trained", "used by")
    return Section("Parameters", [Table(head, [size.cells() for size in facts.sizes])])


def environment_section(facts: Facts) -> Section:
    """What the run was trained on, as far as it is known, and what wrote this."""
    there, here = facts.record.environment, environment()
    blocks: list[Block] = []
    if there:
        now = _machine(here)
        rows = [(n, v, now.get(n, "")) for n, v in _machine(there).items()]
        blocks.append(Table(("", "the run", "this report"), rows))
    else:
        why = "The run was started by a version that did not note where it ran."
        blocks.append(Prose(why, is_missing=True))
        blocks.append(Table(("", "this report"), list(_machine(here).items())))
    return Section("Environment", blocks)


def _counts(name: str, manifest: Manifest) -> tuple[str, ...]:
    skipped: dict[str, int] = {}
    for split in manifest.splits.values():
        for reason, count in split.skipped.items():
            skipped[reason] = skipped.get(reason, 0) + count
    splits = manifest.splits
    first = splits.get("train") or next(iter(splits.values()))
    left_out = ", ".join(f"{why}: {count:,}" for why, count in skipped.items() if count)
    return (
        name,
        *(f"{splits[s].examples:,}" if s in splits else "" for s in SPLITS),
        left_out or "0",
        _lengths(first.inputs),
        _lengths(first.targets),
    )


def _origin(name: str, manifest: Manifest) -> tuple[str, ...]:
    asked = [f"{k}={v}" for k, v in manifest.arguments.items() if v is not None]
    twin = f", shares the records of {manifest.twin}" if manifest.twin else ""
    return (
        name,
        manifest.features.get("inputs", ""),
        manifest.features.get("targets", ""),
        without_paths(manifest.source) or "not stated",
        manifest.licence or "not stated",
        ", ".join(asked) + twin,
    )


def _lengths(lengths: Lengths) -> str:
    shortest, longest = f"{lengths.min:,}", f"{lengths.max:,}"
    return f"{shortest}\u00a0–\u00a0{lengths.mean:,.1f}\u00a0–\u00a0{longest}"


def _warm_start(start: Mapping[str, Any]) -> Prose:
    def listed(names: Any) -> str:
        return ", ".join(names) or "nothing"

    return Prose(
        f"Begun with the weights of {without_paths(str(start['source']))}, step "
        f"{start['step']}: taken {listed(start['taken'])}; at random "
        f"{listed(start['random'])}; left over {listed(start['left'])}."
    )


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'
    return f"{value:g}" if isinstance(value, float) else str(value)


def _machine(found: Mapping[str, Any]) -> dict[str, str]:
    memory = found.get("memory_gib")
    return {
        **{name: str(version) for name, version in found["versions"].items()},
        "system": found["system"],
        "processor": found["processor"] or "not known",
        "cores": str(found["cores"]),
        "memory": f"{memory:g} GiB" if memory else "not known",
        "accelerators": ", ".join(found["accelerators"]) or "none",
    }
