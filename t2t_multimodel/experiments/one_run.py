"""One run: it is trained, then scored; what it left off it goes on with.

As a program, `python -m t2t_multimodel.experiments.one_run OUTPUT_DIR NAME`, it does so
in a process of its own, which ends when its standard input does: no run outlives the
experiment that started it. `OUTPUT_DIR --time` takes a few steps of every problem
instead, to tell how long a step takes.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import itertools
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel import quiet, registry
from t2t_multimodel.evaluation.saved import FOLDER as SCORES
from t2t_multimodel.experiments.plan_file import RUNS, read_plan, write_whole
from t2t_multimodel.training.config import HParams

RESULT, LOG, TIMING = "result.json", "log.txt", "timing.json"
STOPPED_STATUS = 75
# Parts of the package that lie beside it.
_LINKED = ("problems", "hparams")
_WARM_STEPS, _TIMED_STEPS = 1, 8


def run_folder(output_dir: Path, name: str) -> Path:
    """Where a run lies."""
    return output_dir / RUNS / name


def result_of(output_dir: Path, name: str) -> dict[str, Any] | None:
    """What a run left when it was done; None if it is not."""
    path = run_folder(output_dir, name) / RESULT
    if not path.exists():
        return None
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} cannot be read ({error}); remove it, and the same command scores "
            "the run again"
        ) from error
    return values


def is_done(output_dir: Path, name: str) -> bool:
    """Whether a run is trained and scored."""
    return result_of(output_dir, name) is not None


def scores_digest(folder: Path, problem: str) -> str:
    """By which the scores that a run was given are known again; "" if it has none."""
    path = folder / SCORES / f"{problem}.json"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def train_and_score(output_dir: Path, name: str) -> bool:
    """Does what is left to do of a run; False where a signal ended it.

    Raises:
        ValueError: As `training.run.train` and `evaluation.evaluate.evaluate`.
    """
    from t2t_multimodel import api

    plan = _plan(output_dir)
    run = plan["runs"][name]
    folder = run_folder(output_dir, name)
    with only_one(folder):
        trained = api.train(
            run["problems"],
            plan["data_dir"],
            folder,
            HParams.from_dict(run["hparams"]),
            strategy="one_device",
        )
        if trained.result and trained.result.stopped_by:
            return False
        started = time.perf_counter()
        scoring = plan["scoring"]
        trained.evaluate(
            split=scoring["split"],
            max_examples=scoring["max_examples"],
            decode_hparams=scoring["decode_hparams"],
        )
        values = {
            "step": trained.step,
            "weights": trained.model.count_params(),
            "seconds_scoring": round(time.perf_counter() - started, 1),
            "scores": {name: scores_digest(folder, name) for name in run["problems"]},
            "environment": _environment(),
        }
        write_whole(folder / RESULT, json.dumps(values, indent=1) + "\n")
    return True


def time_steps(output_dir: Path) -> dict[str, Any]:
    """How long a step of each problem takes, on the setting's model of all problems."""
    from t2t_multimodel.training.doctor.sizes import own_memory
    from t2t_multimodel.training.feeds import Feeds
    from t2t_multimodel.training.run import prepare

    plan = _plan(output_dir)
    started = time.perf_counter()
    hparams = HParams.from_dict(plan["hparams"])
    run = prepare(hparams, plan["problems"], plan["data_dir"], "one_device")
    feeds = Feeds(run.corpora.streams, {})
    steps = run.make_step(feeds.specs)
    built = time.perf_counter() - started
    kinds: dict[str, str] = {}
    first: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for name in plan["problems"]:
        laps = []
        for _ in range(_WARM_STEPS + _TIMED_STEPS):
            lap = time.perf_counter()
            (result,) = steps.update(0, 0.0, [(name, feeds.next_batch(name))])
            float(result.loss)
            laps.append(time.perf_counter() - lap)
        seconds[name] = sum(laps[_WARM_STEPS:]) / _TIMED_STEPS
        # Problems of one kind share a graph, which the first of them has to wait for.
        task = run.model.tasks[name]
        kinds[name] = f"{task.inputs.modality} to {task.targets.modality}"
        first[kinds[name]] = max(laps[0], first.get(kinds[name], 0.0))
    return {
        "built": built,
        "kind": kinds,
        "first": first,
        "step": seconds,
        "peak_bytes": own_memory("VmHWM"),
    }


@contextlib.contextmanager
def only_one(folder: Path, waits: bool = True) -> Iterator[None]:
    """Nobody else works in the folder meanwhile.

    Args:
        folder: It is made if it is not there.
        waits: For one that is about to end.

    Raises:
        ValueError: Somebody else does, and is not waited for.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except BlockingIOError:
            raise ValueError(f"another process is at work in {folder}") from None
        yield


def main(arguments: list[str]) -> int:
    """The process of a run; its exit status: 0 done, 1 a fault, 75 stopped."""
    output_dir, what = Path(arguments[0]), arguments[1]
    threading.Thread(target=_end_with_input, daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    plan = _plan(output_dir)
    quiet.import_tensorflow()
    from t2t_multimodel.decoding.threads import use_cores

    use_cores(plan["threads"])
    try:
        for folder in plan["usr_dirs"]:
            registry.import_usr_dir(folder)
        if what == "--time":
            timed = json.dumps(time_steps(output_dir), indent=1)
            write_whole(output_dir / TIMING, timed + "\n")
            return 0
        return 0 if train_and_score(output_dir, what) else STOPPED_STATUS
    except (ValueError, OSError) as error:
        sys.stdout.write(f"error: {' '.join(str(error).split())}\n")
        return 1


def _plan(output_dir: Path) -> Mapping[str, Any]:
    plan = read_plan(output_dir)
    if plan is None:
        raise ValueError(f"{output_dir} has no plan")
    return plan


def _environment() -> dict[str, Any]:
    from t2t_multimodel.training.environment import environment

    return {**environment(), "code": code_digest()}


def code_digest() -> str:
    """By which the code is known again: this package's and the users' own."""
    package = importlib.import_module("t2t_multimodel").__path__
    parts = [importlib.import_module(f"t2t_multimodel.{n}").__path__ for n in _LINKED]
    own = [Path(folder) for folder in itertools.chain(package, *parts)]
    digest = hashlib.sha256()
    for folder in (*own, *registry.usr_dirs()):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _end_with_input() -> None:
    """Stops the run, which is saved, when whoever started it is gone."""
    while os.read(sys.stdin.fileno(), 4096):  # Unbuffered: this thread is never joined.
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
