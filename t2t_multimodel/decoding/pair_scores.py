"""Scores of given pairs: how likely the targets are, to a model that is shown them.

Teacher-forced: the model sees the right tokens up to each position, so a score says how
probable a text is, not that the model would write it. Of an output of the decoder it is
the log-probability that the decoder gave it, as far as the output ends before its limit
and its text is split into the same tokens again (a model may spell a word in other
tokens than the vocabulary does).

Shape suffixes: B pairs, L tokens of the targets, V words, C classes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.data.features import Texts
from t2t_multimodel.decoding.graphs import classify_graph, relaxed_specs
from t2t_multimodel.decoding.jobs import Job, LoadedInputs, jobs_of, raw_value
from t2t_multimodel.decoding.raw_inputs import BATCH_COST
from t2t_multimodel.decoding.reading import Item
from t2t_multimodel.decoding.scorer import log_probabilities


@dataclass(frozen=True)
class PairScore:
    """How likely the targets of a pair are, given its inputs.

    Attributes:
        job: The pair and its problem.
        token_log_probabilities: Natural logs of the probability of each token after the
            right ones before it, the end (EOS) included; of a label just one.
        seconds: The time of its batch, shared by the pairs in it.
        fault: Why it was skipped; "" where it was not.
    """

    job: Job
    token_log_probabilities: tuple[float, ...] = ()
    seconds: float = 0.0
    fault: str = ""

    @property
    def log_probability(self) -> float:
        """Natural log of the probability of the targets."""
        return float(sum(self.token_log_probabilities))

    @property
    def num_tokens(self) -> int:
        """How many tokens the targets have, EOS included."""
        return len(self.token_log_probabilities)

    @property
    def per_token(self) -> float:
        """The mean over the tokens."""
        return self.log_probability / max(1, self.num_tokens)


def score_pairs(
    run: Any,
    items: Sequence[Item],
    problem_names: Sequence[str] = (),
    *,
    on_error: str = "stop",
    batch_cost: int = BATCH_COST,
    advance: Callable[[int], None] | None = None,
) -> list[PairScore]:
    """Teacher-forced log-probabilities of the targets of pairs.

    Args:
        run: What `training.restore.load_run` gives.
        items: Inputs with `targets`; one without takes the `output` of its record, so
            that what t2t-decoder writes as JSONL can be scored.
        problem_names: See `jobs.jobs_of`.
        on_error: "stop" at the first pair that cannot be read, before any is scored;
            or "skip" it.
        batch_cost: Padded positions in a batch; no score depends on it.
        advance: Called with the number of pairs of each batch done.

    Returns:
        A score for each pair and problem, in the order of `jobs.jobs_of`.

    Raises:
        ValueError: A pair cannot be read; the message says which and why.
    """
    jobs = jobs_of(run, items, problem_names)
    loaded = LoadedInputs(run, jobs, on_error)
    targets: dict[int, Any] = {}
    for place, job in enumerate(jobs):
        if place in loaded.faults:
            continue
        feature = job.problem.targets
        try:
            targets[place] = _load_targets(job)
        except (OSError, ValueError) as error:
            fault = f"{job.item.name}: targets: {error}"
            if on_error == "stop":
                raise ValueError(fault) from error
            loaded.drop(place, fault)
            continue
        length = feature.length(targets[place], run.vocabulary)
        loaded.raise_cost(place, int(feature.cost(length)))
    scores = {
        place: PairScore(jobs[place], fault=fault)
        for place, fault in loaded.faults.items()
    }
    if advance is not None:
        advance(len(scores))
    forced = _Forced()
    for places in loaded.batches(batch_cost):
        started = time.perf_counter()
        problem = jobs[places[0]].problem
        inputs = [loaded.value(place) for place in places]
        batch = problem.inputs.batch(inputs, run.vocabulary)
        batch |= problem.targets.batch(
            [targets[place] for place in places], run.vocabulary, "targets"
        )
        found = forced.score(run.model.view(problem.name), batch)
        seconds = (time.perf_counter() - started) / len(places)
        for place, values in zip(places, found, strict=True):
            scores[place] = PairScore(jobs[place], values, seconds)
        if advance is not None:
            advance(len(places))
    return [scores[place] for place in range(len(jobs))]


def _load_targets(job: Job) -> Any:
    feature, value = job.problem.targets, raw_value(job.item.targets)
    if value is None:
        value = job.item.extra.get("output")
    if value is None:
        raise ValueError("there are none")
    if value == "" and feature.modality == "text":
        return b""  # a model may write nothing but the end
    # One text is given where there may be several that say the same.
    if isinstance(feature, Texts) and isinstance(value, str):
        value = [value]
    return feature.load(value)


class _Forced:
    """The graphs that score, one for each view signature."""

    def __init__(self) -> None:
        self._graphs: dict[Any, Any] = {}

    def score(self, view: Any, batch: Mapping[str, Any]) -> list[tuple[float, ...]]:
        """For each pair the log-probabilities of its tokens, or of its class."""
        is_label = view.task.targets.modality == "label"
        features = dict(batch)
        if is_label:
            labels_B = np.asarray(features.pop("targets"))
        specs = relaxed_specs(features)
        key = (view.signature, repr(sorted(specs.items())))
        if key not in self._graphs:
            make = classify_graph if is_label else _tokens_graph
            self._graphs[key] = make(view, specs)
        found = self._graphs[key](features, tf.constant(view.command_id, tf.int32))
        if is_label:
            # Not below the smallest number that float32 can tell from nothing.
            floor = np.finfo(np.float32).tiny
            log_p_BC = np.log(np.maximum(found.numpy(), floor))
            return [(float(row[i]),) for row, i in zip(log_p_BC, labels_B, strict=True)]
        mask_BL = np.asarray(features["targets_mask"])
        return [
            tuple(row[mask].tolist())
            for row, mask in zip(found.numpy(), mask_BL, strict=True)
        ]


def _tokens_graph(view: Any, specs: Mapping[str, Any]) -> Any:
    """Log-probabilities `[B, L]` of the targets' tokens, of features and command."""

    @tf.function(
        autograph=False,
        input_signature=[specs, tf.TensorSpec([], tf.int32, name="command")],
    )
    def score(features: Mapping[str, Any], command: Any) -> Any:
        logits_BLV = view({**features, "command": command}, training=False)
        log_p_BLV = log_probabilities(logits_BLV)
        return tf.gather(log_p_BLV, features["targets"], axis=2, batch_dims=2)

    return score
