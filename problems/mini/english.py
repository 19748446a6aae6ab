"""English: the parse tree of a scene, and from it the sentence.

The tree comes first and the sentence is its words, so the two cannot differ. Labels
are those of the Penn Treebank, without function tags.
"""

from __future__ import annotations

from t2t_multimodel.data.trees import Node
from t2t_multimodel.problems.mini import lexicon
from t2t_multimodel.problems.mini.scenes import (
    MOVING,
    NIGHT,
    TRANSITIVE,
    Group,
    Scene,
)

_SETTINGS = {
    "grass": ("on", "grass"),
    "water": ("in", "water"),
    "beach": ("on", "beach"),
    "snow": ("in", "snow"),
}


def tree(scene: Scene) -> Node:
    """The parse tree of the scene's sentence, its first word with a capital."""
    setting = _setting(scene)
    # A place goes to the end, where it cannot be read as part of a relative clause.
    is_fronted = scene.is_past or scene.action in TRANSITIVE
    predicate = [_verb(scene), *_complement(scene)]
    if setting is not None and not is_fronted:
        predicate.append(setting)
    clause = [
        _noun_phrase(scene.subject, with_size=True),
        Node("VP", tuple(predicate)),
        _tag(".", "."),
    ]
    if setting is not None and is_fronted:
        clause[:0] = [setting, _tag(",", ",")]
    return _capitalised(Node("S", tuple(clause)))


def tokens(scene: Scene) -> tuple[str, ...]:
    """The sentence as the treebank splits it: words, commas and the full stop."""
    return tree(scene).words()


def sentence(scene: Scene) -> str:
    """The sentence as one writes it."""
    return " ".join(tokens(scene)).replace(" ,", ",").replace(" .", ".")


def spoken_words(scene: Scene) -> tuple[str, ...]:
    """The sentence's words in lower case, without punctuation."""
    return tuple(word.lower() for word in tokens(scene) if word.isalpha())


def _verb(scene: Scene) -> Node:
    verb = lexicon.ENGLISH_VERBS[scene.action]
    if scene.is_past:
        return _tag("VBD", verb.past)
    if scene.subject.number > 1:
        return _tag("VBP", verb.plural)
    return _tag("VBZ", verb.singular)


def _complement(scene: Scene) -> list[Node]:
    landmark, relation = scene.landmark, scene.relation
    if landmark is None:
        return []
    if relation is None:
        thing = _noun_phrase(landmark)
        return [Node("NP", (thing, _size_clause(landmark, scene.is_past)))]
    if relation in ("above", "under"):
        # At rest it is above some box; a motion goes over the box.
        is_motion = scene.action in MOVING
        preposition = "over" if is_motion and relation == "above" else relation
        thing = _noun_phrase(landmark, is_definite=is_motion)
        return [Node("PP", (_tag("IN", preposition), thing))]
    thing = _noun_phrase(landmark, is_definite=True)
    if relation == "to":
        return [Node("PP", (_tag("TO", "to"), thing))]
    side = Node("NP", (_tag("DT", "the"), _tag("NN", relation)))
    of_thing = Node("PP", (_tag("IN", "of"), thing))
    return [Node("PP", (_tag("TO", "to"), Node("NP", (side, of_thing))))]


def _size_clause(group: Group, is_past: bool) -> Node:
    is_plural = group.number > 1
    if is_past:
        verb = _tag("VBD", "were" if is_plural else "was")
    else:
        verb = _tag("VBP", "are") if is_plural else _tag("VBZ", "is")
    quality = Node("ADJP", (_tag("JJ", str(group.size)),))
    clause = Node("S", (Node("VP", (verb, quality)),))
    return Node("SBAR", (Node("WHNP", (_tag("WDT", "that"),)), clause))


def _noun_phrase(
    group: Group, is_definite: bool = False, with_size: bool = False
) -> Node:
    parts = []
    if is_definite:
        parts.append(_tag("DT", "the"))
    elif group.number == 1:
        parts.append(_tag("DT", "a"))  # no size or colour begins with a vowel
    if group.number > 1:
        parts.append(_tag("CD", lexicon.ENGLISH_NUMBERS[group.number]))
    if with_size:
        parts.append(_tag("JJ", str(group.size)))
    parts.append(_tag("JJ", group.colour))
    if group.number > 1:
        parts.append(_tag("NNS", lexicon.ENGLISH_PLURALS[group.kind]))
    else:
        parts.append(_tag("NN", group.kind))
    return Node("NP", tuple(parts))


def _setting(scene: Scene) -> Node | None:
    if scene.setting is None:
        return None
    if scene.setting == NIGHT:
        return Node("NP", (_tag("JJ", "last"), _tag("NN", "night")))
    preposition, noun = _SETTINGS[scene.setting]
    place = Node("NP", (_tag("DT", "the"), _tag("NN", noun)))
    return Node("PP", (_tag("IN", preposition), place))


def _capitalised(node: Node) -> Node:
    """The same tree, its first word with a capital."""
    if node.word is not None:
        return _tag(node.label, node.word.capitalize())
    first, *others = node.children
    return Node(node.label, (_capitalised(first), *others))


def _tag(label: str, word: str) -> Node:
    return Node(label, word=word)
