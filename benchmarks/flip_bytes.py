"""Damages the newest checkpoint of a run, time and again, and looks what is made of it.

  python benchmarks/flip_bytes.py --times=100

Each time one file of the newest of two checkpoints (or TensorFlow's list of them) gets
a bit flipped, is cut off somewhere, or is deleted; the seed decides which. Then the
checkpoint is read three ways: as t2t-eval and t2t-decoder do by default, as they do
when it is asked for by its step, and as t2t-trainer does when it goes on. Allowed is

  older  the newest is named in a warning, and every tensor is the older one's; or one
         clear error, where the newest was asked for
  right  every tensor is the newest one's, and nothing is said: the damage was done to
         what has no meaning, such as the list or a blank

and nothing else. Prints a table; exit status 1 if anything else came.
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from t2t_multimodel import quiet, registry

PROBLEM = "image_mini"
HPARAMS = (
    "depth=16,num_heads=2,encoder_blocks=1,mixer_blocks=1,decoder_blocks=1,"
    "num_experts=4,top_k=2,expert_hidden_size=8,categorical_filters=(8,8),"
    "ema_decay=0.9,batch_cost_text=64,batch_cost_image=64,train_steps=16,save_steps=8"
)
NEWEST = "model.ckpt-16"
OLDER, RIGHT, OTHERS = "older", "right", "others"
DAMAGES = ("flip", "flip", "flip", "cut", "delete")
ENDS = ("data-00000-of-00001", "index", "manifest.json")


class Heard(logging.Handler):
    """Keeps the warnings of the library."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one."""
        self.lines.append(record.getMessage())


class Bench:
    """A run with two checkpoints, and the values that both hold.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        from t2t_multimodel.data.generation import Options, generate
        from t2t_multimodel.training.averaging import WeightAverage
        from t2t_multimodel.training.run import prepare, train

        generate(
            [registry.problem(PROBLEM)],
            folder / "data",
            options=Options(max_examples=8),
        )
        hparams = registry.hparams("multimodel_tiny").override(HPARAMS)
        train(hparams, (PROBLEM,), folder / "data", folder / "whole")
        self.whole, self.broken = folder / "whole", folder / "broken"
        run = prepare(hparams, (PROBLEM,), folder / "data")
        self.model, self.optimizer = run.model, run.optimizer
        weights = run.model.trainable_variables
        self.average = WeightAverage(weights, 0.9, run.strategy)
        older = folder / "older"
        shutil.copytree(self.whole, older, ignore=shutil.ignore_patterns(f"{NEWEST}.*"))
        self.expected = {
            way: [way(self, of) for of in (older, self.whole)] for way in (read, go_on)
        }
        self.heard = Heard()
        logger = logging.getLogger("t2t_multimodel")
        logger.addHandler(self.heard)
        logger.propagate = False

    def damaged(self, chance: random.Random) -> str:
        """Makes the broken copy; what was done to it."""
        shutil.rmtree(self.broken, ignore_errors=True)
        shutil.copytree(self.whole, self.broken)
        names = [f"{NEWEST}.{end}" for end in ENDS] + ["checkpoint"]
        file, damage = self.broken / chance.choice(names), chance.choice(DAMAGES)
        content = bytearray(file.read_bytes())
        place = chance.randrange(len(content))
        if damage == "delete":
            file.unlink()
        elif damage == "cut":
            file.write_bytes(content[:place])
        else:
            content[place] ^= 1 << chance.randrange(8)
            file.write_bytes(content)
        return f"{damage} {file.name}"

    def verdict(self, way: Callable[..., list[Any]], *asked: str) -> str:
        """What came of reading the broken copy: older, right, or what must not be."""
        import numpy as np

        self.heard.lines.clear()
        try:
            found = way(self, self.broken, *asked)
        except ValueError as error:
            is_named = f"{NEWEST} is damaged" in str(error)
            return OLDER if asked and is_named else f"error: {error}"
        older, newest = (
            all(np.array_equal(a, b) for a, b in zip(found, values, strict=True))
            for values in self.expected[way]
        )
        named = [line for line in self.heard.lines if f"{NEWEST} is damaged" in line]
        if older and named and not asked:
            return OLDER
        return RIGHT if newest and not self.heard.lines else f"wrong, said: {named}"


def read(bench: Bench, folder: Path, checkpoint: str | None = None) -> list[Any]:
    """The weights that t2t-eval and t2t-decoder take."""
    from t2t_multimodel.training.checkpoint import restore_weights
    from t2t_multimodel.training.checkpoint_choice import find_checkpoint

    path = find_checkpoint(folder, checkpoint)
    restore_weights(path, bench.model, averaged=True)
    return [weight.numpy() for weight in bench.model.weights]


def go_on(bench: Bench, folder: Path) -> list[Any]:
    """All that t2t-trainer takes."""
    from t2t_multimodel.training.checkpoint import Checkpoints

    optimizer, average = bench.optimizer, bench.average
    checkpoints = Checkpoints(folder, bench.model, optimizer, average, keep=2)
    step, state = checkpoints.restore()
    moments = (*optimizer.mean, *optimizer.square, *average.average)
    values = [weight.numpy() for weight in (*bench.model.weights, *moments)]
    return [*values, optimizer.updates.numpy(), step, str(state)]


def damage(
    bench: Bench, times: int, chance: random.Random, console: Console
) -> dict[str, Counter[str]]:
    """Damages the run so many times; how often it came to what, by what was done."""
    counts: dict[str, Counter[str]] = {}
    for number in range(times):
        what = bench.damaged(chance)
        verdicts = [bench.verdict(read), bench.verdict(read, NEWEST)]
        verdicts.append(bench.verdict(go_on))  # last: it moves files
        # All three must judge the files alike.
        is_allowed = set(verdicts) in ({OLDER}, {RIGHT})
        row = counts.setdefault(what, Counter())
        row[verdicts[0] if is_allowed else OTHERS] += 1
        if not is_allowed:
            console.print(f"{number}: {what}: {verdicts}", soft_wrap=True)
    return counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Damages and reads; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=100, help="how often")
    parser.add_argument("--seed", type=int, default=0, help="of the damages")
    given = parser.parse_args(arguments)
    quiet.import_tensorflow()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        counts = damage(bench, given.times, random.Random(given.seed), console)
    table = Table("damage", OLDER, RIGHT, OTHERS)
    for what, row in sorted(counts.items()):
        table.add_row(what, str(row[OLDER]), str(row[RIGHT]), str(row[OTHERS]))
    console.print(table)
    bad = sum(row[OTHERS] for row in counts.values())
    console.print(f"{given.times - bad} of {given.times} end as they must.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
