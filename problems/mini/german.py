"""German: the sentence of a scene.

The finite verb stands second, after the setting where there is one and else after the
subject; prefix and participle close the clause, and a relative clause follows them
with its verb last. Articles and adjectives agree with the noun in gender, number and
case, and the adjective's ending depends on the article before it. What rests is above a
thing in the dative, what moves goes over it in the accusative.
"""

from __future__ import annotations

import itertools

from t2t_multimodel.problems.mini import lexicon
from t2t_multimodel.problems.mini.scenes import MOVING, Group, Scene

_SETTINGS = {
    "grass": ("auf", "der", "Wiese"),
    "water": ("im", "Wasser"),
    "beach": ("am", "Strand"),
    "snow": ("im", "Schnee"),
    "night": ("letzte", "Nacht"),
}
_PREPOSITIONS = {"above": ("über",), "under": ("unter",)}
_SIDES = {"left": ("links", "von"), "right": ("rechts", "von"), "to": ("zu",)}
_CONTRACTIONS = {
    ("von", "dem"): "vom",
    ("zu", "dem"): "zum",
    ("zu", "der"): "zur",
}
_AUXILIARIES = {"haben": ("hat", "haben"), "sein": ("ist", "sind")}

# Articles and endings by case; m, f, n of the singular, then the plural.
_DEFINITE = {
    "nominative": {"m": "der", "f": "die", "n": "das", "plural": "die"},
    "accusative": {"m": "den", "f": "die", "n": "das", "plural": "die"},
    "dative": {"m": "dem", "f": "der", "n": "dem", "plural": "den"},
}
_INDEFINITE = {
    "nominative": {"m": "ein", "f": "eine", "n": "ein"},
    "accusative": {"m": "einen", "f": "eine", "n": "ein"},
    "dative": {"m": "einem", "f": "einer", "n": "einem"},
}
_ENDINGS_AFTER_DEFINITE = {
    "nominative": {"m": "e", "f": "e", "n": "e", "plural": "en"},
    "accusative": {"m": "en", "f": "e", "n": "e", "plural": "en"},
    "dative": {"m": "en", "f": "en", "n": "en", "plural": "en"},
}
_ENDINGS_AFTER_INDEFINITE = {  # in the plural no article stands before them
    "nominative": {"m": "er", "f": "e", "n": "es", "plural": "e"},
    "accusative": {"m": "en", "f": "e", "n": "es", "plural": "e"},
    "dative": {"m": "en", "f": "en", "n": "en", "plural": "en"},
}


def sentence(scene: Scene) -> str:
    """The German sentence of the scene."""
    subject = _noun_phrase(scene.subject, "nominative", with_size=True)
    finite, last = _verb(scene)
    rest = [*_complement(scene), *last]
    if scene.setting is None:
        words = [*subject, finite, *rest]
    else:
        words = [*_SETTINGS[scene.setting], finite, *subject, *rest]
    if scene.landmark is not None and scene.landmark.size is not None:
        words[-1] += ","
        words += _size_clause(scene.landmark, scene.is_past)
    text = " ".join(words)
    return f"{text[0].upper()}{text[1:]}."


def _verb(scene: Scene) -> tuple[str, list[str]]:
    """The finite verb, and what of the verb closes the clause."""
    verb = lexicon.GERMAN_VERBS[scene.action]
    is_plural = scene.subject.number > 1
    if scene.is_past:
        return _AUXILIARIES[verb.auxiliary][is_plural], [verb.participle]
    finite = verb.plural if is_plural else verb.singular
    return finite, [] if verb.prefix is None else [verb.prefix]


def _complement(scene: Scene) -> list[str]:
    landmark, relation = scene.landmark, scene.relation
    if landmark is None:
        return []
    if relation is None:
        return _noun_phrase(landmark, "accusative")
    if relation in _SIDES:
        thing = _noun_phrase(landmark, "dative", is_definite=True)
        return _contracted([*_SIDES[relation], *thing])
    if scene.action in MOVING:
        thing = _noun_phrase(landmark, "accusative", is_definite=True)
    else:
        thing = _noun_phrase(landmark, "dative")
    return [*_PREPOSITIONS[relation], *thing]


def _size_clause(group: Group, is_past: bool) -> list[str]:
    is_plural = group.number > 1
    number = "plural" if is_plural else lexicon.GERMAN_NOUNS[group.kind].gender
    copula = ("war", "waren") if is_past else ("ist", "sind")
    quality = lexicon.GERMAN_ADJECTIVES[str(group.size)]
    return [_DEFINITE["nominative"][number], quality, copula[is_plural]]


def _noun_phrase(
    group: Group, case: str, is_definite: bool = False, with_size: bool = False
) -> list[str]:
    noun = lexicon.GERMAN_NOUNS[group.kind]
    is_plural = group.number > 1
    number = "plural" if is_plural else noun.gender
    words = []
    if is_definite:
        words.append(_DEFINITE[case][number])
        ending = _ENDINGS_AFTER_DEFINITE[case][number]
    else:
        ending = _ENDINGS_AFTER_INDEFINITE[case][number]
        if not is_plural:
            words.append(_INDEFINITE[case][number])
    if is_plural:
        words.append(lexicon.GERMAN_NUMBERS[group.number])
    qualities = [str(group.size)] if with_size else []
    for quality in [*qualities, group.colour]:
        words.append(f"{lexicon.GERMAN_ADJECTIVES[quality]}{ending}")
    if is_plural:
        words.append(noun.dative_plural if case == "dative" else noun.plural)
    else:
        dative = noun.dative_singular or noun.singular
        words.append(dative if case == "dative" else noun.singular)
    return words


def _contracted(words: list[str]) -> list[str]:
    """The words, a preposition and its article drawn into one where German does."""
    for place, pair in enumerate(itertools.pairwise(words)):
        if pair in _CONTRACTIONS:
            return [*words[:place], _CONTRACTIONS[pair], *words[place + 2 :]]
    return words
