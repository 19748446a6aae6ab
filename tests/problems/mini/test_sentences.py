"""Scenes are told in correct English, German and French, agreement and all."""

from __future__ import annotations

import itertools
import re

import pytest

from t2t_multimodel.data.trees import linearise, read_linear, write_brackets
from t2t_multimodel.problems.mini import english, french, german
from t2t_multimodel.problems.mini.pronunciation import pronounce
from t2t_multimodel.problems.mini.scenes import Group, Scene, scenes

SMALL_STAR = Group("star", "red", 1, "small")
TWO_FISH = Group("fish", "green", 2, "big")
FOUR_FLOWERS = Group("flower", "blue", 4, "small")

# Scene, English, German, French. Between them every gender in every case, singular and
# plural, each kind of complement, each setting and both tenses.
TOLD = [
    (
        Scene(SMALL_STAR, "sleep"),
        "A small red star sleeps.",
        "Ein kleiner roter Stern schläft.",
        "Une petite étoile rouge dort.",
    ),
    (
        Scene(TWO_FISH, "run", setting="snow"),
        "Two big green fish run in the snow.",
        "Im Schnee laufen zwei große grüne Fische.",
        "Dans la neige, deux grands poissons verts courent.",
    ),
    (
        Scene(TWO_FISH, "dance", Group("tree", "black", 1), "above", "grass"),
        "Two big green fish dance above a black tree on the grass.",
        "Auf der Wiese tanzen zwei große grüne Fische über einem schwarzen Baum.",
        "Dans l'herbe, deux grands poissons verts dansent au-dessus d'un arbre noir.",
    ),
    (
        Scene(SMALL_STAR, "sleep", Group("cup", "white", 1), "under", "beach"),
        "A small red star sleeps under a white cup on the beach.",
        "Am Strand schläft ein kleiner roter Stern unter einer weißen Tasse.",
        "Sur la plage, une petite étoile rouge dort sous une tasse blanche.",
    ),
    (
        Scene(SMALL_STAR, "shine", Group("bird", "brown", 2), "above"),
        "A small red star shines above two brown birds.",
        "Ein kleiner roter Stern leuchtet über zwei braunen Vögeln.",
        "Une petite étoile rouge brille au-dessus de deux oiseaux bruns.",
    ),
    (
        Scene(FOUR_FLOWERS, "dance", Group("heart", "yellow", 1), "left", "water"),
        "Four small blue flowers dance to the left of the yellow heart in the water.",
        "Im Wasser tanzen vier kleine blaue Blumen links vom gelben Herzen.",
        "Dans l'eau, quatre petites fleurs bleues dansent à gauche du cœur jaune.",
    ),
    (
        Scene(FOUR_FLOWERS, "sleep", Group("crown", "purple", 1), "right"),
        "Four small blue flowers sleep to the right of the purple crown.",
        "Vier kleine blaue Blumen schlafen rechts von der violetten Krone.",
        "Quatre petites fleurs bleues dorment à droite de la couronne violette.",
    ),
    (
        Scene(FOUR_FLOWERS, "sleep", Group("cross", "white", 2), "right"),
        "Four small blue flowers sleep to the right of the two white crosses.",
        "Vier kleine blaue Blumen schlafen rechts von den zwei weißen Kreuzen.",
        "Quatre petites fleurs bleues dorment à droite des deux croix blanches.",
    ),
    (
        Scene(SMALL_STAR, "jump", Group("ring", "white", 1), "above"),
        "A small red star jumps over the white ring.",
        "Ein kleiner roter Stern springt über den weißen Ring.",
        "Une petite étoile rouge saute par-dessus l'anneau blanc.",
    ),
    (
        Scene(SMALL_STAR, "jump", Group("house", "white", 2), "under"),
        "A small red star jumps under the two white houses.",
        "Ein kleiner roter Stern springt unter die zwei weißen Häuser.",
        "Une petite étoile rouge saute sous les deux maisons blanches.",
    ),
    (
        Scene(TWO_FISH, "run", Group("boat", "brown", 1), "above", "night"),
        "Last night, two big green fish ran over the brown boat.",
        "Letzte Nacht sind zwei große grüne Fische über das braune Boot gelaufen.",
        "La nuit dernière, deux grands poissons verts ont couru par-dessus le bateau "
        "brun.",
    ),
    (
        Scene(SMALL_STAR, "run", Group("box", "black", 1), "to"),
        "A small red star runs to the black box.",
        "Ein kleiner roter Stern läuft zur schwarzen Kiste.",
        "Une petite étoile rouge court jusqu'à la boîte noire.",
    ),
    (
        Scene(SMALL_STAR, "run", Group("bird", "black", 1), "to"),
        "A small red star runs to the black bird.",
        "Ein kleiner roter Stern läuft zum schwarzen Vogel.",
        "Une petite étoile rouge court jusqu'à l'oiseau noir.",
    ),
    (
        Scene(SMALL_STAR, "run", Group("fish", "blue", 2), "to"),
        "A small red star runs to the two blue fish.",
        "Ein kleiner roter Stern läuft zu den zwei blauen Fischen.",
        "Une petite étoile rouge court jusqu'aux deux poissons bleus.",
    ),
    (
        Scene(SMALL_STAR, "run", Group("boat", "blue", 1), "to"),
        "A small red star runs to the blue boat.",
        "Ein kleiner roter Stern läuft zum blauen Boot.",
        "Une petite étoile rouge court jusqu'au bateau bleu.",
    ),
    (
        Scene(SMALL_STAR, "watch", Group("cross", "purple", 1, "big")),
        "A small red star watches a purple cross that is big.",
        "Ein kleiner roter Stern sieht ein violettes Kreuz an, das groß ist.",
        "Une petite étoile rouge regarde une croix violette qui est grande.",
    ),
    (
        Scene(
            Group("house", "white", 1, "big"),
            "watch",
            Group("fish", "brown", 1, "small"),
            setting="night",
        ),
        "Last night, a big white house watched a brown fish that was small.",
        "Letzte Nacht hat ein großes weißes Haus einen braunen Fisch angesehen, der "
        "klein war.",
        "La nuit dernière, une grande maison blanche a regardé un poisson brun qui "
        "était petit.",
    ),
    (
        Scene(
            Group("cup", "yellow", 1, "big"),
            "pull",
            Group("tree", "white", 2, "small"),
            setting="snow",
        ),
        "In the snow, a big yellow cup pulls two white trees that are small.",
        "Im Schnee zieht eine große gelbe Tasse zwei weiße Bäume, die klein sind.",
        "Dans la neige, une grande tasse jaune tire deux arbres blancs qui sont "
        "petits.",
    ),
]


@pytest.mark.parametrize("told", TOLD, ids=lambda told: told[1])
def test_the_scene_is_told_correctly(told: tuple[Scene, str, str, str]) -> None:
    scene, *sentences = told
    spoken = [language.sentence(scene) for language in (english, german, french)]
    assert spoken == sentences


def test_the_tree_has_the_labels_of_the_treebank() -> None:
    scene = Scene(TWO_FISH, "watch", Group("box", "red", 1, "big"), setting="night")
    assert write_brackets(english.tree(scene)) == (
        "(S (NP (JJ Last) (NN night)) (, ,) "
        "(NP (CD two) (JJ big) (JJ green) (NNS fish)) "
        "(VP (VBD watched) (NP (NP (DT a) (JJ red) (NN box)) "
        "(SBAR (WHNP (WDT that)) (S (VP (VBD was) (ADJP (JJ big))))))) (. .))"
    )
    scene = Scene(SMALL_STAR, "sleep", Group("cup", "white", 1), "left", "snow")
    assert write_brackets(english.tree(scene)) == (
        "(S (NP (DT A) (JJ small) (JJ red) (NN star)) (VP (VBZ sleeps) "
        "(PP (TO to) (NP (NP (DT the) (NN left)) "
        "(PP (IN of) (NP (DT the) (JJ white) (NN cup))))) "
        "(PP (IN in) (NP (DT the) (NN snow)))) (. .))"
    )


def test_the_tree_and_the_sentence_have_the_same_words() -> None:
    for scene in itertools.islice(scenes("train"), 300):
        tree, tokens = english.tree(scene), english.tokens(scene)
        assert read_linear(linearise(tree), tokens) == tree
        glued = "".join(tokens)
        assert glued == english.sentence(scene).replace(" ", "")


def test_every_spoken_word_can_be_pronounced() -> None:
    for scene in itertools.islice(scenes("train"), 2000):
        for phones in pronounce(english.spoken_words(scene)):
            assert sum(phone[-1].isdigit() for phone in phones) >= 1, phones


def test_spoken_words_have_neither_capitals_nor_punctuation() -> None:
    for scene in itertools.islice(scenes("train"), 300):
        spoken = " ".join(english.spoken_words(scene))
        assert spoken == re.sub("[,.]", "", english.sentence(scene)).lower()


def test_there_are_several_hundred_word_forms() -> None:
    forms = {
        word
        for scene in itertools.islice(scenes("train"), 6000)
        for language in (english, german, french)
        for word in re.findall(r"[\w'-]+", language.sentence(scene).lower())
    }
    assert len(forms) >= 300


def test_sentences_have_four_to_sixteen_words() -> None:
    lengths = [
        len(english.spoken_words(scene))
        for scene in itertools.islice(scenes("train"), 2000)
    ]
    assert min(lengths) >= 4
    assert max(lengths) <= 16
