"""t2t-datagen: its help, its tables, and one line and a status for each fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from absl import flags

from t2t_multimodel import registry
from t2t_multimodel.bin import program, t2t_datagen
from t2t_multimodel.data.manifest import Manifest

SENTIMENT = '''
from t2t_multimodel import registry
from t2t_multimodel.data.features import ClassLabel, Text
from t2t_multimodel.data.problem import Problem


@registry.register_problem
class SentimentReviews(Problem):
    """Film reviews, positive or negative."""
    inputs = Text()
    targets = ClassLabel(("negative", "positive"))

    def examples(self, split, source_dir):
        with (source_dir / f"{split}.tsv").open() as lines:
            for line in lines:
                text, label = line.rstrip("\\n").split("\\t")
                yield {"inputs": text, "targets": label}
'''

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the program in this process: status, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        t2t_datagen.FLAGS.unparse_flags()
        for name in t2t_datagen.FLAGS:
            t2t_datagen.FLAGS[name].unparse()
        with pytest.raises(SystemExit) as ended:
            program.run(
                t2t_datagen.main, t2t_datagen.FLAGS, ["t2t-datagen", *arguments]
            )
        written = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, written.out, written.err

    return call


def _corpus(folder: Path) -> Path:
    folder.mkdir()
    for split in ("train", "dev", "test"):
        (folder / f"{split}.en").write_text(f"a {split} house\na tree\n", "utf-8")
        (folder / f"{split}.de").write_text(f"ein {split}-Haus\nein Baum\n", "utf-8")
    return folder


def _spawn(*arguments: str, check_imports: bool = False) -> subprocess.CompletedProcess:
    code = f"""
import sys
from t2t_multimodel.bin import t2t_datagen
sys.argv = ["t2t-datagen", *{arguments!r}]
try:
    t2t_datagen.run()
finally:
    if {check_imports} and "tensorflow" in sys.modules:
        sys.exit("TensorFlow was imported")
"""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_teaches_and_needs_no_tensorflow() -> None:
    done = _spawn("--help", check_imports=True)
    assert done.returncode == 0 and done.stderr == ""
    assert "t2t-datagen --problems=mini_eight --data_dir=data" in done.stdout
    for name in t2t_datagen.FLAGS:
        assert f"{name}" in done.stdout


def test_a_misspelt_problem_is_answered_without_tensorflow() -> None:
    done = _spawn("--problems=mini_eigth", "--data_dir=x", check_imports=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "t2t-datagen: error: no problem 'mini_eigth'; near it: mini_eight"
    ]


def test_a_fault_in_the_data_is_one_line_even_with_tensorflow(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path / "corpus")
    (corpus / "train.de").write_text("ein Haus\n", "utf-8")
    done = _spawn(
        "--problem=translate_ende_wmt",
        f"--data_dir={tmp_path}/d",
        f"--source_dir={corpus}",
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("t2t-datagen: error: ") and "not aligned" in line
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max_exampels=3"], "Did you mean: max_examples"),
        (["--max_examples=three"], "three"),
        (["stray"], "'stray' is no flag"),
        ([], "--problems is missing"),
        (["--problem=parse_mini"], "--data_dir is missing"),
        (["--problem=parse_mini", "--data_dir=x", "--num_shards=0"], "num_shards is 0"),
        (["--problem=parse_mini", "--data_dir=x", "--vocab_size=9"], "269 pieces"),
        (["--problem=translate_ende_wmt", "--data_dir=x"], "needs --source_dir"),
        (["--problem=parse_mini", "--data_dir=x", "--describe"], "is not in x"),
        (["--describe", "parse_minni"], "near it: parse_mini"),
        (["--verify", "parse_mini"], "--data_dir is missing"),
        (["--report", "parse_mini", "--data_dir=x"], "is not in x"),
        (["--problem=parse_mini", "--data_dir=x", "--max_bad_share=2"], "from 0 to 1"),
        (["--problem=parse_mini", "--data_dir=x", "--verify"], "is not in x"),
        (["--list", "--t2t_usr_dir=nowhere"], "nowhere is not a folder"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_one(
    run: Run,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, errors = run(*arguments, "--num_workers=1", "--max_examples=5")[0:3]
    assert status == 1
    (line,) = errors.splitlines()
    assert line.startswith("t2t-datagen: error: ") and message in line
    assert list(tmp_path.iterdir()) == []


def test_data_are_made_described_and_verified(run: Run, tmp_path: Path) -> None:
    corpus, data = _corpus(tmp_path / "corpus"), tmp_path / "data"
    given = ["--problems=translate_ende_wmt,translate_deen_wmt", f"--data_dir={data}"]
    status, shown, errors = run(*given, f"--source_dir={corpus}", "--num_workers=1")
    assert (status, errors) == (0, "")
    assert "translate_deen_wmt: 2 train, 2 dev, 2 test" in shown
    assert Manifest.load(data, "translate_ende_wmt").splits["train"].examples == 2
    status, shown, errors = run(*given, "--describe", "--verify")
    assert status == 0
    assert errors.splitlines()[0] == (
        "translate_ende_wmt: 1 examples of dev are in train as well, the first: "
        "dev 1, train 1"
    )
    assert "text (english) -> text (german)" in shown
    assert "All is as it should be." in shown
    shard = data / "translate_ende_wmt-dev-00000-of-00001"
    shard.write_bytes(shard.read_bytes()[:-1])
    status, _, errors = run(*given, "--verify")
    assert status == 1 and "is truncated at record 1" in errors


def test_what_a_problem_needs_is_told_before_anything_is_made(run: Run) -> None:
    status, shown, errors = run("--describe", "parse_wsj", "translate_deen_mini")
    assert (status, errors) == (0, "")
    wanted = registry.problem("parse_wsj")
    for told in (
        *(wanted.source, wanted.licence, wanted.stand_in),
        *wanted.layout.split("\n"),
        "text (english) -> tree",
        "bracketing_f1, whole_trees",
        "train_sections",
        "t2t-datagen --problems=parse_wsj --source_dir=FOLDER --data_dir=data",
        "the records of translate_ende_mini",
    ):
        assert told in shown


def test_faults_are_counted_and_the_report_tells_of_them(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "reviews.py").write_text(SENTIMENT)
    (tmp_path / "reviews").mkdir()
    for split in ("train", "dev", "test"):
        text = f"a film for {split}\tpositive\n" * 9 + "a film\tblue\n"
        (tmp_path / "reviews" / f"{split}.tsv").write_text(text)
    given = [f"--t2t_usr_dir={tmp_path}/mine", "--problem=sentiment_reviews"]
    given += [f"--data_dir={tmp_path}/data", f"--source_dir={tmp_path}/reviews"]
    given += ["--num_workers=1"]
    status, _, errors = run(*given)
    assert status == 1
    assert "train: 1 of 10 examples are at fault (1: targets: no class)" in errors
    assert "the first: example 9: targets: no class 'blue'" in errors
    status, shown, errors = run(*given, "--max_bad_share=0.1")
    assert status == 0 and "(1 skipped: targets: no class)" in shown
    assert errors.count("1 of 10 examples are at fault") == 3
    status, shown, errors = run(*given, "--report")
    assert (status, errors) == (0, "")
    assert "dev: 1 of 10 left out: targets: no class; the first: example 9:" in shown
    assert "no example is in two splits" in shown
    assert (tmp_path / "data" / "sentiment_reviews.report.json").exists()


def test_the_list_shows_kinds_commands_sizes_and_groups(run: Run) -> None:
    status, shown, _ = run("--list")
    assert status == 0
    rows = {line.split()[1]: line for line in shown.splitlines() if "_mini " in line}
    assert "audio 16 kHz" in rows["speech_mini"]
    assert "parse_tree" in rows["parse_mini"] and "1,500" in rows["parse_mini"]
    assert "group mini_eight: speech_mini, image_mini" in shown


def test_twelve_lines_in_a_folder_are_a_problem(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "reviews.py").write_text(SENTIMENT)
    (tmp_path / "reviews").mkdir()
    for split in ("train", "dev", "test"):
        text = "what a film\tpositive\nnever again\tnegative\n"
        (tmp_path / "reviews" / f"{split}.tsv").write_text(text)
    given = [f"--t2t_usr_dir={tmp_path}/mine", "--problem=sentiment_reviews"]
    given += [f"--data_dir={tmp_path}/data", f"--source_dir={tmp_path}/reviews"]
    status, shown, errors = run(*given, "--num_workers=2")
    assert (status, errors) == (0, "")
    assert "sentiment_reviews: 2 train, 2 dev, 2 test" in shown


def test_interrupting_leaves_nothing_and_exits_130(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    endless = SENTIMENT.split("    def examples")[0] + (
        "    needs_source = False\n\n"
        "    def examples(self, split, source_dir):\n"
        "        print('started', flush=True)\n"
        "        while True:\n"
        "            yield {'inputs': 'again', 'targets': 0}\n"
    )
    (tmp_path / "mine" / "endless.py").write_text(endless)
    command = [sys.executable, "-m", "t2t_multimodel.bin.t2t_datagen"]
    command += [f"--t2t_usr_dir={tmp_path}/mine", "--problem=sentiment_reviews"]
    command += [f"--data_dir={tmp_path}/data", "--num_workers=1"]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs, and so their children, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "started\n"
        os.kill(running.pid, signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 130
    assert errors.splitlines() == ["t2t-datagen: interrupted"]
    assert not (tmp_path / "data").exists()


def test_the_traceback_is_shown_on_request(run: Run) -> None:
    with pytest.raises(ValueError, match="no problem 'nothing'"):
        run("--problem=nothing", "--data_dir=x", "--traceback")


def test_required_paths_and_users_are_understood() -> None:
    given = flags.FlagValues()
    program.define_problem_flags(given)
    given(["program", "--data_dir=~/data"])
    assert program.required(given, "data_dir") == Path.home() / "data"
    assert program.path(given, "t2t_usr_dir") is None
