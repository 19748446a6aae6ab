"""Scenes are many and distinct, fixed by the seed, and in one split only."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable

import pytest

from t2t_multimodel.problems.mini import english, french, german
from t2t_multimodel.problems.mini.scenes import (
    ACTIONS,
    COLOURS,
    KINDS,
    SETTINGS,
    SPLITS,
    Scene,
    count_scenes,
    sample_scene,
    scenes,
    split_of,
)


def drawn(split: str, number: int, seed: int = 0) -> list[Scene]:
    return list(itertools.islice(scenes(split, seed), number))


def test_there_are_millions_of_scenes() -> None:
    assert count_scenes() >= 1_000_000


def test_a_stream_is_a_function_of_split_and_seed() -> None:
    assert drawn("dev", 50) == drawn("dev", 50)
    assert drawn("dev", 50) != drawn("dev", 50, seed=1)
    assert drawn("dev", 50) == drawn("dev", 80)[:50]


def test_no_scene_occurs_twice() -> None:
    assert len(set(drawn("train", 5000))) == 5000


def test_splits_share_no_scene_even_between_worlds() -> None:
    train, dev, test = (
        set(drawn(split, number, seed))
        for split, number, seed in (
            ("train", 5000, 0),
            ("dev", 500, 1),
            ("test", 500, 2),
        )
    )
    assert not train & dev and not train & test and not dev & test
    assert {split_of(scene) for scene in test} == {"test"}


@pytest.mark.parametrize("say", [english.sentence, german.sentence, french.sentence])
def test_no_two_scenes_share_a_sentence(say: Callable[[Scene], str]) -> None:
    sentences: set[str] = set()
    for split in SPLITS:
        sentences.update(map(say, drawn(split, 2000)))
    assert len(sentences) == 3 * 2000


def test_every_kind_colour_action_and_setting_is_common() -> None:
    found = drawn("train", 3000)
    for values, counted in (
        (KINDS, Counter(scene.subject.kind for scene in found)),
        (COLOURS, Counter(scene.subject.colour for scene in found)),
        (ACTIONS, Counter(scene.action for scene in found)),
        (SETTINGS, Counter(scene.setting for scene in found)),
    ):
        expected = len(found) / len(values)
        assert set(counted) == set(values)
        assert min(counted.values()) > expected / 2
        assert max(counted.values()) < expected * 2


def test_the_two_groups_differ_in_kind() -> None:
    for scene in drawn("train", 2000):
        assert scene.landmark is None or scene.landmark.kind != scene.subject.kind


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="no split 'valid'; it has train, dev, test"):
        scenes("valid")


def test_one_in_ten_scenes_is_kept_for_the_test() -> None:
    rng = random.Random(5)
    parts = Counter(split_of(sample_scene(rng)) for _ in range(4000))
    # Five standard deviations of a binomial.
    assert abs(parts["test"] - 400) < 5 * math.sqrt(4000 * 0.1 * 0.9)
