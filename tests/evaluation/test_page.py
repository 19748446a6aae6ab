"""The page of an evaluation: what is chosen, what is shown, and that it is safe."""

from __future__ import annotations

import html.parser
from typing import Any

import numpy as np
import pytest

from t2t_multimodel.data.features import Audio, ClassLabel, Image, Text, Tree
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.evaluation.chosen import choose
from t2t_multimodel.evaluation.page import marked, save_page
from t2t_multimodel.evaluation.score import ProblemScores, Sample, Score

ATTACK = '<script>alert("x")</script>\'&'


class Speech(Problem):
    inputs, targets = Audio(8000), Text()


class Photos(Problem):
    inputs, targets = Image(8, 8), ClassLabel(("cat", ATTACK))


class Parse(Problem):
    inputs, targets = Text(), Tree()


class Captions(Problem):
    inputs, targets = Image(8, 8), Text()


def result(
    metric: str, triples: list[tuple[str, Any, float]], inputs: Any = "in"
) -> ProblemScores:
    """Examples of (output, reference or references, log-probability)."""
    samples = tuple(
        Sample(
            place, inputs, (right,) if isinstance(right, str) else right, said, log_p
        )
        for place, (said, right, log_p) in enumerate(triples)
    )
    score = Score(metric, 50.0, metric.upper(), "%", "signed", (40.0, 60.0))
    return ProblemScores(metric, "dev", len(samples), 1.5, (score,), samples)


def places(chosen: Any) -> list[int]:
    return [one.sample.index for one in chosen]


def test_the_worst_come_first_and_right_ones_are_not_among_them() -> None:
    spoken = result(
        "wer",
        [("a b", "a b", -1.0), ("a x", "a b", -1.0), ("x y", "a b", -1.0)],
    )
    worst, drawn = choose(spoken)
    assert places(worst) == [2, 1]
    assert [one.score for one in worst] == [100.0, 50.0]
    assert places(drawn) == [0]


def test_of_equally_bad_ones_the_surest_come_first() -> None:
    classes = result(
        "top_1",
        [("cat", "dog", -3.0), ("cat", "dog", -0.1), ("dog", "dog", -9.0)],
    )
    assert places(choose(classes)[0]) == [1, 0]


def test_sentences_without_a_common_fourgram_are_told_apart() -> None:
    translated = result(
        "bleu", [("Zzz.", "Ein Fisch.", -1.0), ("Ein", "Ein Fisch.", -1)]
    )
    worst, _ = choose(translated)
    assert places(worst) == [0, 1]
    assert worst[0].metric == "chrF" and worst[0].score < worst[1].score


def test_the_draw_follows_the_seed_and_leaves_out_the_worst() -> None:
    many = result("top_1", [("cat", "dog", -1.0)] * 4 + [("cat", "cat", -1.0)] * 40)
    worst, drawn = choose(many, 3, 5, seed=1)
    assert len(worst) == 3 and len(drawn) == 5
    assert not set(places(worst)) & set(places(drawn))
    assert places(drawn) == sorted(places(drawn)) == places(choose(many, 3, 5, 1)[1])
    assert places(drawn) != places(choose(many, 3, 5, seed=2)[1])


def test_words_that_the_nearest_reference_lacks_are_marked() -> None:
    references = ["quite another thing", "a red fish & more"]
    assert marked("a blue fish & more", references) == (
        "a <mark>blue</mark> fish &amp; more"
    )
    assert marked("", references) == ""


class Reader(html.parser.HTMLParser):
    """What a browser would see: tags with attributes, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    picture = np.zeros((8, 8, 3), np.uint8)
    results = [
        result("wer", [(ATTACK, "a b", -1.0)], np.zeros(900, np.int16)),
        result("top_1", [(ATTACK, "cat", -1.0), ("cat", "cat", -0.5)], picture),
        result("bracketing_f1", [(ATTACK, "S NN /S", -1.0)], ATTACK),
        result("bleu_4", [(ATTACK, ("a cat", ATTACK + "2"), -1.0)], picture),
    ]
    problems = {
        one.problem: problem()
        for one, problem in zip(results, (Speech, Photos, Parse, Captions), strict=True)
    }
    path = tmp_path_factory.mktemp("page") / "index.html"
    save_page(path, f"Run {ATTACK}", {"decoding": ATTACK}, results, problems)
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    return reader


def test_what_data_and_model_say_stays_text(page: Reader) -> None:
    assert "script" not in {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, found in page.tags for name in found)
    # Title twice, the fact, and in each problem's card.
    assert page.text.count("alert(") >= 8


def test_the_page_needs_nothing_from_elsewhere(page: Reader) -> None:
    sources = [
        value
        for _, found in page.tags
        for name, value in found.items()
        if name in ("src", "href") and value
    ]
    assert {"img", "audio", "svg", "table"} <= {tag for tag, _ in page.tags}
    assert sources and all(s.startswith(("data:", "#")) for s in sources)
    assert not {"link", "iframe", "object"} & {tag for tag, _ in page.tags}


def test_scores_stand_with_interval_split_and_signature(page: Reader) -> None:
    for shown in ("WER", "50.00 %", "40.0 to 60.0", "dev split", "signed"):
        assert shown in page.text


def test_a_right_output_is_not_shown_twice(page: Reader) -> None:
    assert page.text.count("output, as the reference") == 1
    assert "2 references" in page.text
