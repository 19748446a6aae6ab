"""How fast text becomes records, and how much memory that takes.

  python benchmarks/generation.py --text_dir=multi30k --t2t_dir=t2t --json=result.json

Generates translate_ende_wmt, by t2t-datagen as anyone would, from a text written down
10 and 100 times, and measures

  pairs a second, from the start of the program to its end, all that it does included:
  listing, learning the vocabulary, encoding, writing, checksums, index;
  processor seconds of all its processes, which other work on the machine changes less;
  peak memory: for every process of the program the most that it ever held, summed up.

What does not depend on the length of the text (starting processes, learning the
vocabulary from a sample) and what each further pair takes are told from the difference
between the two lengths.

With --t2t_dir the sub-word encoder of tensor2tensor 1.1.9 encodes the same text in the
same run, one process as it has it; that is only its encoding, without reading, writing
or learning a vocabulary (it is given one of the same size, learned before). The best of
five times is taken. The folder is made by
  pip install --no-deps --target=t2t tensor2tensor==1.1.9

--text_dir holds train.en and train.de; without it the text is made up: words of a few
letters, as frequent as words are (Zipf).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import types
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

PAIR = ("en", "de")
VOCAB_SIZE = 8192
_POLL_SECONDS = 0.05
_T2T_MIN_COUNT = 1000
_T2T_ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class Run:
    """One generation.

    Attributes:
        times: How often the text was written down.
        num_workers: Processes that make examples.
        pairs: Pairs of sentences in all splits.
        seconds: From start to end.
        cpu_seconds: Of a processor, in all processes together.
        peak_mb: Peak memory of all processes, in megabytes.
    """

    times: int
    num_workers: int
    pairs: int
    seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def pairs_per_second(self) -> float:
        """Pairs generated in a second."""
        return self.pairs / self.seconds

    @property
    def pairs_per_cpu_second(self) -> float:
        """Pairs generated in a second of one processor."""
        return self.pairs / self.cpu_seconds


def made_up_text(num_pairs: int, seed: int = 0) -> list[tuple[str, str]]:
    """Pairs of sentences of 6 to 20 made-up words, the n-th 1/n as frequent."""
    chance = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyzäöü"
    words = [
        "".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(20_000)
    ]
    weights = [1 / rank for rank in range(1, len(words) + 1)]

    def sentence(length: int) -> str:
        found = chance.choices(words, weights, k=length)
        return f"{' '.join(found).capitalize()}."

    lengths = [chance.randint(6, 20) for _ in range(num_pairs)]
    return [(sentence(length), sentence(length)) for length in lengths]


def read_text(folder: Path) -> list[tuple[str, str]]:
    """The pairs of `train.en` and `train.de`, a sentence a line."""
    sides = [
        (folder / f"train.{language}").read_text("utf-8").rstrip("\n").split("\n")
        for language in PAIR
    ]
    return list(zip(*sides, strict=True))


def write_corpus(text: list[tuple[str, str]], times: int, folder: Path) -> None:
    """The text so many times as train, and a little of it as dev and test."""
    folder.mkdir()
    for side, language in enumerate(PAIR):
        once = "".join(f"{pair[side]}\n" for pair in text).encode()
        with (folder / f"train.{language}").open("wb") as file:
            for _ in range(times):
                file.write(once)
        few = "".join(f"{pair[side]}\n" for pair in text[:500]).encode()
        for split in ("dev", "test"):
            (folder / f"{split}.{language}").write_bytes(few)


def generate(source: Path, data: Path, times: int, num_workers: int) -> Run:
    """Runs t2t-datagen and measures it."""
    command = [sys.executable, "-m", "t2t_multimodel.bin.t2t_datagen"]
    command += ["--problems=translate_ende_wmt", f"--source_dir={source}"]
    command += [f"--data_dir={data}", f"--num_workers={num_workers}"]
    command += [f"--vocab_size={VOCAB_SIZE}"]
    started, cpu_before = time.perf_counter(), _cpu_seconds_of_children()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peaks: dict[int, int] = {}
    while process.poll() is None:
        for pid in _family(process.pid):
            peaks[pid] = max(peaks.get(pid, 0), _peak_bytes(pid))
        time.sleep(_POLL_SECONDS)
    seconds = time.perf_counter() - started
    cpu_seconds = _cpu_seconds_of_children() - cpu_before
    if process.returncode:
        raise SystemExit(f"generation ended with status {process.returncode}")
    manifest = json.loads((data / "translate_ende_wmt.manifest.json").read_text())
    pairs = sum(split["examples"] for split in manifest["splits"].values())
    peak_mb = sum(peaks.values()) / 1e6
    return Run(times, num_workers, pairs, seconds, cpu_seconds, peak_mb)


def tensor2tensor_rates(t2t_dir: Path, text: list[tuple[str, str]]) -> dict[str, float]:
    """Pairs that tensor2tensor's encoder encodes in a second, and its vocabulary."""
    text_encoder, tokenizer = _tensor2tensor(t2t_dir)
    counts = Counter(
        token for pair in text for side in pair for token in tokenizer.encode(side)
    )
    encoder = text_encoder.SubwordTextEncoder.build_to_target_size(
        VOCAB_SIZE, dict(counts), 1, _T2T_MIN_COUNT
    )
    seconds, cpu_seconds = [], []
    for _ in range(_T2T_ROUNDS):
        started, cpu_before = time.perf_counter(), time.process_time()
        for inputs, targets in text:
            encoder.encode(inputs)
            encoder.encode(targets)
        seconds.append(time.perf_counter() - started)
        cpu_seconds.append(time.process_time() - cpu_before)
    return {
        "pairs_per_second": len(text) / min(seconds),
        "pairs_per_cpu_second": len(text) / min(cpu_seconds),
        "vocab_size": encoder.vocab_size,
    }


def _tensor2tensor(folder: Path) -> tuple[Any, Any]:
    """Its modules; of TensorFlow they need no more than a place to log to."""
    silent = types.ModuleType("tensorflow")
    silent.logging = types.SimpleNamespace(info=lambda *told: None)  # type: ignore[attr-defined]
    sys.modules["tensorflow"] = silent
    sys.path.insert(0, str(folder))
    try:
        from tensor2tensor.data_generators import text_encoder, tokenizer
    finally:
        sys.path.remove(str(folder))
        del sys.modules["tensorflow"]
    return text_encoder, tokenizer


def _cpu_seconds_of_children() -> float:
    """What children that have ended, and theirs, have taken so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _family(pid: int) -> list[int]:
    """A process and all that it has started, directly or not."""
    found = [pid]
    for parent in found:  # grows while it is walked through
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
            for task in tasks:
                found += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
    return found


def _peak_bytes(pid: int) -> int:
    """The most that a process has held in memory so far."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    lines = [line.split() for line in status.splitlines()]
    return next((int(line[1]) * 1024 for line in lines if line[0] == "VmHWM:"), 0)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measures and shows; returns what it writes as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text_dir", type=Path, help="train.en and train.de")
    parser.add_argument("--t2t_dir", type=Path, help="tensor2tensor 1.1.9")
    parser.add_argument("--pairs", type=int, default=15_000, help="of made-up text")
    parser.add_argument("--times", default="10,100", help="how often it is repeated")
    parser.add_argument("--num_workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="where the result is written")
    parser.add_argument("--tmp_dir", type=Path, help="where corpora and records lie")
    given = parser.parse_args(arguments)
    text = read_text(given.text_dir) if given.text_dir else made_up_text(given.pairs)
    runs = []
    work = Path(tempfile.mkdtemp(prefix="generation-", dir=given.tmp_dir))
    try:
        for times in map(int, given.times.split(",")):
            write_corpus(text, times, work / "corpus")
            runs.append(
                generate(work / "corpus", work / "data", times, given.num_workers)
            )
            shutil.rmtree(work / "corpus")
            shutil.rmtree(work / "data")
    finally:
        shutil.rmtree(work)
    result = {
        "text": str(given.text_dir or "made up"),
        "runs": [
            {
                **dataclasses.asdict(run),
                "pairs_per_second": run.pairs_per_second,
                "pairs_per_cpu_second": run.pairs_per_cpu_second,
            }
            for run in runs
        ],
        "memory_ratio": runs[-1].peak_mb / runs[0].peak_mb,
    }
    if len(runs) > 1:
        result |= _parts(runs[0], runs[-1])
    if given.t2t_dir:
        other = tensor2tensor_rates(given.t2t_dir, text)
        rate, cpu_rate = other["pairs_per_second"], other["pairs_per_cpu_second"]
        result["tensor2tensor"] = other
        result["speedup"] = runs[-1].pairs_per_second / rate
        result["speedup_per_cpu_second"] = runs[-1].pairs_per_cpu_second / cpu_rate
        if len(runs) > 1:
            result["speedup_of_further_pairs"] = (
                result["further_pairs_per_second"] / rate
            )
    _show(result)
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")
    return result


def _parts(shorter: Run, longer: Run) -> dict[str, float]:
    """What a generation takes whatever its length, and what further pairs take."""
    rate = (longer.pairs - shorter.pairs) / (longer.seconds - shorter.seconds)
    return {
        "further_pairs_per_second": rate,
        "fixed_seconds": shorter.seconds - shorter.pairs / rate,
    }


def _show(result: dict[str, Any]) -> None:
    table = Table("", "pairs", "seconds", "of a processor", "pairs/s", "peak, MB")
    for column in table.columns[1:]:
        column.justify = "right"
    for run in result["runs"]:
        table.add_row(
            f"text {run['times']} times, {run['num_workers']} workers",
            f"{run['pairs']:,}",
            f"{run['seconds']:.1f}",
            f"{run['cpu_seconds']:.1f}",
            f"{run['pairs_per_second']:,.0f}",
            f"{run['peak_mb']:,.0f}",
        )
    other = result.get("tensor2tensor")
    if other:
        rate = f"{other['pairs_per_second']:,.0f}"
        table.add_row("tensor2tensor's encoder", "", "", "", rate, "")
    console = Console()
    console.print(table)
    ratio = result["memory_ratio"]
    console.print(f"memory, longest text to shortest: {ratio:.3f} times")
    if other:
        console.print(
            f"speed: {result['speedup']:.1f} times tensor2tensor's encoder; "
            f"{result['speedup_per_cpu_second']:.1f} times for a second of a processor"
        )
    if "fixed_seconds" in result:
        console.print(
            f"{result['fixed_seconds']:.1f} s whatever the length, then "
            f"{result['further_pairs_per_second']:,.0f} pairs/s"
            + (
                f", {result['speedup_of_further_pairs']:.1f} times as many as its"
                if other
                else ""
            )
        )


if __name__ == "__main__":
    main()
