"""Photos from raw corpus to scores: the corpus's classes, captions as references.

One small run knows both problems; what it says is nonsense, how it is told is not.
"""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import generate
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.raw_inputs import decode_inputs
from t2t_multimodel.decoding.rendering import render_output
from t2t_multimodel.evaluation.evaluate import evaluate
from t2t_multimodel.evaluation.report import save_report
from t2t_multimodel.evaluation.score import ProblemScores
from t2t_multimodel.testing.small_model import CONFIG
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.restore import Run, load_run
from t2t_multimodel.training.run import train

PROBLEMS = ("image_imagenet", "caption_coco")
CLASSES = {"n01440764": "tench, Tinca tinca", "n02102040": "English springer"}
NUM_PHOTOS, NUM_CAPTIONS = 4, 5
# Captions that are quickly found; what is tested here does not hang on the search.
SHORT = DecodeConfig(max_length=4)


def photo(number: int) -> bytes:
    pixels = np.full((20, 30, 3), 10 * number, np.uint8)
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_imagenet(folder: Path, synsets: tuple[str, ...]) -> None:
    for split in ("train", "val"):
        for number, synset in enumerate(synsets * 2):
            _write(folder / f"{split}/{synset}/{number}.JPEG", photo(number))
    names = "".join(f"{synset} {name}\n" for synset, name in CLASSES.items())
    _write(folder / "LOC_synset_mapping.txt", names.encode())


def write_coco(folder: Path) -> None:
    for part in ("train", "val"):
        numbers = range(1, NUM_PHOTOS + 1)
        names = {number: f"{number:012}.jpg" for number in numbers}
        for number, name in names.items():
            _write(folder / f"{part}2017/{name}", photo(number))
        captions = {
            "images": [{"id": n, "file_name": name} for n, name in names.items()],
            "annotations": [
                {"id": 10 * n + turn, "image_id": n, "caption": f"photo {n} {turn}"}
                for n in numbers
                for turn in range(NUM_CAPTIONS)
            ],
        }
        path = folder / f"annotations/captions_{part}2017.json"
        _write(path, json.dumps(captions).encode())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, op_by_op: Any) -> Path:
    """Sources, data and a run of two steps."""
    folder = tmp_path_factory.mktemp("photos")
    write_imagenet(folder / "source/image_imagenet", tuple(CLASSES))
    write_coco(folder / "source/caption_coco")
    problems = [registry.problem(name, size=32) for name in PROBLEMS]
    generate(problems, folder / "data", folder / "source")
    model = dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1)
    training = TrainingConfig(train_steps=2, max_length=40, mixture="uniform")
    with op_by_op():
        train(HParams(model, training), PROBLEMS, folder / "data", folder / "run")
    return folder


@pytest.fixture(scope="module")
def run(root: Path) -> Run:
    return load_run(root / "run")


@pytest.fixture(scope="module")
def results(run: Run, op_by_op: Any) -> list[ProblemScores]:
    with op_by_op():
        return evaluate(run, decode_config=SHORT)


def test_dev_is_scored_where_there_is_no_test(results: list[ProblemScores]) -> None:
    image, caption = results
    assert (image.split, image.num_examples) == ("dev", 4)
    assert (caption.split, caption.num_examples) == ("test", NUM_PHOTOS // 2)


def test_classes_bear_the_names_of_the_corpus(results: list[ProblemScores]) -> None:
    image = results[0]
    assert [s.reference for s in image.samples] == [
        name for name in CLASSES.values() for _ in range(2)
    ]
    assert {sample.output for sample in image.samples} <= set(CLASSES.values())


def test_all_captions_are_references(
    results: list[ProblemScores], run: Run, tmp_path: Path
) -> None:
    caption = results[1]
    expected = tuple(f"photo 2 {turn}" for turn in range(NUM_CAPTIONS))
    assert caption.samples[0].references == expected
    detail = next(score.detail for score in caption.scores if score.name == "bleu_4")
    assert f"nrefs:{NUM_CAPTIONS}" in detail
    assert caption.value("teacher_forced/log_perplexity") > 0
    folder = save_report(tmp_path, run, results)
    lines = (folder / "samples" / "caption_coco.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[0])["references"] == list(expected)


def test_a_run_decodes_photos_without_the_data_it_was_trained_on(
    root: Path, tmp_path: Path, op_by_op: Any
) -> None:
    shutil.copytree(root / "run", tmp_path / "run")
    alone = dataclasses.replace(load_run(tmp_path / "run"), data_dir=tmp_path / "none")
    path = tmp_path / "photo"
    path.write_bytes(photo(7))
    problem = alone.problem("image_imagenet")
    assert problem.inputs.modality_options()["height"] == 32
    with op_by_op():
        (output,) = decode_inputs(alone, problem, [path])
        caption = alone.problem("caption_coco")
        (said,) = decode_inputs(alone, caption, [path], config=SHORT)
    lines = render_output(problem, path, output, top_k=2).split("\t")
    assert {line.rsplit(" ", 1)[0] for line in lines} == set(CLASSES.values())
    assert isinstance(render_output(problem, path, said), str)


def test_data_of_other_classes_are_refused(
    root: Path, run: Run, tmp_path: Path
) -> None:
    write_imagenet(tmp_path / "source", ("n02102040", "n03000684"))
    problem = registry.problem("image_imagenet", size=32)
    generate([problem], tmp_path / "data", tmp_path / "source")
    with pytest.raises(ValueError, match="its option classes is not the one"):
        evaluate(run, ["image_imagenet"], data_dir=tmp_path / "data")
    training = run.hparams.replace(train_steps=3)
    shutil.copytree(root / "data", tmp_path / "both")
    for file in (tmp_path / "data").glob("image_imagenet*"):
        shutil.copy(file, tmp_path / "both" / file.name)
    manifest = tmp_path / "both" / "image_imagenet.manifest.json"
    told = json.loads(manifest.read_text())
    old = json.loads((root / "data" / manifest.name).read_text())
    manifest.write_text(json.dumps({**told, "vocabulary": old["vocabulary"]}))
    shutil.copytree(root / "run", tmp_path / "run")
    with pytest.raises(ValueError, match=r"holds a run with image_imagenet with \{"):
        train(training, PROBLEMS, tmp_path / "both", tmp_path / "run")
