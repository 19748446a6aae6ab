"""t2t-decoder --score_file: what the model thinks of given pairs."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from t2t_multimodel.bin import t2t_decoder
from t2t_multimodel.data.vocabulary import EOS
from t2t_multimodel.problems.mini.scenes import KINDS

SENTENCES = ["A red fish jumps.", "Two birds.", "The big blue star sees a small cat."]
pytestmark = pytest.mark.usefixtures("all_op_by_op")


@pytest.fixture(scope="module")
def run(run_folder: Path) -> Any:
    from t2t_multimodel.training.restore import load_run

    run = load_run(run_folder / "run")
    # A model of one step hardly ever ends; this one does.
    (bias,) = (w for w in run.model.weights if w.shape == (run.vocabulary.size,))
    bias.assign(4.0 * np.eye(run.vocabulary.size)[EOS])
    return run


class Recorder:
    """A vocabulary that remembers which tokens it made which text of."""

    def __init__(self, vocabulary: Any) -> None:
        self._vocabulary = vocabulary
        self.ids: dict[str, list[int]] = {}

    def decode(self, ids: list[int]) -> str:
        text: str = self._vocabulary.decode(ids)
        self.ids[text] = ids
        return text

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vocabulary, name)


def test_an_output_is_scored_as_the_decoder_scored_it(run: Any) -> None:
    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.decoding.pair_scores import score_pairs
    from t2t_multimodel.decoding.raw_inputs import decode_items
    from t2t_multimodel.decoding.reading import Item

    recorder = Recorder(run.vocabulary)
    # A beam ranks what ends before what is cut.
    answers = decode_items(
        dataclasses.replace(run, vocabulary=recorder),
        [Item(text, text) for text in SENTENCES],
        ["translate_ende_mini"],
        config=DecodeConfig(beam_size=8, nbest=8, max_length=4),
    )
    pairs, expected = [], []
    for answer in answers:
        assert answer.output is not None
        for one in answer.output.hypotheses:
            # What spells its text as the vocabulary would, and ends.
            tokens = [*run.vocabulary.encode(one.text), EOS]
            if recorder.ids[one.text][: len(tokens)] == tokens:
                pairs.append(Item(answer.job.item.value, targets=one.text))
                expected.append((one.log_probability, len(tokens)))
    assert len(pairs) >= len(SENTENCES)
    assert any(pair.targets == "" for pair in pairs)
    assert any(pair.targets for pair in pairs)
    for batch_cost in (1, 2048):
        scores = score_pairs(run, pairs, ["translate_ende_mini"], batch_cost=batch_cost)
        found = [(score.log_probability, score.num_tokens) for score in scores]
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        assert scores[0].per_token == pytest.approx(expected[0][0] / expected[0][1])


def call(*arguments: str) -> None:
    """The program's work in this process."""
    t2t_decoder.FLAGS.unparse_flags()
    for name in t2t_decoder.FLAGS:
        t2t_decoder.FLAGS[name].unparse()
    t2t_decoder.main(t2t_decoder.FLAGS(["t2t-decoder", *arguments])[1:])


def test_pairs_of_a_file_are_scored_in_its_order(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = f"--output_dir={run_folder / 'run'}"
    table, target = tmp_path / "pairs.tsv", tmp_path / "out.jsonl"
    table.write_text("".join(f"{s}\tEin Fisch {s}\n" for s in SENTENCES))
    call(flag, "--problem=translate_ende_mini", f"--score_file={table}")
    header, *lines = capsys.readouterr().out.strip().split("\n")
    assert header.split("\t") == [
        "teacher_forced/log_probability",
        "teacher_forced/log_probability_per_token",
        "teacher_forced/tokens",
    ]
    rows = [[float(cell) for cell in line.split("\t")] for line in lines]
    assert len(rows) == len(SENTENCES)
    for total, per_token, tokens in rows:
        assert total < 0
        assert total == pytest.approx(per_token * tokens, rel=1e-4)
    table.write_text(table.read_text() + "no targets\n")
    call(
        flag,
        "--problem=translate_ende_mini",
        f"--score_file={table}",
        "--output_format=jsonl",
        "--on_error=skip",
        f"--decode_to_file={target}",
    )
    *found, skipped = [
        json.loads(line) for line in target.read_text("utf-8").strip().split("\n")
    ]
    assert skipped["teacher_forced/log_probability"] is None
    assert "line 4: targets: there are none" in skipped["error"]
    for record, (total, _, _) in zip(found, rows, strict=True):
        assert record["teacher_forced/log_probability"] == pytest.approx(
            total, rel=1e-4
        )
        parts = record["teacher_forced/token_log_probabilities"]
        assert math.fsum(parts) == pytest.approx(total, rel=1e-4)
    with pytest.raises(
        ValueError, match=r"pairs\.tsv, line 4: targets: there are none"
    ):
        call(flag, "--problem=translate_ende_mini", f"--score_file={table}")


def test_the_scores_of_all_classes_are_the_decoder_s_probabilities(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = f"--output_dir={run_folder / 'run'}"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    count = len(KINDS)
    picture = str(tmp_path / "a.png")
    call(
        flag,
        "--problem=image_mini",
        picture,
        f"--top_k={count}",
        "--output_format=jsonl",
    )
    (answer,) = [
        json.loads(line) for line in capsys.readouterr().out.strip().split("\n")
    ]
    probabilities = {c["name"]: c["probability"] for c in answer["classes"]}
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(
        "".join(
            json.dumps({"inputs": "a.png", "targets": kind}) + "\n" for kind in KINDS
        )
    )
    call(flag, "--problem=image_mini", f"--score_file={pairs}")
    _, *lines = capsys.readouterr().out.strip().split("\n")
    scored = [math.exp(float(line.split("\t")[0])) for line in lines]
    assert scored == pytest.approx([probabilities[kind] for kind in KINDS], rel=1e-4)
    assert math.fsum(scored) == pytest.approx(1.0, rel=1e-4)
    # What the decoder wrote is a pair by itself.
    pairs.write_text(json.dumps(answer) + "\n")
    call(flag, "--problem=image_mini", f"--score_file={pairs}")
    line = capsys.readouterr().out.strip().split("\n")[1]
    assert math.exp(float(line.split("\t")[0])) == pytest.approx(max(scored), rel=1e-4)
