"""Own data without Python: from one command to a run that knows the problem's name."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from t2t_multimodel import registry
from t2t_multimodel.bin import program, t2t_datagen, t2t_decoder, t2t_trainer
from t2t_multimodel.data.manifest import Manifest
from t2t_multimodel.testing.corpus_files import fill
from t2t_multimodel.testing.small_model import CONFIG
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.run import train

CLASSES = ("cat", "dog")


def call(module: object, *arguments: str) -> int:
    """Runs a program in this process; its exit status."""
    flags = module.FLAGS  # type: ignore[attr-defined]
    flags.unparse_flags()
    for name in flags:
        flags[name].unparse()
    with pytest.raises(SystemExit) as ended:
        program.run(module.main, flags, ["program", *arguments])  # type: ignore[attr-defined]
    assert isinstance(ended.value.code, int)
    return ended.value.code


def forget() -> None:
    """As in a process of its own: nothing is known of the user's problems."""
    registry._problems._factories.pop("my_pets", None)
    registry._problems._factories.pop("my_pairs", None)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name, shade in zip(CLASSES, (40, 200), strict=True):
        for split, count in (("train", 4), ("test", 1)):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.full((20, 20, 3), shade + number, np.uint8)
                PIL.Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


def test_a_folder_of_photos_is_learned_and_named(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], op_by_op: Any
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    given = [f"--from_folder={photos}", "--problems=my_pets", f"--data_dir={data}"]
    assert call(t2t_datagen, *given, "--image_size=16", "--num_workers=1") == 0
    assert "my_pets: 8 train, 2 test" in capsys.readouterr().out
    forget()
    assert call(t2t_datagen, "--problem=my_pets", f"--data_dir={data}", "--verify") == 0
    forget()
    model = dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1)
    training = TrainingConfig(train_steps=1, eval_steps=1)
    with op_by_op():
        train(HParams(model, training), ("my_pets",), data, run)
    shutil.rmtree(data)
    forget()
    picture = str(photos / "test" / "cat" / "0.png")
    capsys.readouterr()
    assert call(t2t_decoder, f"--output_dir={run}", "--problem=my_pets", picture) == 0
    assert capsys.readouterr().out.strip() in CLASSES


def test_a_table_of_pairs_goes_on_where_it_was_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(f"a house {n}\tein Haus {n}\n" for n in range(100))
    table, data = fill(tmp_path, {"p.tsv": lines}) / "p.tsv", tmp_path / "data"
    given = [f"--from_tsv={table}", "--problems=my_pairs", f"--data_dir={data}"]
    given += ["--languages=english,german", "--num_workers=1"]
    assert call(t2t_datagen, *given) == 0
    assert registry.problem("my_pairs").command == "german"
    made = Manifest.load(data, "my_pairs")
    assert made.features["inputs"] == "text (english)"
    assert sum(split.examples for split in made.splits.values()) == 100
    assert set(made.splits) == {"train", "dev", "test"}
    capsys.readouterr()
    assert call(t2t_datagen, *given) == 0
    assert "already in" in capsys.readouterr().out
    table.write_text(lines + "more\tmehr\n", "utf-8")
    assert call(t2t_datagen, *given) == 1
    assert "pass --overwrite" in capsys.readouterr().err
    assert call(t2t_datagen, *given, "--overwrite") == 0
    forget()
    wanted = ["--problems=my_pairs", f"--data_dir={data}", "--train_steps=0"]
    assert call(t2t_trainer, *wanted, "--hparams=no=1") == 1
    assert "no field 'no'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from_tsv=p.tsv", "--from_folder=x"], "make a problem each; give one"),
        (["--columns=1,2", "--problems=x"], "--columns goes with --from_tsv or"),
        (["--from_tsv=p.tsv"], "--problems is the name of the new problem"),
        (["--from_tsv=p.tsv", "--problems=a,b"], "not 'a,b'"),
        (
            ["--from_tsv=p.tsv", "--problems=parse_mini"],
            "another problem or group called",
        ),
        (["--from_tsv=no.tsv", "--problems=x"], "no.tsv is not a file"),
        (["--from_folder=no", "--problems=x"], "no is not a folder"),
        (["--from_folder=.", "--problems=x", "--columns=1,2"], "goes with --from_tsv,"),
        (["--from_tsv=p.tsv", "--problems=x", "--source_dir=."], "is not used with"),
        (
            ["--from_tsv=p.tsv", "--problems=x", "--held_out=dev"],
            "--held_out=dev is not",
        ),
        (
            ["--from_tsv=p.tsv", "--problems=x", "--languages=a"],
            "two words with a comma",
        ),
        (["--from_tsv=p.tsv", "--problems=x", "--columns=y,b"], "0 columns called 'y'"),
        (["--from_tsv=bad.tsv", "--problems=x"], "bad.tsv has no row with two cells"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_leaves_nothing(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(fill(tmp_path, {"p.tsv": "a\tb\n", "bad.tsv": "\xe9\t \n x\t\n"}))
    status = call(t2t_datagen, *arguments, "--data_dir=data", "--num_workers=1")
    (line,) = capsys.readouterr().err.splitlines()
    assert status == 1 and line.startswith("t2t-datagen: error: ") and message in line
    assert not (tmp_path / "data").exists()
