"""The registry: what a name stands for, and what is said of one that is unknown."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import types
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.features import ClassLabel, Text
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.registry import UnknownNameError

SENTIMENT = '''
from t2t_multimodel import registry
from t2t_multimodel.data.features import ClassLabel, Text
from t2t_multimodel.data.problem import Problem


@registry.register_problem
class SentimentReviews(Problem):
    """Film reviews, positive or negative."""
    inputs = Text()
    targets = ClassLabel(("negative", "positive"))

    def examples(self, split, source_dir):
        for line in (source_dir / f"{split}.tsv").open():
            text, label = line.rstrip("\\n").split("\\t")
            yield {"inputs": text, "targets": label}
'''


def _problem_class(module: str, name: str = "Sample") -> type[Problem]:
    body = {"inputs": Text(), "targets": ClassLabel(2), "__module__": module}
    return type(name, (Problem,), body)


def test_a_class_is_registered_under_its_name_in_snake_case() -> None:
    for name, expected in (
        ("SentimentReviews", "sentiment_reviews"),
        ("TranslateEndeWmt32k", "translate_ende_wmt32k"),
        ("HTTPLogs", "http_logs"),
    ):
        registry.register_problem(_problem_class("one", name))
        assert registry.problem(expected).name == expected


def test_a_name_can_be_given() -> None:
    registered = registry.register_problem("my_own")(_problem_class("one"))
    assert isinstance(registry.problem("my_own"), registered)


@pytest.mark.parametrize("name", ["With-Dash", "a,b", "Upper", ""])
def test_a_malformed_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="letters a-z, digits and '_'"):
        registry.register_problem(name)(_problem_class("one"))


def test_a_second_problem_of_a_name_is_refused_naming_both_modules() -> None:
    registry.register_problem("sample")(_problem_class("first_module"))
    with pytest.raises(ValueError, match=r"first_module.*second_module"):
        registry.register_problem("sample")(_problem_class("second_module"))


def test_a_name_of_the_catalogue_is_refused_even_before_its_import() -> None:
    with pytest.raises(ValueError, match=r"problems\.mini\.problems.*my_module"):
        registry.register_problem("parse_mini")(_problem_class("my_module"))


def test_a_notebook_cell_may_run_again() -> None:
    registry.register_problem("sample")(_problem_class("__main__"))
    newer = registry.register_problem("sample")(_problem_class("__main__"))
    assert type(registry.problem("sample")) is newer


def test_registering_the_same_class_again_changes_nothing() -> None:
    sample = _problem_class("one")
    registry.register_problem("sample")(sample)
    registry.register_problem("sample")(sample)
    assert type(registry.problem("sample")) is sample


def test_a_misspelt_problem_is_answered_with_near_names() -> None:
    with pytest.raises(UnknownNameError, match="near it: translate_ende_mini"):
        registry.problem("translate_ende_mimi")
    with pytest.raises(UnknownNameError, match="near it: mini_eight"):
        registry.parse_problems("mini_eigth")


def test_a_misspelt_hparams_set_is_answered_with_near_names() -> None:
    with pytest.raises(UnknownNameError, match=r"near it: .*multimodel_tiny"):
        registry.hparams("multimodel_tinny")


def test_a_strange_name_is_answered_with_all_names() -> None:
    with pytest.raises(UnknownNameError, match=r"known: multimodel_base, "):
        registry.hparams("xyz")


def test_lists_of_problems_take_commas_dashes_and_groups() -> None:
    names = registry.parse_problems("parse_mini, image_mini-mini_eight")
    assert names[:2] == ("parse_mini", "image_mini")
    assert set(names) == set(registry.group("mini_eight"))
    assert len(names) == 8


def test_an_empty_list_of_problems_is_refused() -> None:
    with pytest.raises(ValueError, match="no problem is named"):
        registry.parse_problems(" , -")


def test_a_group_of_ones_own_expands() -> None:
    registry.register_group("two_of_mine", ("parse_mini", "image_mini"))
    assert registry.parse_problems("two_of_mine") == ("parse_mini", "image_mini")
    assert "two_of_mine" in registry.list_groups()


def test_a_group_cannot_take_the_name_of_a_problem() -> None:
    with pytest.raises(ValueError, match="another problem or group"):
        registry.register_group("parse_mini", ("image_mini",))


def test_every_group_consists_of_listed_problems() -> None:
    for group in registry.list_groups():
        assert set(registry.group(group)) <= set(registry.list_problems())


def test_every_listed_problem_is_registered_by_its_module() -> None:
    for name in registry.list_problems():
        assert registry.problem(name).name == name


@pytest.mark.parametrize("is_package", [True, False])
def test_a_user_directory_brings_its_problems(tmp_path: Path, is_package: bool) -> None:
    (tmp_path / "reviews.py").write_text(SENTIMENT)
    if is_package:
        (tmp_path / "__init__.py").write_text("from . import reviews\n")
    registry.import_usr_dir(tmp_path)
    registry.import_usr_dir(tmp_path)
    problem = registry.problem("sentiment_reviews")
    assert problem.command == "text_label"
    assert problem.metrics == ("top_1", "top_5")
    assert registry.usr_dirs() == (tmp_path,)


def test_a_user_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a folder"):
        registry.import_usr_dir(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"holds no \.py file"):
        registry.import_usr_dir(tmp_path)


def test_an_entry_point_brings_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("their_package")
    monkeypatch.setitem(sys.modules, "their_package", module)
    sample = _problem_class("their_package")
    vars(module)["Sample"] = sample
    _set_entry_points(monkeypatch, {"their_problem": "their_package:Sample"})
    assert "their_problem" in registry.list_problems()
    assert registry.parse_problems("their_problem") == ("their_problem",)
    assert isinstance(registry.problem("their_problem"), sample)


def test_an_entry_point_cannot_take_a_name_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _set_entry_points(monkeypatch, {"translate_deen_wmt": "their_package:Sample"})
    monkeypatch.setattr(registry._problems, "_factories", {})
    with pytest.raises(ValueError, match=r"twice: .*translate\.wmt .*their_package"):
        registry.problem("translate_deen_wmt")


def test_definitions_in_a_folder_make_names_known(tmp_path: Path) -> None:
    (tmp_path / "my_pairs.problem.json").write_text("{}", "utf-8")
    registry.use_definitions(tmp_path)
    registry.use_definitions(tmp_path)
    assert registry.parse_problems("my_pairs") == ("my_pairs",)
    with pytest.raises(registry.UnknownNameError, match="near it: my_pairs"):
        registry.parse_problems("my_pair")
    with pytest.raises(ValueError, match=r"my_pairs\.problem\.json defines no problem"):
        registry.problem("my_pairs")


@pytest.mark.parametrize("name", ["parse_mini", "mini_eight", "my-pairs"])
def test_a_definition_cannot_take_a_name_of_ours(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.problem.json").write_text("{}", "utf-8")
    message = f"'{name}'.*(another name|consists of)"
    with pytest.raises(ValueError, match=message):
        registry.use_definitions(tmp_path)


def test_a_class_cannot_take_the_name_of_a_definition(tmp_path: Path) -> None:
    (tmp_path / "mine.problem.json").write_text("{}", "utf-8")
    registry.use_definitions(tmp_path)
    with pytest.raises(ValueError, match="'mine' is registered twice"):
        registry.register_problem("mine")(_problem_class("their_package"))


def test_names_are_checked_without_tensorflow(tmp_path: Path) -> None:
    (tmp_path / "my_pairs.problem.json").write_text("{}", "utf-8")
    code = f"""
import sys
from t2t_multimodel import registry
for name in ("parse_problems", "hparams", "problem"):
    try:
        getattr(registry, name)("mini_nine")
    except ValueError:
        pass
registry.parse_problems("mini_eight")
registry.use_definitions({str(tmp_path)!r})
registry.parse_problems("my_pairs")
sys.exit("tensorflow" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _set_entry_points(monkeypatch: pytest.MonkeyPatch, points: dict[str, str]) -> None:
    group = registry.ENTRY_POINT_GROUP
    found = importlib.metadata.EntryPoints(
        importlib.metadata.EntryPoint(name, value, group)
        for name, value in points.items()
    )
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: found.select(group=group)
    )
