"""Work side by side: in order, in bounded memory, without TensorFlow or orphans."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from t2t_multimodel.data.workers import Report, Workers

CODE = """
import os, sys
from pathlib import Path
from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.testing.text_pairs import TextPairs

if __name__ == "__main__":
    generate([TextPairs(("a", "b"))], Path(sys.argv[1]))
    registry.problem("translate_ende_wmt")
    sys.exit("tensorflow" in sys.modules)
"""


def add(shared: int, item: int, report: Report) -> int:
    report(item)
    return shared + item


def quotient(shared: int, item: int, report: Report) -> float:
    return shared / item


def end(shared: int, item: int, report: Report) -> None:
    os._exit(1)


def test_results_come_in_the_order_of_the_items() -> None:
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for number in range(40):
            drawn.append(number)
            yield number

    for num_workers in (1, 2):
        drawn.clear()
        ahead: list[int] = []
        with Workers(num_workers, 100, num_items=5) as workers:
            told: dict[int, int] = {}
            assert workers.run(add, [4, 2, 0], told.__setitem__) == [104, 102, 100]
            assert told == {0: 4, 1: 2, 2: 0}
            for place, (item, result) in enumerate(workers.stream(add, items())):
                assert (item, result) == (place, 100 + place)
                ahead.append(len(drawn) - place)
            assert max(ahead) <= 3 * num_workers
            with pytest.raises(ZeroDivisionError):
                workers.run(quotient, [1, 0, 2])
            with pytest.raises(ZeroDivisionError):
                list(workers.stream(quotient, [1, 0, 2]))
    with (
        pytest.raises(OSError, match="a process ended before its work was done"),
        Workers(2, 100, num_items=1) as workers,
    ):
        workers.run(end, [1])


def test_what_is_made_of_text_needs_no_tensorflow(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", CODE, tmp_path / "data"], check=True)
