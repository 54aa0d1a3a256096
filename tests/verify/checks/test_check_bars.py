"""The checks that compare scores with the bars."""

from dataclasses import replace

import numpy as np
import pytest

from sandmle.core.draft import Reference, Trap
from sandmle.verify.checks import CHECKS, battery


def lines(data):
    return data.decode().splitlines()


def answers(toy):
    return {row.split(",")[0]: float(row.split(",")[1]) for row in lines(toy.answers)[1:]}


def with_column(toy, name, train_cell, test_cell):
    """Add a column whose cell is made from the row's label."""
    truth, public = answers(toy), dict(toy.public)
    for path, make in (("train.csv", train_cell), ("test.csv", test_cell)):
        header, *rows = lines(toy.public[path])
        out = [f"{name},{header}"]
        for row in rows:
            cells = row.split(",")
            label = float(cells[-1]) if path == "train.csv" else truth[cells[0]]
            out.append(f"{make(label):.4f},{row}")
        public[path] = ("\n".join(out) + "\n").encode()
    return public


def reason(name, context):
    fault = CHECKS.get(name).find(context)
    return None if fault is None else fault.reason


@pytest.mark.parametrize("check", [check.name for check in battery()])
def test_the_clean_draft_passes(check, measured_toy):
    assert CHECKS.get(check).find(measured_toy) is None


def test_a_column_that_decides_the_task_is_caught(toy, changed):
    rng = np.random.default_rng(0)

    def near(label):
        return (label + 0.2 * rng.normal()) ** 3

    assert reason("single_column", changed(public=with_column(toy, "x", near, near))) == (
        "single_column.too_good"
    )


def test_an_easy_real_table_is_recorded_and_not_refused(toy, changed):
    rng = np.random.default_rng(0)

    def near(label):
        return (label + 0.2 * rng.normal()) ** 3

    easy = changed(public=with_column(toy, "x", near, near), reference=Reference("best_pipeline"))
    fault = CHECKS.get("single_column").find(easy)
    assert fault.reason == "single_column.too_good"
    assert not fault.hard


def test_a_column_that_is_the_answer_with_noise_is_caught_without_training_labels(toy, changed):
    rng = np.random.default_rng(0)
    public = with_column(
        toy, "x", lambda label: rng.normal(), lambda label: label + 0.1 * rng.normal()
    )
    assert reason("single_column", changed(public=public)) == "single_column.too_good"


def low_bronze(context, score):
    """Put bronze where a submission of this score earns it."""
    measured = context.measured
    thresholds = measured.outcome.thresholds.model_copy(
        update={"median": score * 1.1, "bronze": score * 1.001}
    )
    outcome = measured.outcome.model_copy(update={"thresholds": thresholds})
    context.measured = replace(measured, outcome=outcome)
    return context


def test_a_constant_that_earns_bronze_is_caught(toy, changed, measured_toy):
    truth = measured_toy.graded.answers[:, 0]
    context = low_bronze(changed(), float(truth.std()))
    assert reason("trivial_submissions", context) == "trivial_submissions.constant"


def test_a_sample_submission_that_earns_bronze_is_caught(toy, changed, measured_toy):
    context = changed()
    measured = measured_toy.measurement
    good = replace(measured.ladder.sample, predictions=measured.ladder.reference.predictions)
    context.measured = replace(measured, ladder=replace(measured.ladder, sample=good))
    assert reason("trivial_submissions", context) == "trivial_submissions.sample"


def test_ids_that_are_the_answers_are_caught(toy, changed):
    truth = answers(toy)
    order = sorted(truth, key=truth.get)
    new = {name: f"{i}" for i, name in enumerate(order)}
    text = toy.answers.decode()
    scaled = "\n".join(
        ["plot,crop,split"]
        + [
            f"{new[r.split(',')[0]]},{(int(new[r.split(',')[0]]) - 200) / 100},{r.split(',')[2]}"
            for r in text.splitlines()[1:]
        ]
    )
    # labels are (id - 200) / 100: the best constant is off by 1.15, the id over 400 by 1.0
    context = low_bronze(changed(answers=scaled.encode()), 1.05)
    assert reason("trivial_submissions", context) == "trivial_submissions.id"


def test_a_nearest_neighbour_that_earns_bronze_is_caught(toy, changed):
    """Twelve tight clusters: the label of the nearest training row is nearly right."""
    rng = np.random.default_rng(0)
    centres = 5 * rng.normal(size=(12, 7))
    levels = np.linspace(-3, 3, 12)
    truth, public = {}, dict(toy.public)
    for path in ("train.csv", "test.csv"):
        header, *rows = lines(toy.public[path])
        out = [header]
        for row in rows:
            cells = row.split(",")
            home = int(rng.integers(12))
            label = levels[home] + 0.05 * rng.normal()
            point = [f"{v:.4f}" for v in centres[home] + 0.1 * rng.normal(size=7)]
            truth[cells[0]] = label
            tail = [f"{label:.4f}"] if path == "train.csv" else []
            out.append(",".join([cells[0], *point, cells[8], *tail]))
        public[path] = ("\n".join(out) + "\n").encode()
    header, *rows = lines(toy.answers)
    keyed = [f"{r.split(',')[0]},{truth[r.split(',')[0]]:.4f},{r.split(',')[2]}" for r in rows]
    context = changed(public=public, answers="\n".join([header, *keyed]).encode())
    assert reason("trivial_submissions", context) == "trivial_submissions.neighbour"


def test_a_position_that_gives_the_label_away_is_caught(toy, changed):
    truth = answers(toy)
    public = dict(toy.public)
    for path in ("train.csv", "test.csv"):
        header, *rows = lines(toy.public[path])
        key = (
            (lambda row: float(row.rsplit(",", 1)[1]))
            if path == "train.csv"
            else (lambda row: truth[row.split(",")[0]])
        )
        public[path] = ("\n".join([header, *sorted(rows, key=key)]) + "\n").encode()
    assert reason("data_free", changed(public=public)) == "data_free.metadata"


def test_a_prior_that_earns_bronze_is_caught(changed, measured_toy):
    truth = measured_toy.graded.answers[:, 0]
    context = low_bronze(changed(), 1.02 * float(truth.std()))
    assert reason("data_free", context) == "data_free.prior"


def test_a_reference_that_is_no_better_when_whole_is_caught(toy, changed, measured_toy):
    measured = measured_toy.measurement
    wrong = -measured.ladder.reference.predictions
    score = measured_toy.score(wrong)
    bad = replace(measured.ladder.reference, predictions=wrong, score=score)
    context = changed()
    context.measured = replace(measured, ladder=replace(measured.ladder, reference=bad))
    assert reason("metric", context) == "metric.direction"


def test_answers_that_do_not_score_best_are_caught(changed, monkeypatch):
    context = changed()
    monkeypatch.setattr(type(context.metric), "best", 0.5)
    assert reason("metric", context) == "metric.not_best"


def test_a_grader_that_accepts_too_much_is_caught(toy, changed):
    context = changed()

    class Lenient:
        def score(self, data, split=None):
            return 1.0

    context.__dict__["grader"] = Lenient()
    assert reason("grader_attacks", context) == "grader_attacks.accepted"


def test_a_grader_that_refuses_a_legitimate_file_or_reads_by_position_is_caught(changed):
    strict = changed()
    real = strict.grader

    class NoBom:
        def score(self, data, split=None):
            from sandmle.core.errors import InvalidSubmission

            if data.startswith(b"\xef\xbb\xbf"):
                raise InvalidSubmission("no byte order mark, please")
            return real.score(data, split)

    strict.__dict__["grader"] = NoBom()
    assert reason("grader_attacks", strict) == "grader_attacks.refused"

    class ByPosition:
        def score(self, data, split=None):
            return real.score(data, split) + len(data.splitlines()[1])

    strict.__dict__["grader"] = ByPosition()
    assert reason("grader_attacks", strict) == "grader_attacks.order"


def test_a_trap_that_is_no_column_or_costs_nothing_is_recorded(toy, changed):
    gone = changed(traps=(Trap("rainfall", "why"),))
    assert reason("traps", gone) == "traps.unknown_column"
    harmless = changed(traps=(Trap("wind", "why"),))
    assert reason("traps", harmless) == "traps.harmless"


def test_a_trap_that_helps_on_train_and_hurts_on_test_is_a_trap(toy, changed):
    rng = np.random.default_rng(0)
    public = with_column(toy, "late", lambda label: label, lambda label: 3 * rng.normal())
    context = changed(public=public, traps=(Trap("late", "why"),))
    assert reason("traps", context) is None
