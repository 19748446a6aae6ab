"""Making a data directory: problems in, shards, indexes, vocabulary and manifests out.

  1. every split of every problem is written as shards (side by side),
  2. one vocabulary is learned from the texts that went by, or the folder's is taken,
  3. lengths of text are measured with it (side by side),
  4. all is moved to its final names, manifests last.

Until step 4 everything lies in a folder of its own, which vanishes on any failure: a
final name always stands for something whole.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from t2t_multimodel.data.manifest import (
    VOCABULARY_FILE,
    Lengths,
    Manifest,
    SplitManifest,
    StoredFile,
    load_manifests,
    manifest_path,
)
from t2t_multimodel.data.problem import SPLITS, Problem
from t2t_multimodel.data.records import Index
from t2t_multimodel.data.vocabulary import DEFAULT_SIZE, Vocabulary
from t2t_multimodel.data.workers import Workers
from t2t_multimodel.data.writing import (
    SplitJob,
    WrittenSplit,
    measure_text,
    write_split,
)

DEFAULT_NUM_SHARDS = 10

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Options:
    """What to generate.

    Attributes:
        max_examples: At most so many examples a split; None: all.
        num_shards: Shards of a train split; dev and test have one.
        num_workers: Processes; the outcome does not depend on it. With 1 everything
            runs in this process, as problems defined in a notebook need it.
        vocab_size: Pieces of the vocabulary at most.
        seed: Seed of shards and vocabulary sample.
        overwrite: Generate again what is there already.
        tmp_dir: Where unfinished files lie: on the same file system as the data
            directory, which it is by default.
    """

    max_examples: int | None = None
    num_shards: int = DEFAULT_NUM_SHARDS
    num_workers: int = 1
    vocab_size: int = DEFAULT_SIZE
    seed: int = 0
    overwrite: bool = False
    tmp_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.max_examples is not None and self.max_examples < 1:
            raise ValueError(f"max_examples is {self.max_examples}; at least 1")
        for name in ("num_shards", "num_workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; at least 1")

    @property
    def recorded(self) -> dict[str, Any]:
        """What of it decides the outcome, for the manifest."""
        names = ("max_examples", "num_shards", "seed")
        return {name: getattr(self, name) for name in names}


def generate(
    problems: Sequence[Problem],
    data_dir: str | Path,
    source_dir: str | Path | None = None,
    options: Options | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> dict[str, Manifest]:
    """Generates problems into a data directory.

    What is there already, made with the same options and generator version, is kept.

    Args:
        problems: What to generate, e.g. `[registry.problem("parse_mini")]`.
        data_dir: The folder, made if need be.
        source_dir: The raw corpora: of a single problem, or a folder `NAME` for each.
        options: How to do it.
        progress: Called with "NAME-SPLIT" and the number of examples done.

    Returns:
        The problems' manifests by name, in the order given.

    Raises:
        ValueError, OSError: The source or the data directory is at fault; nothing has
            then changed in the data directory.
    """
    options = options or Options()
    folder = Path(data_dir)
    present = load_manifests(folder)
    wanted = [
        problem
        for problem in problems
        if options.overwrite or not _is_current(problem, present, folder, options)
    ]
    staying = {
        name: manifest
        for name, manifest in present.items()
        if name not in {problem.name for problem in wanted}
    }
    vocabulary = _present_vocabulary(folder, staying, options)
    for problem in problems:
        if problem not in wanted:
            _log.info("%s: already in %s, kept", problem.name, folder)
    if wanted:
        jobs = [
            job
            for problem in wanted
            for job in _jobs(problem, folder, source_dir, options)
        ]
        with _unfinished_folder(folder, options.tmp_dir) as partial:
            jobs = [dataclasses.replace(job, folder=partial) for job in jobs]
            with Workers(options.num_workers, len(jobs)) as workers:
                made = _make(jobs, folder, vocabulary, options, workers, progress)
            _publish(made, present, partial, folder)
    return {problem.name: Manifest.load(folder, problem.name) for problem in problems}


def _is_current(
    problem: Problem, present: dict[str, Manifest], folder: Path, options: Options
) -> bool:
    """Whether the problem is there already; refuses what was made otherwise."""
    manifest = present.get(problem.name)
    if manifest is None:
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
    folder: Path, staying: dict[str, Manifest], options: Options
) -> Vocabulary | None:
    """The folder's vocabulary if it is to be used; None: learn one."""
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
    _log.info("vocabulary: %s, reused (%d pieces)", path, vocabulary.size)
    return vocabulary


def _jobs(
    problem: Problem, folder: Path, source_dir: str | Path | None, options: Options
) -> list[SplitJob]:
    source = _source_of(problem, source_dir)
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
            folder=folder,
            num_shards=options.num_shards if split == "train" else 1,
            max_examples=options.max_examples,
            seed=options.seed,
        )
        for split in splits
    ]


def _source_of(problem: Problem, source_dir: str | Path | None) -> Path:
    if not problem.needs_source:
        return Path()
    if source_dir is None:
        raise ValueError(
            f"problem {problem.name} needs --source_dir, the folder of its raw corpus "
            f"({problem.source})"
        )
    own = Path(source_dir) / problem.name
    source = own if own.is_dir() else Path(source_dir)
    if not source.is_dir():
        raise FileNotFoundError(f"--source_dir: {source} is not a folder")
    return source


@contextmanager
def _unfinished_folder(folder: Path, tmp_dir: Path | None) -> Iterator[Path]:
    """A new folder for unfinished files; it and what was made for it vanish again."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    done = False
    try:
        home = tmp_dir or folder
        home.mkdir(parents=True, exist_ok=True)
        if home.stat().st_dev != folder.stat().st_dev:
            raise ValueError(
                f"--tmp_dir {home} is on another file system than --data_dir "
                f"{folder}, so finished files could not be moved there at once"
            )
        partial = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=home))
        try:
            yield partial
            done = True
        finally:
            shutil.rmtree(partial)
    finally:
        if is_new and not done:
            folder.rmdir()


@dataclasses.dataclass(frozen=True)
class _Made:
    manifests: tuple[Manifest, ...]
    has_new_vocabulary: bool


def _make(
    jobs: list[SplitJob],
    folder: Path,
    vocabulary: Vocabulary | None,
    options: Options,
    workers: Workers,
    progress: Callable[[str, int], None] | None,
) -> _Made:
    """Steps 1 to 3, into the folder of the jobs."""
    partial = jobs[0].folder

    def told(number: int, done: int) -> None:
        if progress is not None:
            progress(f"{jobs[number].problem.name}-{jobs[number].split}", done)

    written = workers.run(write_split, jobs, told)
    vocabulary_file = folder / VOCABULARY_FILE
    is_new = vocabulary is None
    if vocabulary is None:
        vocabulary_file = partial / VOCABULARY_FILE
        texts = (text for split in _by_name(written) for text in split.texts)
        vocabulary = Vocabulary.train(texts, vocabulary_file, options.vocab_size)
        _log.info("vocabulary: learned, %d pieces", vocabulary.size)
    to_measure = [
        (dataclasses.replace(split, texts=()), vocabulary_file) for split in written
    ]
    indexes = workers.run(measure_text, to_measure)
    splits: dict[str, dict[str, SplitManifest]] = {}
    problems: dict[str, Problem] = {}
    for split, index in zip(written, indexes, strict=True):
        problem = split.job.problem
        problems[problem.name] = problem
        entry = _split_manifest(split, index, partial)
        splits.setdefault(problem.name, {})[split.job.split] = entry
    manifests = tuple(
        _manifest(problems[name], entries, vocabulary, options)
        for name, entries in splits.items()
    )
    return _Made(manifests, is_new)


def _by_name(written: Sequence[WrittenSplit]) -> list[WrittenSplit]:
    """In an order that does not depend on how the problems were listed."""
    return sorted(written, key=lambda split: (split.job.problem.name, split.job.split))


def _split_manifest(split: WrittenSplit, index: Index, partial: Path) -> SplitManifest:
    name = f"{split.job.problem.name}-{split.job.split}.index.npz"
    index.save(partial / name)
    return SplitManifest(
        examples=len(index),
        shards=split.shards,
        index=StoredFile.of(partial / name, examples=len(index)),
        skipped=split.skipped,
        inputs=Lengths.of(index.inputs),
        targets=Lengths.of(index.targets),
    )


def _manifest(
    problem: Problem,
    splits: dict[str, SplitManifest],
    vocabulary: Vocabulary,
    options: Options,
) -> Manifest:
    return Manifest(
        problem=problem.name,
        generator_version=problem.generator_version,
        features={k: feature.describe() for k, feature in problem.features.items()},
        source=problem.source,
        licence=problem.licence,
        arguments=options.recorded,
        vocabulary={"fingerprint": vocabulary.fingerprint, "size": vocabulary.size},
        splits=splits,
        options=dict(problem.options),
    )


def _publish(
    made: _Made, present: dict[str, Manifest], partial: Path, folder: Path
) -> None:
    """Step 4. Interrupted here, a problem is without a manifest, never half there."""
    for manifest in made.manifests:
        old = present.get(manifest.problem)
        manifest_path(folder, manifest.problem).unlink(missing_ok=True)
        for file in old.files() if old else ():
            (folder / file.file).unlink(missing_ok=True)
    if made.has_new_vocabulary:
        (partial / VOCABULARY_FILE).replace(folder / VOCABULARY_FILE)
    for manifest in made.manifests:
        for file in manifest.files():
            (partial / file.file).replace(folder / file.file)
        path = manifest.save(partial)
        path.replace(manifest_path(folder, manifest.problem))
        _log.info("%s: %s", manifest.problem, _counted(manifest))


def _counted(manifest: Manifest) -> str:
    parts = []
    for name, split in manifest.splits.items():
        skipped = ", ".join(f"{n} skipped: {why}" for why, n in split.skipped.items())
        parts.append(f"{split.examples} {name}" + (f" ({skipped})" if skipped else ""))
    return ", ".join(parts)
