"""What a corpus or the user decides about a problem goes with its data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from t2t_multimodel.data.features import ClassLabel, Text
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.pipeline import raw_examples
from t2t_multimodel.data.problem import Problem


class Topics(Problem):
    """Texts under topics; the corpus knows which there are."""

    name = "topics"
    inputs = Text()

    def __init__(self, prefix: str = "on", topics: Sequence[str] = ()) -> None:
        self.options = {"prefix": prefix, "topics": list(topics)}
        self.targets = ClassLabel(topics or None)

    def with_source(self, source_dir: Path) -> Problem:
        topics = (source_dir / "topics").read_text().split()
        return self.with_options({**self.options, "topics": topics})

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, str]]:
        for topic in self.options["topics"]:
            yield {"inputs": f"{self.options['prefix']} {topic}", "targets": topic}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "topics").write_text("sea hills forest")
    return folder


def _generate(problem: Problem, source: Path, overwrite: bool = False) -> Path:
    data_dir = source.parent / "data"
    generate([problem], data_dir, source, Options(num_shards=1, overwrite=overwrite))
    return data_dir


def test_classes_of_the_corpus_are_known_to_whoever_has_the_data(source: Path) -> None:
    unseen = Topics()
    assert unseen.targets.describe() == "label (classes of the corpus)"
    with pytest.raises(ValueError, match="classes are those of the corpus"):
        unseen.targets.modality_options()
    data_dir = _generate(unseen, source)
    problem = Topics().with_data(data_dir)
    assert isinstance(problem.targets, ClassLabel)
    assert problem.targets.names == ("sea", "hills", "forest")
    assert problem.targets.modality_options() == {"num_classes": 3}
    assert problem.name == "topics"
    assert [row["targets"] for row in raw_examples(problem, data_dir)] == [0, 1, 2]


def test_options_of_the_user_go_with_the_data(source: Path) -> None:
    data_dir = _generate(Topics(prefix="about"), source)
    problem = Topics().with_data(data_dir)
    assert problem.options["prefix"] == "about"
    assert raw_examples(problem, data_dir)[0]["inputs"] == "about sea"


def test_data_made_with_other_options_are_not_taken_for_current(source: Path) -> None:
    _generate(Topics(prefix="about"), source)
    with pytest.raises(ValueError, match="was made with prefix=about, now it is on"):
        _generate(Topics(), source)
    data_dir = _generate(Topics(), source, overwrite=True)
    assert Topics().with_data(data_dir).options["prefix"] == "on"


def test_options_of_another_version_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"problem topics is not made with the options"
    ):
        Topics().with_options({"colour": "red"})
