"""Whether the input is faster than the model: examples a second, and time waited.

  python benchmarks/input.py --data_dir=data --output=input.json
      For every problem: examples a second that the pipeline gives when nothing else
      runs, and the processor's time that it takes for one; examples a second that
      training takes in; and the share of a real run's time that it waits for input.
      Then the same for all problems in one run.

  python benchmarks/input.py --photos=imagenet --sound=speech
      Also of folders of real photos and sound (as t2t-datagen's problems image_imagenet
      and speech_wsj read them), which it generates in a temporary folder first;
      pictures of 64 and of 224 pixels.

A run leaves out its first interval, in which graphs are built.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import measuring
from absl import flags

from t2t_multimodel import quiet, registry
from t2t_multimodel.bin import program
from t2t_multimodel.data.features import Audio, Image

FLAGS = flags.FlagValues()
measuring.define_flags(FLAGS, rounds=40)
flags.DEFINE_string("data_dir", None, "The generated data.", flag_values=FLAGS)
flags.DEFINE_string("problems", "mini_eight", "Problems.", flag_values=FLAGS)
flags.DEFINE_string("photos", None, "A source of image_imagenet.", flag_values=FLAGS)
flags.DEFINE_string("sound", None, "A source of speech_wsj.", flag_values=FLAGS)
flags.DEFINE_list("sizes", ["64", "224"], "Sides of the photos.", flag_values=FLAGS)
flags.DEFINE_integer(
    "steps", 30, "Of training that count.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_string("hparams_set", "multimodel_tiny", "The model.", flag_values=FLAGS)
flags.DEFINE_string("hparams", "", "Changes to the set.", flag_values=FLAGS)

AIM = 0.02


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    if FLAGS.child == "features":
        quiet.import_tensorflow()
        measuring.say(sound_features())
        return
    if FLAGS.child:
        names = registry.parse_problems([FLAGS.problems])
        measuring.say(measure(names, program.required(FLAGS, "data_dir")))
        return
    found: dict[str, Any] = {"before": measuring.machine(), "problems": {}}
    if FLAGS.data_dir:
        names = registry.parse_problems([FLAGS.problems])
        for name in names:
            found["problems"][name] = in_child(name, FLAGS.data_dir)
        if len(names) > 1:
            found["problems"]["all in one run"] = in_child(
                FLAGS.problems, FLAGS.data_dir
            )
    for label, problem, source, options, changes in real_sources():
        with tempfile.TemporaryDirectory() as folder:
            generate(problem, source, folder, options)
            found["problems"][label] = in_child(problem, folder, changes)
    found["features"] = measuring.in_child(__file__, "features")
    found["after"] = measuring.machine()
    found["rows"] = [
        row for name, told in found["problems"].items() for row in rows_of(name, told)
    ]
    found["rows"] += feature_rows(found["features"])
    measuring.finish("input", found, FLAGS.output)


def real_sources() -> list[tuple[str, str, str, list[str], str]]:
    """The real data asked for.

    Returns:
        What to call it, problem, source, options of the problem, and changes to the
        hyper-parameters: eight photos a batch.
    """
    sources = []
    for size in map(int, FLAGS.sizes if FLAGS.photos else ()):
        options = [f"--problem_option=image_imagenet.size={size}"]
        cost = 8 * Image(size, size).cost(1)
        told = (options, f"batch_cost_image={cost}")
        label = f"photos of {size} pixels"
        sources.append((label, "image_imagenet", FLAGS.photos, *told))
    if FLAGS.sound:
        sources.append(("recordings", "speech_wsj", FLAGS.sound, [], ""))
    return sources


def generate(problem: str, source: str, folder: str, options: Sequence[str]) -> None:
    """The data of a problem, by t2t-datagen."""
    command = [sys.executable, "-m", "t2t_multimodel.bin.t2t_datagen"]
    command += [f"--problems={problem}", f"--source_dir={source}"]
    measuring.run_quietly([*command, f"--data_dir={folder}", *options])


def in_child(problems: str, data_dir: str, changes: str = "") -> dict[str, Any]:
    """A problem's figures, from a process of its own."""
    keys = ("rounds", "seconds", "steps", "hparams_set")
    given = [f"--{key}={FLAGS[key].value}" for key in keys]
    given.append(f"--hparams={','.join(filter(None, (FLAGS.hparams, changes)))}")
    given += [f"--problems={problems}", f"--data_dir={data_dir}"]
    return measuring.in_child(__file__, "measure", given)


def measure(names: Sequence[str], data_dir: Path) -> dict[str, Any]:
    """The pipeline alone, if it is of one problem, and in a run."""
    quiet.import_tensorflow()
    hparams = registry.hparams(FLAGS.hparams_set).override(FLAGS.hparams)
    alone = pipeline_alone(names[0], data_dir, hparams) if len(names) == 1 else {}
    return {**alone, **in_a_run(names, data_dir, hparams)}


def pipeline_alone(name: str, data_dir: Path, hparams: Any) -> dict[str, float]:
    """Examples a second of the input alone, and a processor's seconds for one."""
    from t2t_multimodel.training.corpora import open_corpora
    from t2t_multimodel.training.feeds import Feeds

    corpora = open_corpora([name], data_dir, hparams.training)
    feeds = Feeds(corpora.streams, {})
    for _ in range(8):  # What was read ahead while nobody asked does not count.
        feeds.next_batch(name)
    examples, started, before = 0, time.perf_counter(), time.process_time()
    for _ in range(FLAGS.rounds):
        examples += int(feeds.next_batch(name)["targets"].shape[0])
        if time.perf_counter() - started > FLAGS.seconds:
            break
    seconds = time.perf_counter() - started
    return {
        "examples_per_s": examples / seconds,
        "cpu_s_an_example": (time.process_time() - before) / examples,
    }


def in_a_run(names: Sequence[str], data_dir: Path, hparams: Any) -> dict[str, float]:
    """Examples a second that training takes in, and the share of time it waits."""
    from t2t_multimodel.reporting.curves import read_curves
    from t2t_multimodel.training.ledger_file import read_ledger
    from t2t_multimodel.training.run import train

    # The first interval ends with every problem's graph built.
    warm_up = 5 * len(names)
    interval = max(FLAGS.steps, warm_up)
    steps = {"train_steps": 2 * interval, "log_steps": interval}
    steps["save_steps"] = 10 * interval
    with tempfile.TemporaryDirectory() as folder:
        train(hparams.replace(**steps), names, data_dir, folder)
        waited = dict(read_curves(Path(folder)).get("train", "input_share"))
        last = [line for line in read_ledger(Path(folder)) if "problems" in line][-1]
    told = last["problems"].values()
    seconds = sum(each["seconds"] for each in told)
    return {
        "waiting_share": waited[last["step"]],
        "trained_examples_per_s": sum(each["examples"] for each in told) / seconds,
        "step_s": seconds / sum(each["batches"] for each in told),
    }


def sound_features() -> dict[str, float]:
    """Processor's seconds for three seconds of sound: computed, or as if stored."""
    import tensorflow as tf

    audio, count, length = Audio(), 16, 3 * 16000
    noise = tf.random.stateless_uniform((count, length), (1, 2), -9999, 9999, tf.int32)
    sound = tf.constant([row.tobytes() for row in noise.numpy().astype("<i2")])
    frames = audio.tensors("inputs", sound, None)["inputs"]
    stored = tf.constant([row.tobytes() for row in frames.numpy()])
    num_bytes = 4 * frames.shape[1] * frames.shape[2]

    @tf.function(autograph=False)
    def computed() -> Any:
        return audio.tensors("inputs", sound, None)

    @tf.function(autograph=False)
    def read() -> Any:
        return tf.io.decode_raw(stored, tf.float32, fixed_length=num_bytes)

    return {
        "computed_s": processor_seconds(computed) / count,
        "stored_s": processor_seconds(read) / count,
        "computed_bytes": 2 * length,
        "stored_bytes": num_bytes,
    }


def processor_seconds(call: Callable[[], object]) -> float:
    """The least of a processor's time that a call takes, of many."""
    call()
    seconds = []
    for _ in range(FLAGS.rounds):
        before = time.process_time()
        call()
        seconds.append(time.process_time() - before)
    return min(seconds)


def feature_rows(told: dict[str, float]) -> list[measuring.Row]:
    """What computing an utterance's features costs, and storing them would."""
    case = "three seconds of sound"
    spent = ("log-mel, processor time", told["computed_s"], "s")
    times = told["computed_s"] / max(told["stored_s"], 1e-9)
    size = told["stored_bytes"] / told["computed_bytes"]
    kept = ("log-mel, stored", told["stored_bytes"] / 1024, "KiB")
    return [
        measuring.row(case, *spent, times, "of reading them"),
        measuring.row(case, *kept, size, "of the samples"),
    ]


def rows_of(name: str, told: dict[str, float]) -> list[measuring.Row]:
    """What is to be said of a problem."""
    rows = []
    taken = told["trained_examples_per_s"]
    if "examples_per_s" in told:
        given = ("input alone", told["examples_per_s"], "examples/s")
        times = (told["examples_per_s"] / taken, "times what training takes in")
        rows.append(measuring.row(name, *given, *times))
        each = ("input, processor time an example", told["cpu_s_an_example"], "s")
        share = (told["cpu_s_an_example"] * taken, "of one core while training")
        rows.append(measuring.row(name, *each, *share))
    waited = ("waiting for input", 100 * told["waiting_share"], "% of a step")
    aim = (told["waiting_share"] / AIM, "of the aim, 2 %")
    rows.append(measuring.row(name, *waited, *aim))
    return rows


if __name__ == "__main__":
    program.run(main, FLAGS)
