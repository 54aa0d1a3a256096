from dataclasses import replace

import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.core.draft import Reference
from sandmle.core.seeding import derive_seed
from sandmle.seeds import get_seed
from sandmle.verify import verify_draft
from sandmle.verify.checks import STAGES, battery


@pytest.fixture(scope="module")
def report(toy, sandbox):
    return verify_draft(toy, sandbox, rebuild_hash=toy.content_hash, attempt=2)


def test_every_check_of_the_battery_runs_on_a_clean_draft_and_passes(report):
    assert report.passed, report.reasons
    assert [result.check for result in report.results] == [check.name for check in battery()]
    assert len(report.results) == 13
    assert report.attempt == 2
    assert report.rungs[0].name == "dummy"


def test_the_same_draft_gets_the_same_report_but_for_timings(report, toy, sandbox):
    again = verify_draft(toy, sandbox, rebuild_hash=toy.content_hash, attempt=2)
    assert again.bars == report.bars
    assert [(r.name, r.score, r.gain) for r in again.rungs] == [
        (r.name, r.score, r.gain) for r in report.rungs
    ]
    assert [(r.check, r.passed) for r in again.results] == [
        (r.check, r.passed) for r in report.results
    ]


def test_checks_are_ordered_by_stage_and_their_reasons_bear_their_names():
    stages = [STAGES.index(check.stage) for check in battery()]
    assert stages == sorted(stages)
    for check in battery():
        assert check.summary
        assert all(reason.startswith(f"{check.name}.") for reason in check.reasons)


def test_an_unreadable_draft_costs_no_ladder(toy, sandbox):
    report = verify_draft(replace(toy, answers=b"nothing"), sandbox)
    assert report.reasons == ("schema.answers",)
    assert not report.rungs
    assert not report.passed


def test_a_draft_that_leaks_is_rejected_before_its_ladder_runs(toy, sandbox):
    leaky = replace(toy, public={**toy.public, "answers.csv": b"a\n1\n"})
    report = verify_draft(leaky, sandbox)
    assert "split.named_file" in report.reasons
    assert not report.rungs


def test_a_ladder_without_bars_leaves_a_reason_and_the_measured_rungs(toy, sandbox):
    report = verify_draft(replace(toy, ladder=toy.ladder[:4]), sandbox)
    assert report.reasons[0].startswith("ladder.")
    assert report.bars is None
    assert len(report.rungs) == 4


def test_a_reference_under_the_dummy_is_reported_without_gains(toy, sandbox):
    bad = replace(toy, reference=Reference("oracle", toy.public["sample_submission.csv"]))
    report = verify_draft(bad, sandbox)
    assert report.reasons == ("ladder.reference_not_better",)
    assert all(rung.gain is None for rung in report.rungs)


def test_the_paper_rule_is_an_option(toy, sandbox):
    bars = verify_draft(toy, sandbox, rule="paper").bars
    assert bars is not None
    assert bars.rule == "paper"
    assert bars.gains["gold"] > bars.gains["silver"] > bars.gains["bronze"] > bars.gains["median"]


@pytest.mark.parametrize("name", FAMILIES.names())
def test_a_fresh_draft_of_every_family_raises_no_false_alarm(name, sandbox):
    """The rule may reject a draft by chance; the other checks have no reason to."""
    family = FAMILIES.get(name)
    dna = get_seed("playground-series-s3e18").dna()
    seed = derive_seed(20_260, name)
    report = verify_draft(family.draft(dna, seed, difficulty=family.levels - 1), sandbox)
    alarms = [reason for reason in report.reasons if not reason.startswith("ladder.")]
    assert not alarms, [result.detail for result in report.results if not result.passed]
