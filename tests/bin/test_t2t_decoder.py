"""The program t2t-decoder: arguments and files, order kept, faults by line."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from t2t_multimodel.bin import program, t2t_decoder
from t2t_multimodel.data.trees import is_well_formed, read_brackets, read_linear
from t2t_multimodel.decoding.threads import cores_to_decode
from t2t_multimodel.problems.mini.scenes import KINDS
from t2t_multimodel.testing.run_program import call_program, run_program

SENTENCES = ["A red fish jumps.", "Two birds.", "The big blue star sees a small cat."]


decoder = functools.partial(run_program, "t2t-decoder")


call = functools.partial(call_program, t2t_decoder)


@pytest.fixture
def run(run_folder: Path) -> str:
    return f"--output_dir={run_folder / 'run'}"


@pytest.fixture
def without_graphs(op_by_op: Any) -> Iterator[None]:
    with op_by_op():
        yield


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    path = tmp_path / "picture.png"
    PIL.Image.fromarray(pixels).save(path)
    return path


def test_help_teaches_and_needs_no_tensorflow() -> None:
    status, output, errors = decoder("--help")
    assert (status, errors) == (0, ["tensorflow: False"])
    assert "--problem=translate_ende_mini" in output
    assert "--decode_from_file" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output_dir=x", "--problem=pars_mini", "a"], "near it: parse_mini"),
        (["a sentence"], "--output_dir is missing"),
        (["--output_dir=x", "--decode_hparams=beem_size=2", "a"], "near it: beam_size"),
        (["--output_dir=x"], "give inputs as arguments, or --decode_from_file"),
        (["--output_dir=x", "--decode_from_file=f", "a"], "one of them"),
    ],
)
def test_a_fault_is_one_line_and_needs_no_tensorflow(
    arguments: list[str], message: str
) -> None:
    status, output, (line, tensorflow) = decoder(*arguments)
    assert (status, output, tensorflow) == (1, "", "tensorflow: False")
    assert line.startswith("t2t-decoder: error: ")
    assert message in line


def test_the_seed_is_that_of_what_is_drawn() -> None:
    flags = t2t_decoder.FLAGS
    for given, seed in (
        (["--seed=4", "--decode_hparams=temperature=1"], 4),
        (["--seed=4", "--decode_hparams=temperature=1,seed=5"], 5),
        (["--seed=4"], 0),
    ):
        flags.unparse_flags()
        for name in flags:
            flags[name].unparse()
        flags(["t2t-decoder", *given])
        assert program.decode_config(flags).seed == seed


def test_a_file_gives_a_line_for_each_line_in_its_order(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    # A character that some take for a line's end belongs to its sentence.
    lines = [*SENTENCES, "A fish\u2028jumps."]
    source.write_text("\n".join(lines) + "\n", "utf-8")
    call(
        run,
        "--problem=translate_ende_mini",
        "--decode_hparams=max_length=12",
        f"--decode_from_file={source}",
        f"--decode_to_file={target}",
    )
    together = target.read_text("utf-8").removesuffix("\n").split("\n")
    assert len(together) == len(lines)
    call(
        run,
        "--problem=translate_ende_mini",
        "--decode_hparams=max_length=12",
        "--batch_cost=1",
        *reversed(lines),
    )
    single = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert list(reversed(single)) == together
    assert not list(tmp_path.glob(".*unfinished"))


@pytest.mark.usefixtures("without_graphs")
def test_classes_come_by_name_or_with_probabilities(
    run: str, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(run, "--problem=image_mini", str(picture))
    assert capsys.readouterr().out.strip() in KINDS
    call(run, "--problem=image_mini", str(picture), "--top_k=3")
    entries = [e.split() for e in capsys.readouterr().out.strip().split("\t")]
    probabilities = [float(probability) for _, probability in entries]
    assert len(entries) == 3
    assert {name for name, _ in entries} <= set(KINDS)
    assert probabilities == sorted(probabilities, reverse=True)


@pytest.mark.usefixtures("without_graphs")
def test_paths_in_a_file_are_found_beside_it(
    run: str, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listing = picture.parent / "list.txt"
    listing.write_text(f"{picture.name}\n{picture}\n")
    call(run, "--problem=image_mini", f"--decode_from_file={listing}")
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


def test_an_input_that_cannot_be_read_is_named_by_its_line(
    run: str, picture: Path, tmp_path: Path
) -> None:
    listing = tmp_path / "list.txt"
    listing.write_text(f"{picture}\nnowhere.png\n")
    target = tmp_path / "out.txt"
    with pytest.raises(ValueError, match=r"list\.txt, line 2: .*nowhere\.png"):
        call(
            run,
            "--problem=image_mini",
            f"--decode_from_file={listing}",
            f"--decode_to_file={target}",
        )
    assert not target.exists()
    listing.write_bytes(b"fine\nnot \xff fine\n")
    with pytest.raises(ValueError, match=r"list\.txt, line 2: it is not valid UTF-8"):
        call(run, "--problem=parse_mini", f"--decode_from_file={listing}")
    listing.write_bytes(b"")
    with pytest.raises(ValueError, match=r"list\.txt is empty"):
        call(run, "--problem=parse_mini", f"--decode_from_file={listing}")
    with pytest.raises(ValueError, match="input 2: the text is empty"):
        call(run, "--problem=parse_mini", "fine", "")


def test_the_problem_must_be_one_of_the_run(run: str) -> None:
    with pytest.raises(ValueError, match="not trained on caption_mini; it was on: tr"):
        call(run, "--problem=caption_mini", "x.png")
    with pytest.raises(ValueError, match="--problem takes one of the run's: translate"):
        call(run, "a sentence")


def test_an_untrained_parser_writes_trees_unless_told_not_to(
    run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = "A fish jumps ."
    call(run, "--problem=parse_mini", sentence)
    assert len(list(read_linear(capsys.readouterr().out).tags())) == 4
    call(run, "--problem=parse_mini", "--brackets", sentence)
    tree = read_brackets(capsys.readouterr().out)
    assert tree.words() == ("A", "fish", "jumps", ".")
    call(run, "--problem=parse_mini", "--decode_hparams=constrained=False", sentence)
    assert not is_well_formed(capsys.readouterr().out)


@pytest.mark.usefixtures("without_graphs")
def test_several_outputs_come_in_lines_with_number_and_score(
    run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    search = "--decode_hparams=beam_size=3,max_length=6"
    call(run, "--problem=translate_ende_mini", f"{search},nbest=2", *SENTENCES[:2])
    lines = [line.split(" ||| ") for line in capsys.readouterr().out.splitlines()]
    assert [number for number, _, _ in lines] == ["0", "0", "1", "1"]
    scores = [float(score) for _, _, score in lines]
    assert scores[0] >= scores[1]
    assert scores[2] >= scores[3]
    call(run, "--problem=translate_ende_mini", search, *SENTENCES[:2])
    assert capsys.readouterr().out.splitlines() == [lines[0][1], lines[2][1]]


@pytest.mark.parametrize(("asked", "cores"), [([], b"1"), (["--threads=3"], b"3")])
def test_operations_keep_to_the_cores_that_suit_or_are_asked_for(
    run_folder: Path, asked: list[str], cores: bytes
) -> None:
    code = (
        "from t2t_multimodel.bin import program, t2t_decoder\n"
        f"t2t_decoder.FLAGS(['t2t-decoder', *{asked}])\n"
        "program.import_tensorflow_to_decode(\n"
        f"    t2t_decoder.FLAGS, {str(run_folder / 'run')!r})\n"
        "import tensorflow as tf\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.split() == [cores]


def test_a_large_model_decodes_on_all_cores() -> None:
    assert cores_to_decode(128) == 1
    assert cores_to_decode(129) == 0
    assert cores_to_decode(129, asked=2) == 2
