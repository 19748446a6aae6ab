"""What a scene of the miniature world is, and which scenes a split holds.

A scene is its meaning and nothing else: one group of like things does something,
often in relation to a second group, perhaps in some setting. Every fact of it can be
seen in its picture and is said in its sentences; voices, noise and the exact place
of things belong to the rendering. A sentence is thus a function of the scene, and
two scenes never share one.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

KINDS = (
    "star",
    "fish",
    "house",
    "tree",
    "heart",
    "flower",
    "cup",
    "boat",
    "bird",
    "ring",
    "cross",
    "crown",
    "box",
)
COLOURS = ("red", "green", "blue", "yellow", "purple", "brown", "black", "white")
SIZES = ("small", "big")
SUBJECT_NUMBERS = (1, 2, 3, 4)
LANDMARK_NUMBERS = (1, 2)

NIGHT = "night"
SETTINGS = (None, "grass", "water", "beach", "snow", NIGHT)

# How an action takes its second group: beside it at rest, as the goal or path of a
# motion, or as what it is done to.
RESTING = ("sleep", "shine", "dance")
MOVING = ("jump", "run")
TRANSITIVE = ("pull", "watch")
ACTIONS = RESTING + MOVING + TRANSITIVE

PLACES = ("above", "under", "left", "right")
PATHS = ("above", "under", "to")

SPLITS = ("train", "dev", "test")

# Shares of the forms a scene can take, in hundredths.
_ALONE, _RESTING, _MOVING = 10, 40, 25
_SPLIT_PARTS = 10  # one part is dev, one is test, the others are train


@dataclass(frozen=True)
class Group:
    """Some things of one kind.

    Attributes:
        kind: What they are, one of `KINDS`.
        colour: One of `COLOURS`.
        number: How many there are.
        size: One of `SIZES`; None is middle-sized, which no sentence mentions.
    """

    kind: str
    colour: str
    number: int
    size: str | None = None


@dataclass(frozen=True)
class Scene:
    """Who does what, where; see the module's docstring.

    Attributes:
        subject: Who acts.
        action: One of `ACTIONS`.
        landmark: The second group, or None. Its kind is never the subject's. It has a
            size where the action is transitive.
        relation: Where the subject is (`PLACES`, resting) or goes (`PATHS`, moving);
            None without a landmark and for a transitive action.
        setting: One of `SETTINGS`; the night is told in the past.
    """

    subject: Group
    action: str
    landmark: Group | None = None
    relation: str | None = None
    setting: str | None = None

    @property
    def is_past(self) -> bool:
        """Whether the sentence is in the past tense: the night is over."""
        return self.setting == NIGHT


def sample_scene(rng: random.Random) -> Scene:
    """One scene drawn from `rng`."""
    subject = Group(
        rng.choice(KINDS),
        rng.choice(COLOURS),
        rng.choice(SUBJECT_NUMBERS),
        rng.choice(SIZES),
    )
    setting = rng.choice(SETTINGS)
    form = rng.randrange(100)
    if form < _ALONE:
        return Scene(subject, rng.choice(RESTING + MOVING), setting=setting)
    kind = rng.choice([kind for kind in KINDS if kind != subject.kind])
    colour, number = rng.choice(COLOURS), rng.choice(LANDMARK_NUMBERS)
    if form < _ALONE + _RESTING + _MOVING:
        at_rest = form < _ALONE + _RESTING
        action = rng.choice(RESTING if at_rest else MOVING)
        relation = rng.choice(PLACES if at_rest else PATHS)
        return Scene(subject, action, Group(kind, colour, number), relation, setting)
    landmark = Group(kind, colour, number, rng.choice(SIZES))
    return Scene(subject, rng.choice(TRANSITIVE), landmark, setting=setting)


def count_scenes() -> int:
    """How many different scenes there are."""
    subjects = len(KINDS) * len(COLOURS) * len(SUBJECT_NUMBERS) * len(SIZES)
    landmarks = (len(KINDS) - 1) * len(COLOURS) * len(LANDMARK_NUMBERS)
    predicates = (
        len(RESTING + MOVING)
        + len(RESTING) * len(PLACES) * landmarks
        + len(MOVING) * len(PATHS) * landmarks
        + len(TRANSITIVE) * landmarks * len(SIZES)
    )
    return subjects * predicates * len(SETTINGS)


def split_of(scene: Scene) -> str:
    """The one split that may hold the scene, whatever the seed of the world."""
    digest = hashlib.blake2s(repr(scene).encode(), digest_size=8).digest()
    part = int.from_bytes(digest, "big") % _SPLIT_PARTS
    return {0: "dev", 1: "test"}.get(part, "train")


def scenes(split: str, seed: int = 0) -> Iterator[Scene]:
    """The scenes of a split, without end and without repetition.

    Scene i is a function of `seed`, `split` and i alone.

    Raises:
        ValueError: If there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(
            f"the miniature world has no split {split!r}; it has {', '.join(SPLITS)}"
        )
    return _distinct_scenes(split, seed)


def _distinct_scenes(split: str, seed: int) -> Iterator[Scene]:
    rng = random.Random(f"miniature world {seed} {split}")
    seen = set()
    while True:
        scene = sample_scene(rng)
        if split_of(scene) == split and scene not in seen:
            seen.add(scene)
            yield scene
