"""A run over every modality: made by the library, trained for four steps, scored."""

from __future__ import annotations

import dataclasses
import html.parser
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.decoding.config import DecodeConfig

NAMES = ("speech_mini", "image_mini", "caption_mini", "parse_mini")
# Quickly done; what is tested here does not hang on the search.
SHORT = DecodeConfig(max_length=4)
VOID = {"meta", "img", "br", "wbr"}


class Reader(html.parser.HTMLParser):
    """What a browser would see; a tag that is not closed in its place is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def read() -> type[Reader]:
    return Reader


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory, op_by_op: Any) -> Path:
    from t2t_multimodel.evaluation.evaluate import evaluate
    from t2t_multimodel.evaluation.saved import save_scores
    from t2t_multimodel.testing.small_model import CONFIG
    from t2t_multimodel.training.config import HParams, TrainingConfig
    from t2t_multimodel.training.restore import load_run
    from t2t_multimodel.training.run import train

    root = tmp_path_factory.mktemp("report")
    problems = [registry.problem(name) for name in NAMES]
    generate(problems, root / "data", options=Options(max_examples=6))
    model = dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1)
    training = TrainingConfig(
        train_steps=4,
        log_steps=2,
        eval_steps=2,
        eval_batches=1,
        max_length=40,
        batch_cost_text=64,
        batch_cost_audio=400,
        batch_cost_image=64,
    )
    hparams = HParams(model, training, "multimodel_tiny")
    command = ("/home/alice/env/bin/t2t-trainer", "--data_dir=/home/alice/my data")
    with op_by_op():
        train(hparams, NAMES, root / "data", root / "run", command_line=command)
        run = load_run(root / "run")
        found = evaluate(run, max_examples=3, decode_config=SHORT)
    save_scores(root / "run", run.step, found)
    return root


@pytest.fixture
def made(_made: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt, of a run's folder, over the data beside the first."""
    shutil.copytree(_made / "run", tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def data_dir(_made: Path) -> Path:
    return _made / "data"


@pytest.fixture
def edit() -> Callable[[Path, str, str], None]:
    """Replaces a text in a file, which must be there."""

    def replace(path: Path, old: str, new: str) -> None:
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return replace
