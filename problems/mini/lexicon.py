"""The words of the miniature world in English, German and French, with their forms.

Content words are keyed by the names that `scenes` gives to what they mean. What a
language inflects by rule (German adjective endings, French contractions) is in its
grammar; here stands what one must know of each word.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EnglishVerb:
    """Third person present, singular and plural, and the past."""

    singular: str
    plural: str
    past: str


@dataclass(frozen=True)
class GermanNoun:
    """Gender ("m", "f", "n"), nominative forms, and what the dative cannot derive."""

    gender: str
    singular: str
    plural: str
    dative_singular: str | None = None

    @property
    def dative_plural(self) -> str:
        """The plural with -n, unless it ends in -n or -s."""
        return self.plural if self.plural[-1] in "ns" else f"{self.plural}n"


@dataclass(frozen=True)
class GermanVerb:
    """Third person present, the participle, its auxiliary and a separable prefix."""

    singular: str
    plural: str
    participle: str
    auxiliary: str = "haben"
    prefix: str | None = None


@dataclass(frozen=True)
class FrenchNoun:
    """Gender ("m", "f") and both numbers."""

    gender: str
    singular: str
    plural: str


@dataclass(frozen=True)
class FrenchAdjective:
    """Forms by gender and number."""

    masculine: str
    feminine: str
    masculine_plural: str
    feminine_plural: str

    def form(self, gender: str, is_plural: bool) -> str:
        """The form that agrees with a noun of that gender and number."""
        if gender == "f":
            return self.feminine_plural if is_plural else self.feminine
        return self.masculine_plural if is_plural else self.masculine


@dataclass(frozen=True)
class FrenchVerb:
    """Third person present, singular and plural, and the participle (with avoir)."""

    singular: str
    plural: str
    participle: str


ENGLISH_NUMBERS = {2: "two", 3: "three", 4: "four"}
ENGLISH_PLURALS = {
    "star": "stars",
    "fish": "fish",
    "house": "houses",
    "tree": "trees",
    "heart": "hearts",
    "flower": "flowers",
    "cup": "cups",
    "boat": "boats",
    "bird": "birds",
    "ring": "rings",
    "cross": "crosses",
    "crown": "crowns",
    "box": "boxes",
}
ENGLISH_VERBS = {
    "sleep": EnglishVerb("sleeps", "sleep", "slept"),
    "shine": EnglishVerb("shines", "shine", "shone"),
    "dance": EnglishVerb("dances", "dance", "danced"),
    "jump": EnglishVerb("jumps", "jump", "jumped"),
    "run": EnglishVerb("runs", "run", "ran"),
    "pull": EnglishVerb("pulls", "pull", "pulled"),
    "watch": EnglishVerb("watches", "watch", "watched"),
}

GERMAN_NUMBERS = {2: "zwei", 3: "drei", 4: "vier"}
GERMAN_NOUNS = {
    "star": GermanNoun("m", "Stern", "Sterne"),
    "fish": GermanNoun("m", "Fisch", "Fische"),
    "house": GermanNoun("n", "Haus", "Häuser"),
    "tree": GermanNoun("m", "Baum", "Bäume"),
    "heart": GermanNoun("n", "Herz", "Herzen", dative_singular="Herzen"),
    "flower": GermanNoun("f", "Blume", "Blumen"),
    "cup": GermanNoun("f", "Tasse", "Tassen"),
    "boat": GermanNoun("n", "Boot", "Boote"),
    "bird": GermanNoun("m", "Vogel", "Vögel"),
    "ring": GermanNoun("m", "Ring", "Ringe"),
    "cross": GermanNoun("n", "Kreuz", "Kreuze"),
    "crown": GermanNoun("f", "Krone", "Kronen"),
    "box": GermanNoun("f", "Kiste", "Kisten"),
}
GERMAN_ADJECTIVES = {
    "red": "rot",
    "green": "grün",
    "blue": "blau",
    "yellow": "gelb",
    "purple": "violett",
    "brown": "braun",
    "black": "schwarz",
    "white": "weiß",
    "small": "klein",
    "big": "groß",
}
GERMAN_VERBS = {
    "sleep": GermanVerb("schläft", "schlafen", "geschlafen"),
    "shine": GermanVerb("leuchtet", "leuchten", "geleuchtet"),
    "dance": GermanVerb("tanzt", "tanzen", "getanzt"),
    "jump": GermanVerb("springt", "springen", "gesprungen", "sein"),
    "run": GermanVerb("läuft", "laufen", "gelaufen", "sein"),
    "pull": GermanVerb("zieht", "ziehen", "gezogen"),
    "watch": GermanVerb("sieht", "sehen", "angesehen", prefix="an"),
}

FRENCH_NUMBERS = {2: "deux", 3: "trois", 4: "quatre"}
FRENCH_NOUNS = {
    "star": FrenchNoun("f", "étoile", "étoiles"),
    "fish": FrenchNoun("m", "poisson", "poissons"),
    "house": FrenchNoun("f", "maison", "maisons"),
    "tree": FrenchNoun("m", "arbre", "arbres"),
    "heart": FrenchNoun("m", "cœur", "cœurs"),
    "flower": FrenchNoun("f", "fleur", "fleurs"),
    "cup": FrenchNoun("f", "tasse", "tasses"),
    "boat": FrenchNoun("m", "bateau", "bateaux"),
    "bird": FrenchNoun("m", "oiseau", "oiseaux"),
    "ring": FrenchNoun("m", "anneau", "anneaux"),
    "cross": FrenchNoun("f", "croix", "croix"),
    "crown": FrenchNoun("f", "couronne", "couronnes"),
    "box": FrenchNoun("f", "boîte", "boîtes"),
}
FRENCH_ADJECTIVES = {
    "red": FrenchAdjective("rouge", "rouge", "rouges", "rouges"),
    "green": FrenchAdjective("vert", "verte", "verts", "vertes"),
    "blue": FrenchAdjective("bleu", "bleue", "bleus", "bleues"),
    "yellow": FrenchAdjective("jaune", "jaune", "jaunes", "jaunes"),
    "purple": FrenchAdjective("violet", "violette", "violets", "violettes"),
    "brown": FrenchAdjective("brun", "brune", "bruns", "brunes"),
    "black": FrenchAdjective("noir", "noire", "noirs", "noires"),
    "white": FrenchAdjective("blanc", "blanche", "blancs", "blanches"),
    "small": FrenchAdjective("petit", "petite", "petits", "petites"),
    "big": FrenchAdjective("grand", "grande", "grands", "grandes"),
}
FRENCH_VERBS = {
    "sleep": FrenchVerb("dort", "dorment", "dormi"),
    "shine": FrenchVerb("brille", "brillent", "brillé"),
    "dance": FrenchVerb("danse", "dansent", "dansé"),
    "jump": FrenchVerb("saute", "sautent", "sauté"),
    "run": FrenchVerb("court", "courent", "couru"),
    "pull": FrenchVerb("tire", "tirent", "tiré"),
    "watch": FrenchVerb("regarde", "regardent", "regardé"),
}
