"""Pictures show every fact of their scene and are a function of scene and noise."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from t2t_multimodel.problems.mini.painter import SIZE, paint
from t2t_multimodel.problems.mini.scenes import (
    ACTIONS,
    COLOURS,
    KINDS,
    SETTINGS,
    SIZES,
    Group,
    Scene,
    scenes,
)
from t2t_multimodel.problems.mini.silhouettes import ACCENTS, masks

SCENE = Scene(
    Group("star", "red", 2, "small"), "sleep", Group("fish", "blue", 1), "above", "snow"
)
WATCHING = Scene(SCENE.subject, "watch", Group("fish", "blue", 1, "small"))


def painted(scene: Scene, seed: int = 0) -> NDArray[np.int64]:
    return paint(scene, np.random.default_rng(seed)).astype(np.int64)


def test_a_picture_has_the_promised_form() -> None:
    for scene in itertools.islice(scenes("train"), 50):
        picture = paint(scene, np.random.default_rng(1))
        assert picture.shape == (SIZE, SIZE, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 5


def test_a_picture_is_a_function_of_scene_and_generator() -> None:
    assert (painted(SCENE, 3) == painted(SCENE, 3)).all()
    assert (painted(SCENE, 3) != painted(SCENE, 4)).any()


@pytest.mark.parametrize(
    "other",
    [
        replace(SCENE, subject=Group("flower", "red", 2, "small")),
        replace(SCENE, subject=Group("star", "yellow", 2, "small")),
        replace(SCENE, subject=Group("star", "red", 3, "small")),
        replace(SCENE, subject=Group("star", "red", 2, "big")),
        replace(SCENE, action="dance"),
        replace(SCENE, relation="left"),
        replace(SCENE, landmark=Group("bird", "blue", 1)),
        replace(SCENE, landmark=Group("fish", "green", 1)),
        replace(SCENE, landmark=Group("fish", "blue", 2)),
        replace(SCENE, landmark=None, relation=None),
        replace(SCENE, setting=None),
    ],
    ids=str,
)
def test_every_fact_changes_many_pixels(other: Scene) -> None:
    difference = np.abs(painted(SCENE) - painted(other)).max(-1)
    assert (difference > 40).sum() >= 20


def test_the_size_of_what_is_watched_is_seen() -> None:
    bigger = replace(WATCHING, landmark=Group("fish", "blue", 1, "big"))
    difference = np.abs(painted(WATCHING) - painted(bigger)).max(-1)
    assert (difference > 40).sum() >= 20


def test_every_action_has_a_mark_of_its_own() -> None:
    lone = Scene(Group("star", "red", 1, "small"), "sleep")
    pictures = [painted(replace(lone, action=action)) for action in ACTIONS]
    for one, other in itertools.combinations(pictures, 2):
        assert (np.abs(one - other).max(-1) > 60).sum() >= 8


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("relation", ["above", "under", "left", "right"])
def test_the_dark_half_tells_the_relation(setting: str | None, relation: str) -> None:
    scene = replace(SCENE, setting=setting, relation=relation)
    brightness = painted(scene).mean(-1)
    middle = SIZE // 2
    halves = {  # where the panel is, for each relation of the others to it
        "under": brightness[:middle],
        "above": brightness[middle:],
        "right": brightness[:, :middle],
        "left": brightness[:, middle:],
    }
    assert min(halves, key=lambda half: float(np.median(halves[half]))) == relation


def test_more_things_cover_more_of_the_picture() -> None:
    # The ground is plain: what differs from it is things, cards and marks.
    covered = []
    for number in (1, 2, 3, 4):
        picture = painted(Scene(Group("box", "blue", number, "big"), "sleep"), 5)
        ground = np.median(picture, (0, 1))
        covered.append(int((np.abs(picture - ground).max(-1) > 35).sum()))
    steps = np.diff(covered)
    assert (steps > 150).all()


def test_any_two_kinds_differ_in_shape() -> None:
    size = 40
    shapes = {}
    for kind in KINDS:
        outline, _, _ = masks(kind, size, 3)
        shapes[kind] = np.asarray(outline) > 0
    for one, other in itertools.combinations(KINDS, 2):
        differing = (shapes[one] != shapes[other]).mean()
        assert differing > 0.06, (one, other, differing)


def test_every_kind_has_an_accent_of_its_own() -> None:
    assert set(ACCENTS) == set(KINDS)
    for one, other in itertools.combinations(ACCENTS.values(), 2):
        assert np.abs(np.subtract(one, other)).max() >= 40
    for kind in KINDS:
        _, body, accent = masks(kind, 40, 3)
        assert 0.03 < (np.asarray(accent) > 0).mean() < (np.asarray(body) > 0).mean()


def test_big_things_are_bigger_than_small_ones() -> None:
    for kind, colour in itertools.product(KINDS[:4], COLOURS[:2]):
        dark = []
        for size in SIZES:
            scene = Scene(Group(kind, colour, 1, size), "sleep")
            picture = painted(scene, 2)
            dark.append(int((picture.mean(-1) < 150).sum()))
        assert dark[1] > dark[0] + 30
