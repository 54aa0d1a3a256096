"""Facts of tabular/events-v1: a log that runs past the cut-off, reversals, repeats, dates."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.tabular_events import EventsRule, EventsScene
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.metrics import get_metric
from sandmle.seeds import get_seed


def drawn(level, seed=4):
    draft = FAMILIES.get("tabular/events-v1").draft(
        get_seed("spaceship-titanic").dna(), seed, difficulty=level
    )
    rule = EventsRule.model_validate(draft.rule)
    scene = wardrobe_of("events", EventsScene).get(rule.skin)
    tables = {
        name: pd.read_csv(io.BytesIO(draft.public[f"{name}.csv"]))
        for name in ("train", "test", "events")
    }
    return draft, rule, scene, tables


def days_after(scene, tables, name):
    """Days by which each event lies after the cut-off of its entity, of one file."""
    cut = tables[name].set_index(scene.id_column)[scene.cut_off]
    log = tables["events"][tables["events"][scene.id_column].isin(cut.index)]
    due = pd.to_datetime(log[scene.id_column].map(cut))
    return log.assign(after=(pd.to_datetime(log[scene.when]) - due).dt.days)


def test_the_log_runs_past_the_cut_off_in_training_alone_and_tells_the_outcome_there():
    _, _, scene, tables = drawn(0)
    assert days_after(scene, tables, "test").after.max() <= 0
    log = days_after(scene, tables, "train")
    later = log[log.after > 0].groupby(scene.id_column).size()
    train = tables["train"].set_index(scene.id_column)
    counts = later.reindex(train.index).fillna(0)
    means = counts.groupby(train[scene.target]).mean()
    assert means[1] > means[0] + 1


def test_every_reversal_repeats_the_amount_of_an_earlier_event_of_its_entity():
    _, _, scene, tables = drawn(0)
    plus, minus, view = scene.kinds
    log = tables["events"]
    known = set(
        log.loc[log[scene.kind] == plus, [scene.id_column, scene.amount]].itertuples(index=False)
    )
    back = log.loc[log[scene.kind] == minus, [scene.id_column, scene.amount]]
    assert len(back) > 300
    assert set(back.itertuples(index=False)) <= known
    assert log.loc[log[scene.kind] == view, scene.amount].isna().all()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_repeated_lines_come_with_level_1_and_other_dates_with_level_2(level):
    _, _, scene, tables = drawn(level)
    log = tables["events"]
    assert (log.duplicated().mean() > 0.1) == (level >= 1)
    assert (log[scene.when].str.match(r"\d{4}-\d\d-\d\d$").mean() < 0.9) == (level >= 2)


def test_the_reference_gives_chances_that_come_true():
    draft, _, scene, _ = drawn(2)
    answers = pd.read_csv(io.BytesIO(draft.answers)).set_index(scene.id_column)[scene.target]
    chance = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(scene.id_column)
    chance = chance[scene.target].loc[answers.index]
    assert answers.mean() == pytest.approx(chance.mean(), abs=0.03)
    middle = chance.between(0.3, 0.7)
    assert answers[middle].mean() == pytest.approx(chance[middle].mean(), abs=0.09)
    best = get_metric("log_loss")(answers.to_numpy(), chance.to_numpy())
    assert best < 0.75 * get_metric("log_loss")(answers.to_numpy(), np.full(len(answers), 0.5))
