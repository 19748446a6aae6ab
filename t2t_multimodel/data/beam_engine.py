"""Shards made on Apache Beam, for corpora that outgrow one machine.

The generators, the shards and their bytes are the same as without it. A shard is an
element of the pipeline: whoever gets it runs the generator up to the shard's range,
makes the examples in it and writes the shard into the folder of unfinished work, which
all machines must share, as they must the corpus. What runs the pipeline, and where, say
Beam's own options; by default it runs in this process.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence

from t2t_multimodel import registry
from t2t_multimodel.data.writing import ShardTask, write_shard

# Beam's own default may fetch a program that it then runs.
_IN_PROCESS = "apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"


def write_shards(tasks: Sequence[ShardTask], beam_options: Sequence[str]) -> None:
    """Writes shards on Apache Beam.

    Args:
        tasks: The shards.
        beam_options: Beam's options as on a command line, such as
            "--runner=FlinkRunner".

    Raises:
        ValueError: Apache Beam is not installed.
    """
    try:
        import apache_beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ValueError(
            f"--engine=beam needs Apache Beam ({error}): "
            f"pip install 't2t-multimodel[beam]'"
        ) from error
    options = PipelineOptions([f"--runner={_IN_PROCESS}", *beam_options])
    usr_dirs = registry.usr_dirs()
    # As bytes, so that a problem of the user's is unpickled where it is known already.
    elements = [pickle.dumps((usr_dirs, pickle.dumps(task))) for task in tasks]
    with apache_beam.Pipeline(options=options) as pipeline:
        _ = (
            pipeline
            | "Shards" >> apache_beam.Create(elements)
            # Else the shards would stay together on the machine that listed them.
            | "Spread" >> apache_beam.Reshuffle()
            | "Write" >> apache_beam.Map(_write)
        )


def _write(element: bytes) -> None:
    usr_dirs, task = pickle.loads(element)
    for folder in usr_dirs:
        registry.import_usr_dir(folder)
    write_shard(pickle.loads(task))
