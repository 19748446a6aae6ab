"""Ended at any moment and started again: nothing twice, and the same bytes."""

from __future__ import annotations

import fcntl
import itertools
import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.manifest import load_manifests
from t2t_multimodel.data.pipeline import raw_examples
from t2t_multimodel.data.problem import Later
from t2t_multimodel.data.stored import verify
from t2t_multimodel.testing.text_pairs import TextPairs

OPTIONS = Options(num_shards=4)

# Notes what it makes in the file $MADE, and kills the process that generates: once, at
# an example of train, when that was made before to learn the vocabulary from it, and
# when the file $WHOLE is there.
COUNTED = """
import os, pathlib, signal, time
from t2t_multimodel import registry
from t2t_multimodel.data.features import Text
from t2t_multimodel.data.problem import Later, Problem


def make(split, number):
    with open(os.environ["MADE"], "a") as made:
        made.write(f"{split} {number}\\n")
    if split == "train" and number == 3900:
        made = pathlib.Path(os.environ["MADE"]).read_text().splitlines()
        if made.count("train 3900") == 2:
            for _ in range(3000):
                if os.path.exists(os.environ["WHOLE"]):
                    break
                time.sleep(0.01)
            os.kill(int(os.environ.get("MAIN", os.getppid())), signal.SIGKILL)
    return f"{split} word {number}"


@registry.register_problem
class Counted(Problem):
    needs_source = False
    inputs, targets = Text(), Text()

    def examples(self, split, source_dir):
        for number in range({"train": 4000, "dev": 20, "test": 30}[split]):
            yield {"inputs": Later(make, split, number), "targets": str(number)}
"""

RUN = """
import logging, os, sys
from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate

if __name__ == "__main__":
    usr_dir, data_dir, num_workers = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    if num_workers == "1":
        os.environ["MAIN"] = str(os.getpid())
    registry.import_usr_dir(usr_dir)
    options = Options(num_shards=4, num_workers=int(num_workers))
    generate([registry.problem("counted")], data_dir, options=options)
"""


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("num_workers", [1, 2])
def test_killed_and_started_again_it_goes_on_where_it_was(
    tmp_path: Path, num_workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "counted.py").write_text(COUNTED)
    monkeypatch.setenv("MADE", str(tmp_path / "MADE"))
    data = tmp_path / "data"
    first = data / ".unfinished" / "counted-train-00000-of-00004.done.json"
    monkeypatch.setenv("WHOLE", str(first))
    command = [sys.executable, "-c", RUN, tmp_path / "mine", data, str(num_workers)]

    killed = subprocess.run(command, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert [path.name for path in data.iterdir()] == [".unfinished"]
    whole = {p.name.split(".")[0] for p in (data / ".unfinished").glob("*.done.json")}
    assert "counted-train-00000-of-00004" in whole
    made_before = Counter((tmp_path / "MADE").read_text().splitlines())

    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"going on: {len(whole)} of 6 shards are done already" in again.stdout
    assert not (data / ".unfinished").exists()

    # Of whole shards nothing was made again, but for the few that are weighed.
    made = Counter((tmp_path / "MADE").read_text().splitlines()) - made_before
    ranges = {f"counted-train-0000{n}-of-00004": n for n in range(4)}
    done = {
        f"train {number}"
        for name in whole & set(ranges)
        for number in range(1000 * ranges[name], 1000 * (ranges[name] + 1))
    }
    assert len(done) >= 1000
    assert sum(made[example] for example in done) <= 16

    registry.import_usr_dir(tmp_path / "mine")
    generate([registry.problem("counted")], tmp_path / "unbroken", options=OPTIONS)
    assert _contents(data) == _contents(tmp_path / "unbroken")


class Interrupter:
    """Presses Ctrl-C at the n-th time that something becomes whole on the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.remaining: int | None = None
        for name in ("replace", "unlink"):
            monkeypatch.setattr(Path, name, self._watched(getattr(Path, name)))
        monkeypatch.setattr(os, "fsync", self._watched(lambda file: None))

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            if self.remaining == 0:
                self.remaining = None
                raise KeyboardInterrupt
            if self.remaining:
                self.remaining -= 1
            return function(*arguments, **named)

        return watched


class Pairs(TextPairs):
    """Has no test split."""

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        return ("train", "dev")


ROWS = [(f"word {n}", f"wort {n}") for n in range(9)]


@pytest.mark.parametrize("overwrite", [False, True])
def test_interrupted_at_any_moment_it_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    options = Options(num_shards=2, overwrite=overwrite)
    back = TextPairs(name="back", twin="pairs")
    back.inputs, back.targets = TextPairs.targets, TextPairs.inputs
    problems = [Pairs(*ROWS), back]
    generate(problems, tmp_path / "unbroken", options=options)
    expected = _contents(tmp_path / "unbroken")
    interrupter = Interrupter(monkeypatch)
    for moment in itertools.count():
        folder = tmp_path / str(moment)
        if overwrite:
            generate([Pairs(("old", "alt"))], folder, options=Options(num_shards=3))
        interrupter.remaining = moment
        try:
            generate(problems, folder, options=options)
        except KeyboardInterrupt:
            for name in load_manifests(folder) if folder.exists() else ():
                verify(problems[name == "back"], folder)
        else:
            break
        finally:
            interrupter.remaining = None
        generate(problems, folder, options=options)
        assert _contents(folder) == expected, f"interrupted at moment {moment}"
    assert moment > 20


def _interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, problem: TextPairs, moment: int = 9
) -> set[str]:
    """Interrupts a generation; the shards that it leaves."""
    with monkeypatch.context() as patched:
        interrupter = Interrupter(patched)
        interrupter.remaining = moment
        with pytest.raises(KeyboardInterrupt):
            generate([problem], folder, options=OPTIONS)
    whole = (folder / ".unfinished").glob("*.done.json")
    return {path.name.removesuffix(".done.json") for path in whole}


def test_ctrl_c_leaves_what_is_done_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        whole = _interrupted(tmp_path, monkeypatch, TextPairs(*ROWS))
    assert 0 < len(whole) < 4
    assert [path.name for path in tmp_path.iterdir()] == [".unfinished"]
    assert "the same command goes on from there" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        generate([TextPairs(*ROWS)], tmp_path, options=OPTIONS)
    assert f"going on: {len(whole)} of 6 shards are done already" in caplog.text


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ("other examples", OPTIONS),
        ("other version", OPTIONS),
        ("other number", Options(num_shards=4, max_examples=8)),
        ("other shards", Options(num_shards=5)),
    ],
)
def test_what_was_made_of_something_else_is_discarded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    change: str,
    options: Options,
) -> None:
    whole = _interrupted(tmp_path / "data", monkeypatch, TextPairs(*ROWS))
    rows = [*ROWS[:-1], ("changed", "anders")] if change == "other examples" else ROWS
    problem = TextPairs(*rows)
    if change == "other version":
        problem.generator_version = "2"
    with caplog.at_level(logging.INFO):
        generate([problem], tmp_path / "data", options=options)
    assert f"pairs-train: {len(whole)} shards of an unfinished" in caplog.text
    assert "made of another source or with other options" in caplog.text
    generate([problem], tmp_path / "fresh", options=options)
    assert _contents(tmp_path / "data") == _contents(tmp_path / "fresh")


class Sourced(TextPairs):
    """Lists the lines of a file, and looks them up where they are stored."""

    needs_source = True

    def examples(self, split: str, source_dir: Path) -> Any:
        for number in range(9):
            path = source_dir / "words.txt"
            yield {"inputs": Later(_line, path, number), "targets": str(number)}


def _line(path: Path, number: int) -> str:
    return path.read_text("utf-8").splitlines()[number]


def test_a_source_that_was_written_to_is_another_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = tmp_path / "source" / "words.txt"
    words.parent.mkdir()
    words.write_text("one\n" * 9)
    problem, data = Sourced(), tmp_path / "data"
    with monkeypatch.context() as patched:
        Interrupter(patched).remaining = 9
        with pytest.raises(KeyboardInterrupt):
            generate([problem], data, words.parent, OPTIONS)
    assert any((data / ".unfinished").glob("*.done.json"))
    words.write_text("two\n" * 9)
    generate([problem], data, words.parent, OPTIONS)
    assert {row["inputs"] for row in raw_examples(problem, data, "train")} == {"two"}


def test_faults_of_shards_that_were_done_count_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("a", 7), *ROWS]
    options = Options(num_shards=4, max_bad_share=0.1)
    with monkeypatch.context() as patched:
        Interrupter(patched).remaining = 9
        with pytest.raises(KeyboardInterrupt):
            generate([TextPairs(*rows)], tmp_path, options=options)
    assert any((tmp_path / ".unfinished").glob("*.done.json"))
    made = generate([TextPairs(*rows)], tmp_path, options=options)["pairs"]
    train = made.splits["train"]
    assert train.skipped == {"targets: text must be str, not int": 1}
    assert train.num_faults == 1


def test_work_that_stopped_at_a_fault_is_taken_up_with_a_larger_share(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [*ROWS, ("a", 7)]
    with pytest.raises(ValueError, match="1 of 10 examples are at fault"):
        generate([TextPairs(*rows)], tmp_path, options=OPTIONS)
    with caplog.at_level(logging.INFO):
        options = Options(num_shards=4, max_bad_share=0.2)
        generate([TextPairs(*rows)], tmp_path, options=options)
    assert "going on: 3 of 6 shards are done already" in caplog.text


def test_two_at_a_time_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / ".unfinished"
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="another process is generating into"):
            generate([TextPairs()], tmp_path)
    generate([TextPairs()], tmp_path)


def test_a_generator_that_changes_its_mind_is_refused(tmp_path: Path) -> None:
    class Growing(TextPairs):
        count = 5

        def examples(self, split: str, source_dir: Path) -> Any:
            self.count += self.step
            yield from super().examples(split, source_dir)
            for number in range(self.count):
                yield {"inputs": str(number), "targets": "x"}

    problem = Growing()
    for step, told in ((1, "gave 7 examples when .* and more"), (-1, "and only")):
        problem.count, problem.step = 5, step
        with pytest.raises(ValueError, match=f"{told}.*the same ones each time"):
            generate([problem], tmp_path)
    assert load_manifests(tmp_path) == {}


def test_unfinished_work_lies_in_tmp_dir_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(tmp_dir=tmp_path / "tmp")
    with monkeypatch.context() as patched:
        Interrupter(patched).remaining = 9
        with pytest.raises(KeyboardInterrupt):
            generate([TextPairs(*ROWS)], tmp_path / "data", options=options)
    assert not (tmp_path / "data").exists()
    (folder,) = (tmp_path / "tmp").iterdir()
    assert folder.name.startswith(".unfinished-") and any(folder.glob("*.done.json"))
    generate([TextPairs(*ROWS)], tmp_path / "data", options=options)
    assert list((tmp_path / "tmp").iterdir()) == []
