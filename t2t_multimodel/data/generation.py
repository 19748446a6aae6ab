"""Making a data directory: problems in, shards, indexes, vocabulary and manifests out.

  1. every split of every problem is listed (side by side): how many examples there are,
     which texts, how many bytes they will take (`listing.py`),
  2. one vocabulary is learned from the texts, or the folder's is taken,
  3. the examples are made (side by side) and written, shard by shard (`writing.py`),
  4. all is moved to its final names, manifests last (`unfinished.py`).

Until step 4 everything lies in a folder of its own, and a shard that is whole is not
made again after a kill: a final name always stands for something whole.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from t2t_multimodel.data.listing import SplitJob
from t2t_multimodel.data.making import Made, make_splits
from t2t_multimodel.data.manifest import (
    VOCABULARY_FILE,
    Manifest,
    load_manifests,
    manifest_path,
)
from t2t_multimodel.data.options import DEFAULT_NUM_SHARDS, Options
from t2t_multimodel.data.problem import SPLITS, Problem
from t2t_multimodel.data.sources import source_digest, source_of
from t2t_multimodel.data.twins import make_twins, with_twins
from t2t_multimodel.data.unfinished import Unfinished
from t2t_multimodel.data.vocabulary import Vocabulary

__all__ = ["DEFAULT_NUM_SHARDS", "Options", "generate"]

_log = logging.getLogger(__name__)


def generate(
    problems: Sequence[Problem],
    data_dir: str | Path,
    source_dir: str | Path | None = None,
    options: Options | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> dict[str, Manifest]:
    """Generates problems into a data directory.

    What is there already, made with the same options and generator version, is kept.
    What an interrupted generation has finished is not made again.

    Args:
        problems: What to generate, e.g. `[registry.problem("parse_mini")]`. A twin
            brings along the problem whose records it reads.
        data_dir: The folder, made if need be.
        source_dir: The raw corpora: of a single problem, or a folder `NAME` for each.
        options: How to do it.
        progress: Called with a stage ("listing", "vocabulary", "writing"; "NAME-SPLIT"
            while that is written), how much of it is done and how much there is (None:
            not known yet): examples, or of the vocabulary 0 or 1.

    Returns:
        The problems' manifests by name, in the order given.

    Raises:
        ValueError, OSError: The source or the data directory is at fault; nothing has
            then changed in the data directory.
    """
    options = options or Options()
    folder = Path(data_dir)
    everything = with_twins(problems)
    sources = _sources(everything, Path(source_dir) if source_dir else None)
    with Unfinished(folder, options.tmp_dir) as unfinished:
        present = load_manifests(folder)
        wanted = [
            problem
            for problem in everything
            if not problem.twin
            and not _is_current(problem, present, unfinished.published, folder, options)
        ]
        remade = [problem.name for problem in wanted]
        vocabulary_file = _present_vocabulary(folder, present, remade, options)
        made: dict[str, Manifest] = {}
        if wanted:
            jobs = [
                job
                for problem in wanted
                for job in _jobs(problem, sources[problem.name], options)
            ]
            digests = {
                problem.name: source_digest(
                    sources[problem.name], (folder, unfinished.folder)
                )
                for problem in wanted
                if problem.needs_source
            }
            result = make_splits(
                jobs, digests, vocabulary_file, options, unfinished, progress or _nobody
            )
            made = {name: _manifest(name, jobs, result, options) for name in remade}
        made |= make_twins(everything, present, made, folder, unfinished.folder)
        if made:
            replaced = [present[name] for name in made if name in present]
            has_new_vocabulary = bool(wanted) and vocabulary_file is None
            unfinished.publish(list(made.values()), replaced, has_new_vocabulary)
        _tell(everything, made, folder)
    return {problem.name: Manifest.load(folder, problem.name) for problem in problems}


def _nobody(stage: str, done: int, total: int | None) -> None:
    """Is told of progress where no one wants to know."""


def _sources(
    problems: Sequence[Problem], source_dir: Path | None
) -> Mapping[str, Path]:
    """The folders of the raw corpora by problem; a twin's folder serves the other."""
    return {
        problem.name: source_of(
            problem,
            source_dir,
            *(twin.name for twin in problems if twin.twin == problem.name),
        )
        for problem in problems
        if not problem.twin
    }


def _is_current(
    problem: Problem,
    present: Mapping[str, Manifest],
    published: Sequence[str],
    folder: Path,
    options: Options,
) -> bool:
    """Whether the problem is there already; refuses what was made otherwise."""
    manifest = present.get(problem.name)
    if manifest is None or (options.overwrite and problem.name not in published):
        return False
    made = {**manifest.arguments, "generator_version": manifest.generator_version}
    asked = {**options.recorded, "generator_version": problem.generator_version}
    # What is empty is found in the corpus.
    asked |= {name: value for name, value in problem.options.items() if value}
    made |= {name: manifest.options.get(name) for name in problem.options}
    for name, value in asked.items():
        if made.get(name) != value:
            raise ValueError(
                f"{manifest_path(folder, problem.name)} was made with {name}="
                f"{made.get(name)}, now it is {value}; pass --overwrite to make it anew"
            )
    return True


def _present_vocabulary(
    folder: Path,
    present: Mapping[str, Manifest],
    remade: Collection[str],
    options: Options,
) -> Path | None:
    """The folder's vocabulary if it is to be used; None: learn one."""
    staying = {
        name: manifest
        for name, manifest in present.items()
        if name not in remade and manifest.twin not in remade
    }
    path = folder / VOCABULARY_FILE
    if not path.exists():
        if staying:
            raise ValueError(
                f"{path} is missing, but {', '.join(staying)} was made with it; use "
                f"another --data_dir, or --overwrite with all problems of this one"
            )
        return None
    if options.overwrite and not staying:
        return None
    vocabulary = Vocabulary.load(path)
    for manifest in staying.values():
        manifest.check_vocabulary(folder, vocabulary.fingerprint)
    if remade:
        _log.info("vocabulary: %s, reused (%d pieces)", path, vocabulary.size)
    return path


def _jobs(problem: Problem, source: Path, options: Options) -> list[SplitJob]:
    problem = problem.with_source(source)
    splits = problem.splits(source)
    unknown = [split for split in splits if split not in SPLITS]
    if unknown or "train" not in splits:
        raise ValueError(
            f"problem {problem.name} has splits {', '.join(splits) or 'none'}; it "
            f"needs train and may have dev and test"
        )
    return [
        SplitJob(
            problem=problem,
            split=split,
            source_dir=source,
            num_shards=options.num_shards if split == "train" else 1,
            max_examples=options.max_examples,
            seed=options.seed,
        )
        for split in splits
    ]


def _manifest(
    name: str, jobs: Sequence[SplitJob], made: Made, options: Options
) -> Manifest:
    vocabulary = made.vocabulary
    problem = next(job.problem for job in jobs if job.problem.name == name)
    return Manifest(
        problem=problem.name,
        generator_version=problem.generator_version,
        features={k: feature.describe() for k, feature in problem.features.items()},
        source=problem.source,
        licence=problem.licence,
        arguments=options.recorded,
        vocabulary={"fingerprint": vocabulary.fingerprint, "size": vocabulary.size},
        splits={
            job.split: split
            for job, split in zip(jobs, made.splits, strict=True)
            if job.problem.name == name
        },
        options=dict(problem.options),
    )


def _tell(
    problems: Sequence[Problem], made: Mapping[str, Manifest], folder: Path
) -> None:
    for problem in problems:
        if problem.name not in made:
            _log.info("%s: already in %s, kept", problem.name, folder)
    for manifest in made.values():
        _log.info("%s: %s", manifest.problem, _counted(manifest))


def _counted(manifest: Manifest) -> str:
    parts = []
    for name, split in manifest.splits.items():
        skipped = ", ".join(f"{n} skipped: {why}" for why, n in split.skipped.items())
        parts.append(f"{split.examples} {name}" + (f" ({skipped})" if skipped else ""))
    twin = f"; the records of {manifest.twin}" if manifest.twin else ""
    return ", ".join(parts) + twin
