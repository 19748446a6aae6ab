"""The commands that make a run again, written from what is known of it."""

from __future__ import annotations

import shlex
from typing import Any

from t2t_multimodel.data.manifest import Manifest
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.reporting.blocks import Block, Code, Prose, Section
from t2t_multimodel.reporting.facts import Facts
from t2t_multimodel.reporting.privacy import shown_command

# Fields that have a flag of their own.
_FLAGS = ("train_steps", "mixture", "seed")


def commands_section(facts: Facts) -> Section:
    """Commands to reproduce a run, and the one that it was last started with."""
    blocks: list[Block] = [
        Prose("data and run stand for folders of your choice."),
        Code([*_generate(facts), _train(facts), *_evaluate(facts)]),
    ]
    if facts.corpora:
        read = ", ".join(facts.corpora)
        blocks.insert(1, Prose(f"A corpus is read, with --source_dir, for {read}."))
    typed = shown_command(facts.record.command_line)
    if typed:
        blocks += [Prose("The run was last started with:"), Code([typed])]
    return Section("Commands", blocks)


def _generate(facts: Facts) -> list[str]:
    """A command for all problems that were made with the same arguments."""
    together: dict[tuple[tuple[str, Any], ...], list[str]] = {}
    for name, manifest in facts.manifests.items():
        together.setdefault(_arguments(manifest), []).append(name)
    return [
        _line(
            "t2t-datagen",
            problems=",".join(names),
            data_dir="data",
            **dict(arguments),
        )
        for arguments, names in together.items()
    ]


def _arguments(manifest: Manifest) -> tuple[tuple[str, Any], ...]:
    known = ("max_examples", "num_shards", "seed")
    asked = manifest.arguments
    return tuple((k, asked[k]) for k in known if asked.get(k) is not None)


def _train(facts: Facts) -> str:
    record = facts.record
    hparams = record.hparams
    usual = facts.named_set.fields() if facts.named_set else {}
    changed = {k: v for k, v in hparams.fields().items() if usual.get(k) != v}
    flags = {name: changed.pop(name) for name in _FLAGS if name in changed}
    given: dict[str, Any] = {
        "problems": ",".join(record.problem_names),
        "data_dir": "data",
        "output_dir": "run",
        "hparams_set": hparams.name,
        "hparams": ",".join(f"{k}={_field(v)}" for k, v in changed.items()),
        **flags,
    }
    start = record.warm_start
    if start:
        given["warm_start_from"] = f"SOURCE/{start['checkpoint']}"
    return _line("t2t-trainer", **given)


def _evaluate(facts: Facts) -> list[str]:
    lines = []
    if facts.scores:
        saved = next(iter(facts.scores.values()))
        usual = DecodeConfig()
        changed = {k: v for k, v in saved.decoding.items() if getattr(usual, k) != v}
        lines.append(
            _line(
                "t2t-eval",
                output_dir="run",
                checkpoint=saved.step,
                max_examples=max(s.result.num_examples for s in facts.scores.values()),
                decode_hparams=",".join(f"{k}={v}" for k, v in changed.items()),
            )
        )
    return [*lines, _line("t2t-report", "run", noevaluate=True)]


def _field(value: Any) -> str:
    """A value as `--hparams` reads it."""
    if isinstance(value, tuple):
        return f"({','.join(str(item) for item in value)})"
    if isinstance(value, str):
        return f'"{value}"' if "," in value else value
    return str(value)


def _line(program: str, *arguments: str, **flags: Any) -> str:
    words = [" ".join([program, *arguments])]
    for name, value in flags.items():
        if value is True:
            words.append(f"--{name}")
        elif value != "" and value is not None:
            words.append(f"--{name}={shlex.quote(str(value))}")
    return " \\\n    ".join(words)
