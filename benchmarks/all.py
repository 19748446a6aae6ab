"""All figures of speed and memory by one command: one table, one JSON file.

  python benchmarks/all.py --output=speed.json
  python benchmarks/all.py --quick --output=quick.json
  python benchmarks/all.py --output=speed.json --peer=DIR --peer_python=PYTHON \\
      --peer_t2t=DIR --photos=imagenet --sound=speech --text_dir=multi30k

Every figure stands beside another of the same run: a ceiling of the machine, the peer's
figure, or its own under other conditions. Each part runs in a process of its own and is
a program of this folder, which --help explains:

  ceilings     what the machine can do at most
  training     step, forward pass, first step and memory of every case, and the peer's
  joint        steps of eight problems in turn beside each of them alone
  layers       the layers one by one
  experts      sparse experts beside a dense net of as many operations
  decoding     a token with and without the cache, and the peer's
  input        the input pipeline beside the model, and the time waited for it
  generation   text to records
  memory       what --dry_run predicts beside what a run takes
  startup      --help, and the way to the first step, fresh and resumed

Let nothing else run on the machine meanwhile. A part that fails is named at the end,
and the others are done all the same; what is done is in the file at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import measuring
from absl import flags
from measuring import Row, row

from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
measuring.define_peer_flags(FLAGS)
for _name, _text in (
    ("output", "Write JSON here."),
    ("data_dir", "Data of mini_eight; made by default."),
    ("photos", "Real photos for the input: a source of image_imagenet."),
    ("sound", "Real sound for the input: a source of speech_wsj."),
    ("text_dir", "Real text to generate from: train.en and train.de."),
    ("t2t_dir", "tensor2tensor, whose encoder generation is compared with."),
):
    flags.DEFINE_string(_name, None, _text, flag_values=FLAGS)
flags.DEFINE_list("parts", None, "Which; all by default.", flag_values=FLAGS)
flags.DEFINE_bool(
    "quick", False, "Less of everything: some minutes, rough.", flag_values=FLAGS
)

EXAMPLES = 1000  # of each problem, where the data is made here
QUICK_EXAMPLES = 200
FOLDER = Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Part:
    """A program of this folder.

    Attributes:
        script: Its file.
        given: Flags whose values are handed on, where they have one.
        quick: Flags of a quick run.
        usual: Flags of any other.
        needs_data: Whether it is given --data_dir.
        output: The flag that says where it writes JSON.
        rows: What to show of that; by default what it calls rows.
        is_quick: Whether a quick run has it.
    """

    script: str
    given: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    needs_data: bool = False
    output: str = "output"
    rows: Callable[[Any], list[Row]] = lambda found: found["rows"]
    is_quick: bool = True


def decoding_rows(found: dict[str, Any]) -> list[Row]:
    """A token at every position, with the cache, and whole sentences."""
    rows = []
    for told in found["positions"]:
        case = f"{told['batch_size']} x position {told['position']}"
        seconds = told["cached_ms"] / 1000
        times = told["full_pass_ms"] / told["cached_ms"]
        full = (times, "times as fast as a full pass")
        rows.append(row(case, "a token", seconds, "s", *full))
        first = (told["to_first"], "of the first position")
        rows.append(row(case, "a token", seconds, "s", *first))
    for told in found.get("peer", ()):
        rate = (told["tokens_per_second"], "tokens/s", told["times_the_peer"])
        rows.append(row(f"to {told['length']} tokens", "greedy", *rate, "the peer's"))
    return rows


def experts_rows(found: dict[str, Any]) -> list[Row]:
    """Sparse experts beside a dense net of as many operations."""
    rows = []
    for told in found["cases"]:
        case = f"{told['experts']} experts, {told['tokens']} tokens"
        for what, key in (("forward", "forward"), ("with gradient", "both")):
            times = (told[f"{key}_times_dense"], "times a dense net")
            rows.append(row(case, what, told[f"{key}_s"], "s", *times))
        share = (told["share_of_ceiling"], "of a large product")
        rows.append(row(case, "with gradient", told["gflops"], "GFLOP/s", *share))
    return rows


def generation_rows(found: dict[str, Any]) -> list[Row]:
    """Text to records, short and long."""
    rows = []
    other = found.get("tensor2tensor")
    first = found["runs"][0]
    for told in found["runs"]:
        case = f"text {told['times']} times"
        rate = told["pairs_per_second"]
        ratio = rate / (other or first)["pairs_per_second"]
        to = "tensor2tensor's encoder" if other else "of the shortest text"
        rows.append(row(case, "generated", rate, "pairs/s", ratio, to))
        memory = (told["peak_mb"], "MB", told["peak_mb"] / first["peak_mb"])
        rows.append(row(case, "peak memory", *memory, "of the shortest text"))
    return rows


def memory_rows(found: list[dict[str, Any]]) -> list[Row]:
    """What was predicted to what was taken."""
    return [
        row(
            *(told["set"], "predicted peak", told["predicted"] / 2**20, "MiB"),
            *(told["predicted"] / told["measured"], "of the measured one"),
        )
        for told in found
        if told["fits"]
    ]


_PEER = ("peer", "peer_python", "peer_t2t")
PARTS = {
    "ceilings": Part("ceilings.py", (), ("--rounds=3",)),
    "training": Part("training.py", _PEER, ("--quick", "--rounds=5", "--seconds=5")),
    "joint": Part(
        "joint.py",
        (),
        ("--rounds=3", "--problems=translate_ende_mini,image_mini"),
        needs_data=True,
    ),
    "layers": Part("layers.py", (), ("--rounds=10", "--seconds=5")),
    "experts": Part(
        "experts.py",
        (),
        ("--experts=16", "--tokens=1024", "--depth=128", "--hidden=256"),
        ("--experts=16,60", "--tokens=1024,4096"),
        rows=experts_rows,
    ),
    "decoding": Part(
        "decode.py",
        _PEER,
        ("--rounds=3", "--positions=16,256", "--batch_sizes=1", "--lengths=32"),
        rows=decoding_rows,
    ),
    "input": Part(
        "input.py",
        ("photos", "sound"),
        ("--problems=image_mini", "--steps=10", "--rounds=10"),
        needs_data=True,
    ),
    "generation": Part(
        "generation.py",
        ("text_dir", "t2t_dir"),
        ("--pairs=3000", "--times=1,5"),
        ("--times=1,10",),
        output="json",
        rows=generation_rows,
    ),
    "memory": Part(
        "memory.py",
        usual=("--sets=multimodel_tiny,multimodel_small",),
        needs_data=True,
        rows=memory_rows,
        is_quick=False,
    ),
    "startup": Part("startup.py", (), ("--rounds=3",), needs_data=True),
}


def main(arguments: Sequence[str]) -> int:
    """Runs the parts, prints, writes; 1 if one failed."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    usual = [name for name, part in PARTS.items() if part.is_quick or not FLAGS.quick]
    names = FLAGS.parts or usual
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise ValueError(
            f"there is no part {unknown[0]!r}; there are: {', '.join(PARTS)}"
        )
    found: dict[str, Any] = {"before": measuring.machine(), "parts": {}, "rows": []}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        data_dir = FLAGS.data_dir
        if data_dir is None and any(PARTS[name].needs_data for name in names):
            data_dir = str(Path(folder) / "data")
            found["rows"] += generate(data_dir)
        for name in names:
            with told(name):
                try:
                    found["parts"][name] = run(PARTS[name], Path(folder), data_dir)
                except ValueError as error:
                    failed[name] = str(error)
                    continue
            rows = PARTS[name].rows(found["parts"][name])
            found["rows"] += [{"part": name, **each} for each in rows]
            measuring.write(found, FLAGS.output)
    found["after"] = measuring.machine()
    measuring.finish("speed and memory", found, FLAGS.output, part=True)
    for name, error in failed.items():
        sys.stderr.write(f"{name}: {error}\n")
    return 1 if failed else 0


def generate(data_dir: str) -> list[Row]:
    """Makes the data of mini_eight, and tells how long an example took."""
    examples = QUICK_EXAMPLES if FLAGS.quick else EXAMPLES
    command = [sys.executable, "-m", "t2t_multimodel.bin.t2t_datagen"]
    command += ["--problems=mini_eight", f"--data_dir={data_dir}"]
    with told("data"):
        started = time.perf_counter()
        measuring.run_quietly([*command, f"--max_examples={examples}"])
        seconds = time.perf_counter() - started
    manifests = Path(data_dir).glob("*.manifest.json")
    splits = [json.loads(file.read_text("utf-8"))["splits"] for file in manifests]
    count = sum(split["examples"] for own in splits for split in own.values())
    return [
        {"part": "data", **row("mini_eight", "made", count / seconds, "examples/s")}
    ]


def run(part: Part, folder: Path, data_dir: str | None) -> Any:
    """What a part writes.

    Raises:
        ValueError: It failed; the end of what it said.
    """
    output = folder / "part.json"
    command = [sys.executable, str(FOLDER / part.script)]
    command += [
        f"--{part.output}={output}",
        *(part.quick if FLAGS.quick else part.usual),
    ]
    command += [f"--{key}={FLAGS[key].value}" for key in part.given if FLAGS[key].value]
    if part.needs_data:
        command.append(f"--data_dir={data_dir}")
    measuring.run_quietly(command)
    return json.loads(output.read_text("utf-8"))


@contextlib.contextmanager
def told(name: str) -> Iterator[None]:
    """Says on standard error what runs, and how long it took."""
    started = time.perf_counter()
    sys.stderr.write(f"{name} ... ")
    sys.stderr.flush()
    yield
    sys.stderr.write(f"{time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    program.run(main, FLAGS)
