"""Generation: whole or not at all, the same each time, and only what fits together."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.features import Text
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.manifest import Manifest, load_manifests
from t2t_multimodel.data.pipeline import BatchStream, raw_examples
from t2t_multimodel.data.problem import SPLITS, Later, Problem, Skip
from t2t_multimodel.data.stored import StoredSplit, verify
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.testing.text_pairs import TextPairs

Lines = functools.partial(TextPairs, name="lines")
OtherLines = functools.partial(TextPairs, name="other_lines")


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_shards_index_manifest_and_vocabulary_are_made(tmp_path: Path) -> None:
    rows = [(f"word {n}", "wort") for n in range(25)]
    manifest = generate([Lines(*rows)], tmp_path, options=Options(num_shards=3))[
        "lines"
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "lines-dev-00000-of-00001",
        "lines-dev.index.npz",
        "lines-test-00000-of-00001",
        "lines-test.index.npz",
        "lines-train-00000-of-00003",
        "lines-train-00001-of-00003",
        "lines-train-00002-of-00003",
        "lines-train.index.npz",
        "lines.manifest.json",
        "vocab.model",
    ]
    vocabulary = Vocabulary.load(tmp_path / "vocab.model")
    assert manifest.vocabulary == {
        "fingerprint": vocabulary.fingerprint,
        "size": vocabulary.size,
    }
    train = manifest.splits["train"]
    assert train.examples == sum(shard.examples for shard in train.shards) == 25
    assert {shard.examples for shard in train.shards} == {8, 9}
    lengths = [len(vocabulary.encode(row[0])) + 1 for row in rows]
    assert train.inputs.total == sum(lengths) and train.inputs.max == max(lengths)
    assert verify(Lines(*rows), tmp_path) == manifest


def test_records_come_back_in_the_order_of_the_corpus(tmp_path: Path) -> None:
    rows = [(f"word {n}", f"wort {n}") for n in range(25)]
    generate([Lines(*rows)], tmp_path, options=Options(num_shards=4))
    for split in ("train", "dev", "test"):
        found = raw_examples(Lines(), tmp_path, split)
        assert [(row["inputs"], row["targets"]) for row in found] == rows
    assert len(raw_examples(Lines(), tmp_path, "train", max_examples=3)) == 3


def test_a_shard_holds_a_range_of_the_examples(tmp_path: Path) -> None:
    rows = [(f"word {n}", "wort") for n in range(10)]
    generate([Lines(*rows)], tmp_path, options=Options(num_shards=4))
    shards = StoredSplit(Lines(), tmp_path, "train").index.shard
    assert shards.tolist() == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3]


def test_the_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    names = ("translate_ende_mini", "caption_mini", "speech_mini")
    problems = [registry.problem(name) for name in names]
    problems.append(Lines(*[("a", n if n % 9 == 0 else str(n)) for n in range(30)]))
    for workers in (1, 4):
        options = Options(40, num_shards=3, num_workers=workers, max_bad_share=0.2)
        made = generate(problems, tmp_path / str(workers), options=options)
    assert made["lines"].splits["train"].num_faults == 4
    assert _contents(tmp_path / "1") == _contents(tmp_path / "4")


def test_a_fault_in_a_worker_leaves_nothing(tmp_path: Path) -> None:
    registry.import_usr_dir(_usr_dir(tmp_path))
    problem = registry.problem("fails_in_dev")
    with pytest.raises(ValueError, match="the corpus is bad"):
        generate([problem], tmp_path / "data", options=Options(num_workers=2))
    assert not (tmp_path / "data").exists()


def test_what_cannot_be_sent_to_a_worker_is_refused_at_once(tmp_path: Path) -> None:
    problem = Lines((lambda: None, "b"))
    message = r"cannot be sent to another process .*one process \(--num_workers=1\)"
    with pytest.raises(ValueError, match=message):
        generate([problem], tmp_path / "data", options=Options(num_workers=2))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "fault", [ValueError("bad line"), OSError("disk full"), KeyboardInterrupt()]
)
def test_a_failing_generator_leaves_nothing(tmp_path: Path, fault: Any) -> None:
    with pytest.raises(type(fault)):
        generate([OtherLines(), Lines(("a", "b"), after=fault)], tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_failing_generator_leaves_what_was_there(tmp_path: Path) -> None:
    generate([Lines()], tmp_path)
    before = _contents(tmp_path)
    failing = Lines(("c", "d"), after=ValueError("bad line"))
    with pytest.raises(ValueError, match="bad line"):
        generate([failing], tmp_path, options=Options(overwrite=True))
    assert _contents(tmp_path) == before


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a", 3), "lines, split train: 1 of 2 .* example 1: targets: text must be"),
        ({"inputs": "a"}, "example 1 has no 'targets'; it has .'inputs'."),
        (["a", "b"], "example 1 is not a dict but list"),
    ],
)
def test_a_bad_example_is_named(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate([Lines(("a", "b"), row)], tmp_path)
    assert load_manifests(tmp_path) == {}


def test_empty_examples_are_skipped_and_counted(tmp_path: Path) -> None:
    rows = [("a", "b"), ("", "b"), ("a", "  "), ("c", "\n"), ("c", "d")]
    manifest = generate([Lines(*rows)], tmp_path)["lines"]
    train = manifest.splits["train"]
    assert train.examples == 2
    assert train.skipped == {"empty inputs": 1, "empty targets": 2}


def test_a_split_without_examples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"split train has no example .*2: empty inputs"
    ):
        generate([Lines(("", "b"), ("", "c"))], tmp_path)


def test_max_examples_holds_for_every_split(tmp_path: Path) -> None:
    rows = [(f"word {n}", "wort") for n in range(9)]
    manifest = generate([Lines(*rows)], tmp_path, options=Options(max_examples=4))
    splits = manifest["lines"].splits.values()
    assert [split.examples for split in splits] == [4, 4, 4]


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    generate([Lines()], tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    generate([Lines(after=ValueError("never asked"))], tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "version", "message"),
    [
        (Options(max_examples=1), "1", "max_examples=None, now it is 1"),
        (Options(seed=1), "1", "seed=0, now it is 1"),
        (Options(), "2", "generator_version=1, now it is 2"),
    ],
)
def test_what_is_there_but_made_otherwise_is_refused(
    tmp_path: Path, options: Options, version: str, message: str
) -> None:
    generate([Lines()], tmp_path)
    problem = Lines()
    problem.generator_version = version
    with pytest.raises(ValueError, match=f"{message}; pass --overwrite"):
        generate([problem], tmp_path, options=options)


def test_overwriting_leaves_no_file_of_before(tmp_path: Path) -> None:
    generate([Lines()], tmp_path / "data", options=Options(num_shards=5))
    options = Options(num_shards=2, overwrite=True)
    generate([Lines(("new", "neu"))], tmp_path / "data", options=options)
    generate([Lines(("new", "neu"))], tmp_path / "fresh", options=Options(num_shards=2))
    assert _contents(tmp_path / "data") == _contents(tmp_path / "fresh")


def test_a_later_problem_takes_the_vocabulary_that_is_there(tmp_path: Path) -> None:
    first = generate([Lines()], tmp_path)["lines"]
    later = generate([OtherLines(("other", "words"))], tmp_path)["other_lines"]
    assert later.vocabulary == first.vocabulary
    assert set(load_manifests(tmp_path)) == {"lines", "other_lines"}


def test_overwriting_one_of_two_keeps_the_vocabulary_of_both(tmp_path: Path) -> None:
    generate([Lines(), OtherLines()], tmp_path)
    before = (tmp_path / "vocab.model").read_bytes()
    generate([Lines(("new",) * 2)], tmp_path, options=Options(overwrite=True))
    assert (tmp_path / "vocab.model").read_bytes() == before
    rows = [("new", "neu")] * 9
    both = [Lines(*rows), OtherLines(*rows)]
    generate(both, tmp_path, options=Options(overwrite=True))
    assert (tmp_path / "vocab.model").read_bytes() != before


def test_data_of_another_vocabulary_are_refused(tmp_path: Path) -> None:
    generate([Lines()], tmp_path)
    Vocabulary.train(["quite another text"] * 9, tmp_path / "vocab.model")
    vocabulary = Vocabulary.load(tmp_path / "vocab.model")
    message = r"lines\.manifest\.json was made with vocabulary \w{16}, but .*\w{16}"
    for use in (
        lambda: generate([OtherLines()], tmp_path),
        lambda: generate([Lines()], tmp_path),
        lambda: verify(Lines(), tmp_path),
        lambda: BatchStream(Lines(), tmp_path, vocabulary),
    ):
        with pytest.raises(ValueError, match=message):
            use()
    generate([Lines()], tmp_path, options=Options(overwrite=True))
    verify(Lines(), tmp_path)


def test_data_without_their_vocabulary_are_refused(tmp_path: Path) -> None:
    generate([Lines()], tmp_path)
    (tmp_path / "vocab.model").unlink()
    with pytest.raises(ValueError, match=r"vocab\.model is missing, but lines"):
        generate([OtherLines()], tmp_path)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "file", "message"),
    [
        (_cut, "lines-dev-00000-of-00001", r"dev-.* is truncated at record 1; gen"),
        (
            _flip,
            "lines-dev-00000-of-00001",
            r"dev-.*: record \d at byte \d+ is damaged",
        ),
        (Path.unlink, "lines-dev-00000-of-00001", "dev-.* is missing"),
        (_cut, "lines-dev.index.npz", "is no index"),
        (_cut, "lines.manifest.json", "is no manifest"),
    ],
)
def test_damage_is_found_and_named(
    tmp_path: Path, damage: Callable[[Path], None], file: str, message: str
) -> None:
    generate([Lines(("a", "b"), ("c", "d"))], tmp_path)
    damage(tmp_path / file)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        verify(Lines(), tmp_path)


def test_a_truncated_shard_is_refused_before_reading(tmp_path: Path) -> None:
    generate([Lines(("a", "b"), ("c", "d"))], tmp_path)
    _cut(tmp_path / "lines-dev-00000-of-00001")
    with pytest.raises(ValueError, match=r"is truncated at record 1"):
        raw_examples(Lines(), tmp_path, "dev")


def test_a_manifest_of_another_format_is_refused(tmp_path: Path) -> None:
    generate([Lines()], tmp_path)
    path = tmp_path / "lines.manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(ValueError, match="has format 99, this version reads 2"):
        Manifest.load(tmp_path, "lines")


def test_what_was_not_generated_is_refused_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="t2t-datagen --problems=lines"):
        Manifest.load(tmp_path, "lines")
    generate([Lines()], tmp_path)
    with pytest.raises(FileNotFoundError, match="no split 'valid'; it has train"):
        StoredSplit(Lines(), tmp_path, "valid")


def test_a_source_is_required_where_it_is_needed(tmp_path: Path) -> None:
    class Sourced(TextPairs):
        needs_source = True

        def __init__(self) -> None:
            super().__init__(name="sourced")

        def examples(self, split: str, source_dir: Path) -> Iterator[Any]:
            yield {"inputs": source_dir.name, "targets": split}

    with pytest.raises(ValueError, match="problem sourced needs --source_dir"):
        generate([Sourced()], tmp_path / "data")
    with pytest.raises(FileNotFoundError, match="missing is not a folder"):
        generate([Sourced()], tmp_path / "data", tmp_path / "missing")
    (tmp_path / "corpora" / "sourced").mkdir(parents=True)
    generate([Sourced()], tmp_path / "own", tmp_path / "corpora")
    assert raw_examples(Sourced(), tmp_path / "own")[0]["inputs"] == "sourced"
    (tmp_path / "corpora" / "sourced").rmdir()
    generate([Sourced()], tmp_path / "all", tmp_path / "corpora")
    assert raw_examples(Sourced(), tmp_path / "all")[0]["inputs"] == "corpora"


@pytest.mark.parametrize("name", ["max_examples", "num_shards", "num_workers"])
def test_numbers_below_one_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; at least 1"):
        Options(**{name: 0})


def test_progress_is_told(tmp_path: Path) -> None:
    told: dict[str, list[Any]] = {}

    def tell(stage: str, done: int, total: int | None) -> None:
        told.setdefault(stage, []).append((done, total))

    generate([Lines(("a", "b"), ("c", "d"))], tmp_path, progress=tell)
    assert told["listing"][-1] == (6, 6)
    assert told["vocabulary"] == [(0, None), (1, 1)]
    assert told["writing"][0] == (0, 6) and told["writing"][-1] == (6, 6)
    assert {told[f"lines-{split}"][-1] for split in SPLITS} == {(2, 2)}


def _usr_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "problems.py").write_text(
        """
from t2t_multimodel import registry
from t2t_multimodel.data.features import Text
from t2t_multimodel.data.problem import Later, Problem, Skip


@registry.register_problem
class FailsInDev(Problem):
    needs_source = False
    inputs, targets = Text(), Text()

    def examples(self, split, source_dir):
        for number in range(1_000_000):
            if split == "dev":
                raise ValueError("the corpus is bad")
            yield {"inputs": str(number), "targets": "x"}
"""
    )
    return folder


class Patchy(Problem):
    """Leaves out every third example; makes its inputs where they are stored."""

    name = "patchy"
    inputs, targets = Text("english"), Text("german")
    needs_source = False

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any] | Skip]:
        for number in range(9):
            if number % 3 == 2:
                yield Skip("every third", f"number {number}", is_fault=False)
            else:
                yield {"inputs": Later(str, number), "targets": f"nummer {number}"}


def test_what_a_problem_leaves_out_is_counted_and_later_values_are_made(
    tmp_path: Path,
) -> None:
    manifest = generate([Patchy()], tmp_path)["patchy"]
    assert manifest.splits["train"].skipped == {"every third": 3}
    rows = raw_examples(Patchy(), tmp_path, "train")
    assert [row["inputs"] for row in rows] == ["0", "1", "3", "4", "6", "7"]
