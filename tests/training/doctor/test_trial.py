"""A trial: the worst bucket is the worst, and figures are what they say they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.doctor.apart import Request
from t2t_multimodel.training.doctor.gauge import gauge_of
from t2t_multimodel.training.doctor.trial import Built, Trial, run_trial
from t2t_multimodel.training.feeds import Feeds
from t2t_multimodel.training.run import prepare


@pytest.fixture(scope="module")
def trial(doctor_data: Path, names: tuple[str, ...], small: HParams) -> Trial:
    said: list[str] = []
    told: list[Built] = []
    request = Request(small, names, doctor_data, "one_device", None, 10**15)
    found = run_trial(request, said.append, told.append)
    assert told == [Built("", "")]
    assert any("doctor_length: its worst batch" in line for line in said)
    return found


def test_the_worst_bucket_holds_more_than_the_others(
    trial: Trial, doctor_data: Path, names: tuple[str, ...], small: HParams
) -> None:
    run = prepare(small, names[1:], doctor_data, "one_device")
    feeds, gauge = Feeds(run.corpora.streams, {}), gauge_of("CPU:0")
    step = run.make_step(feeds.specs)
    for problem in trial.problems[1:]:
        stream = run.corpora.streams[problem.name]
        assert len(problem.buckets) == len(stream.plan.buckets) > 1
        # Which threads are ahead decides what is held at once: a range, not a figure.
        whole = []
        for number in range(len(problem.buckets)):
            batch = stream.bucket_batch(number)
            float(step(problem.name, 0, 0.0, batch).loss)
            peaks = []
            for _ in range(5):
                gauge.reset()
                before = gauge.current()
                float(step(problem.name, 0, 0.0, batch).loss)
                peaks.append(gauge.peak() - before)
            whole.append((min(peaks), max(peaks)))
        assert problem.held is not None
        least, most = max(whole)
        assert most > 1.1 * min(peak for _, peak in whole)
        assert 0.85 * least <= problem.held <= 1.15 * most


def test_buckets_are_tried_on_parts_of_a_batch_only(trial: Trial) -> None:
    for problem in trial.problems:
        for bucket in problem.buckets:
            sizes, whole = sorted(bucket.held), bucket.shape.batch_size
            assert sizes[:2] == sorted({whole // 4, whole // 2})
            assert sizes[-1] < whole
        assert sorted(problem.worst.held)[-1] == problem.worst.shape.batch_size * 3 // 4


def test_steps_were_taken_and_timed(trial: Trial) -> None:
    reversal, length = trial.problems
    assert length.loss == pytest.approx(np.log(5), rel=0.5)
    for problem in (reversal, length):
        assert problem.first_seconds > (problem.worst_seconds or 0) > 0
        assert problem.usual_seconds and problem.usual_seconds > 0
        assert problem.waited is not None
        assert 0 <= problem.waited <= 1


def test_the_peak_is_the_sum_of_what_is_held(trial: Trial, small: HParams) -> None:
    parts = trial.base + trial.resident + trial.copy + trial.step
    assert trial.predicted_process == parts
    assert trial.fits(parts + 1)
    assert not trial.fits(parts - 1)
    assert trial.room(parts) == pytest.approx(trial.step)
    assert trial.process_peak is not None


def test_a_run_that_does_not_fit_takes_no_whole_batch(
    doctor_data: Path, names: tuple[str, ...], small: HParams
) -> None:
    request = Request(small, names[1:], doctor_data, "one_device", None, 1000)
    found = run_trial(request, lambda _: None, lambda _: None)
    assert found.process_peak is None
    (problem,) = found.problems
    assert problem.held is problem.usual_seconds is None
    assert found.step > 0
