"""The program t2t-bleu: files, two systems, a folder over time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from t2t_multimodel.bin import t2t_bleu

REFERENCE = ["ein roter Fisch schwimmt hier", "zwei Hunde schlafen im Haus heute"]
BETTER = ["ein roter Fisch schwimmt hier", "zwei Hunde schlafen im Haus"]
WORSE = ["ein roter Fisch schwimmt", "zwei Katzen schlafen im Haus"]


def call(*arguments: str) -> None:
    for name in t2t_bleu.FLAGS:
        t2t_bleu.FLAGS[name].unparse()
    t2t_bleu.main(t2t_bleu.FLAGS(["t2t-bleu", *arguments])[1:])


def lines(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in texts), "utf-8")
    return path


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return lines(tmp_path / "test.de", REFERENCE)


def test_help_teaches_and_needs_no_tensorflow() -> None:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.stderr.write(str('tensorflow' in sys.modules)))\n"
        "from t2t_multimodel.bin import t2t_bleu\n"
        "sys.argv = ['t2t-bleu', '--help']\n"
        "t2t_bleu.run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == "False"
    for taught in ("--translation=out.de", "--translations_dir", "paired bootstrap"):
        assert taught in done.stdout


def test_a_file_is_scored_with_signatures(
    tmp_path: Path, reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(
        f"--translation={lines(tmp_path / 'a', REFERENCE)}", f"--reference={reference}"
    )
    bleu, chrf = capsys.readouterr().out.splitlines()
    assert bleu.startswith("BLEU 100.0 (100.0–100.0)   sacreBLEU nrefs:1|case:mixed")
    assert chrf.startswith("chrF 100.0")


def test_any_of_several_references_will_do(
    tmp_path: Path, reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = lines(tmp_path / "b.de", BETTER)
    path = lines(tmp_path / "a", [REFERENCE[0], BETTER[1]])
    call(f"--translation={path}", f"--reference={reference},{other}", "--json")
    figures = json.loads(capsys.readouterr().out)
    assert figures["scores"]["bleu"] == pytest.approx(100.0)
    assert "nrefs:2" in figures["signatures"]["bleu"]


def test_two_systems_are_compared(
    tmp_path: Path, reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, old = lines(tmp_path / "new", BETTER), lines(tmp_path / "old", WORSE)
    files = (f"--translation={new}", f"--baseline={old}", f"--reference={reference}")
    call(*files, "--json")
    found = json.loads(capsys.readouterr().out)
    against = found["against_baseline"]["bleu"]
    gained = found["scores"]["bleu"] - against["baseline"]
    assert against["difference"] == pytest.approx(gained) and gained > 20
    call(*files)
    assert f"bleu: +{gained:.2f} to the baseline's" in capsys.readouterr().out


def test_a_folder_is_scored_over_time(
    tmp_path: Path, reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "translations"
    folder.mkdir()
    for name, texts in (("out-900", WORSE), ("out-1000", BETTER), ("notes", ["x"])):
        lines(folder / name, texts)
    call(
        f"--translations_dir={folder}",
        f"--reference={reference}",
        f"--event_dir={tmp_path / 'eval'}",
    )
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("step 900: BLEU ") and "best" not in first
    assert second.startswith("step 1000: BLEU ") and second.endswith("best BLEU")
    found = set()
    for file in (tmp_path / "eval").glob("events*"):
        for raw in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(raw.numpy())
            found |= {(event.step, value.tag) for value in event.summary.value}
    assert found == {
        (step, f"metrics-translations/{name}")
        for step in (900, 1000)
        for name in ("bleu", "chrf")
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--reference is missing"),
        (("--reference=r",), "one of them"),
        (("--reference=r", "--translation=a", "--translations_dir=b"), "one of them"),
        (("--reference=r", "--translation=a", "--event_dir=b"), "a file has no step"),
        (("--reference=r", "--translations_dir=a", "--baseline=b"), "--baseline goes"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        call(*arguments)


def test_faults_of_files_are_named(tmp_path: Path, reference: Path) -> None:
    short = lines(tmp_path / "short", REFERENCE[:1])
    with pytest.raises(ValueError, match=r"short has 1 lines and .*test\.de 2"):
        call(f"--translation={short}", f"--reference={reference}")
    (tmp_path / "latin").write_bytes("für\n".encode("latin-1"))
    with pytest.raises(ValueError, match="latin is not UTF-8"):
        call(f"--translation={tmp_path / 'latin'}", f"--reference={reference}")
    folder = tmp_path / "f"
    folder.mkdir()
    with pytest.raises(ValueError, match="ends in a step"):
        call(f"--translations_dir={folder}", f"--reference={reference}")
    for name in ("a-7", "b-7.txt"):
        lines(folder / name, REFERENCE)
    with pytest.raises(ValueError, match=r"a-7 and b-7\.txt are both of step 7"):
        call(f"--translations_dir={folder}", f"--reference={reference}")
