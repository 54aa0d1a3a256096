from sandmle.generate import Attempt, Order, Outcome, yield_report


def outcome(index, family, *reasons, accepted=True):
    attempts = [
        Attempt(passed=False, reasons=(r,), details=("",), seconds=1.0, ladder_cpu_seconds=0.5)
        for r in reasons
    ]
    if accepted:
        attempts.append(
            Attempt(passed=True, reasons=(), details=(), seconds=1.0, ladder_cpu_seconds=0.5)
        )
    order = Order(index=index, family=family, seed_id="s", difficulty=0)
    return Outcome(
        order=order,
        folder="x" if accepted else None,
        task_id=None,
        attempts=tuple(attempts),
    )


def test_yields_are_counted_by_family_and_reason():
    report = yield_report(
        [
            outcome(0, "a"),
            outcome(1, "a", "ladder.bar_gap"),
            outcome(2, "b", "ladder.bar_gap", "split.seed", accepted=False),
            outcome(3, "b"),
        ]
    )
    assert report.total.orders == 4
    assert report.total.first_draw == 0.5
    assert report.total.accepted == 0.75
    assert report.total.draws == 6
    assert report.total.reasons == {"ladder.bar_gap": 2, "split.seed": 1}
    assert report.families["a"].accepted == 1.0
    assert report.families["b"].reasons == {"ladder.bar_gap": 1, "split.seed": 1}


def test_tasks_without_a_record_of_their_draws_do_not_count():
    order = Order(index=0, family="a", seed_id="s", difficulty=0)
    bare = Outcome(order=order, folder="x", task_id=None, attempts=(), resumed=True)
    report = yield_report([bare])
    assert report.total.orders == 0
    assert report.total.first_draw == 0.0
