"""French: the sentence of a scene.

Size stands before the noun, colour after it, and both agree with it in gender and
number. The setting opens the sentence. `_written` then makes of the plain words what
French writes: le, la, de and jusque lose their vowel before another one, and a
preposition and its article become one word.
"""

from __future__ import annotations

from t2t_multimodel.problems.mini import lexicon
from t2t_multimodel.problems.mini.scenes import MOVING, Group, Scene

_SETTINGS = {
    "grass": ("dans", "l'herbe"),
    "water": ("dans", "l'eau"),
    "beach": ("sur", "la", "plage"),
    "snow": ("dans", "la", "neige"),
    "night": ("la", "nuit", "dernière"),
}
_AT_REST = {"above": ("au-dessus", "de"), "under": ("sous",)}
_IN_MOTION = {"above": ("par-dessus",), "under": ("sous",)}
_SIDES = {
    "left": ("à", "gauche", "de"),
    "right": ("à", "droite", "de"),
    "to": ("jusque", "à"),
}
_ARTICLES = {"m": ("un", "le"), "f": ("une", "la")}
_CONTRACTIONS = {
    ("de", "le"): "du",
    ("de", "les"): "des",
    ("à", "le"): "au",
    ("à", "les"): "aux",
}
_ELIDED = {"le": "l'", "la": "l'", "de": "d'", "jusque": "jusqu'"}
_VOWELS = tuple("aàeéiouœ")


def sentence(scene: Scene) -> str:
    """The French sentence of the scene."""
    words = [*_noun_phrase(scene.subject, with_size=True), *_verb(scene)]
    words += _complement(scene)
    if scene.landmark is not None and scene.landmark.size is not None:
        words += _size_clause(scene.landmark, scene.is_past)
    text = " ".join(_written(words))
    if scene.setting is not None:
        text = f"{' '.join(_SETTINGS[scene.setting])}, {text}"
    return f"{text[0].upper()}{text[1:]}."


def _verb(scene: Scene) -> list[str]:
    verb = lexicon.FRENCH_VERBS[scene.action]
    is_plural = scene.subject.number > 1
    if scene.is_past:
        return ["ont" if is_plural else "a", verb.participle]
    return [verb.plural if is_plural else verb.singular]


def _complement(scene: Scene) -> list[str]:
    landmark, relation = scene.landmark, scene.relation
    if landmark is None:
        return []
    if relation is None:
        return _noun_phrase(landmark)
    if relation in _SIDES:
        return [*_SIDES[relation], *_noun_phrase(landmark, is_definite=True)]
    if scene.action in MOVING:
        return [*_IN_MOTION[relation], *_noun_phrase(landmark, is_definite=True)]
    return [*_AT_REST[relation], *_noun_phrase(landmark)]


def _size_clause(group: Group, is_past: bool) -> list[str]:
    is_plural = group.number > 1
    copula = ("était", "étaient") if is_past else ("est", "sont")
    gender = lexicon.FRENCH_NOUNS[group.kind].gender
    quality = lexicon.FRENCH_ADJECTIVES[str(group.size)]
    return ["qui", copula[is_plural], quality.form(gender, is_plural)]


def _noun_phrase(
    group: Group, is_definite: bool = False, with_size: bool = False
) -> list[str]:
    noun = lexicon.FRENCH_NOUNS[group.kind]
    is_plural = group.number > 1
    words = []
    if is_plural:
        words += ["les"] if is_definite else []
        words.append(lexicon.FRENCH_NUMBERS[group.number])
    else:
        words.append(_ARTICLES[noun.gender][is_definite])
    if with_size:
        size = lexicon.FRENCH_ADJECTIVES[str(group.size)]
        words.append(size.form(noun.gender, is_plural))
    words.append(noun.plural if is_plural else noun.singular)
    colour = lexicon.FRENCH_ADJECTIVES[group.colour]
    words.append(colour.form(noun.gender, is_plural))
    return words


def _written(words: list[str]) -> list[str]:
    """The words with elision and contraction.

    Each looks at the next word as written, so the words are taken from the last to
    the first: jusque à le bateau, jusque au bateau, jusqu'au bateau.
    """
    found: list[str] = []
    for word in reversed(words):
        follower = found[0] if found else ""
        if word in _ELIDED and follower.startswith(_VOWELS):
            found[0] = f"{_ELIDED[word]}{follower}"
        elif (word, follower) in _CONTRACTIONS:
            found[0] = _CONTRACTIONS[word, follower]
        else:
            found.insert(0, word)
    return found
