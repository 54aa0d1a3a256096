"""Facts of text/strings-v1: copies do not pay, the reference is fresh, defects are there."""

import io
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.text_strings import StringsRule
from sandmle.metrics import get_metric
from sandmle.seeds import get_seed

FAMILY = FAMILIES.get("text/strings-v1")
DNA = get_seed("stanford-covid-vaccine").dna()


def strings(table, column):
    return pd.read_csv(io.BytesIO(table), dtype=str)[column].to_numpy()


def drawn(level, seed=4):
    draft = FAMILY.draft(DNA, seed, difficulty=level)
    column = draft.submission.targets[0].name
    tables = (draft.public["train.csv"], draft.answers, draft.reference.submission)
    return draft, *(strings(table, column) for table in tables)


def gain(draft, hidden, reference, pred):
    metric = get_metric(draft.metric)
    sample = strings(draft.public["sample_submission.csv"], draft.submission.targets[0].name)
    nothing, full = metric(hidden, sample), metric(hidden, reference)
    return (nothing - metric(hidden, pred)) / (nothing - full)


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_training_strings_dealt_out_come_nowhere_near_a_medal(level, share):
    draft, train, hidden, reference = drawn(level)
    rng = np.random.default_rng(0)
    copies = train[rng.integers(0, len(train), len(hidden))]
    dealt = np.where(rng.random(len(hidden)) < share, copies, reference)
    assert gain(draft, hidden, reference, dealt) < 0.4


@pytest.mark.parametrize("level", [0, 2])
def test_training_strings_with_one_symbol_dropped_or_changed_earn_as_little(level):
    draft, train, hidden, reference = drawn(level)
    rng = np.random.default_rng(0)
    dealt = train[rng.integers(0, len(train), len(hidden))]
    dropped = [text[: len(text) // 2] + text[len(text) // 2 + 1 :] for text in dealt]
    changed = [text[:-1] + dealt[0][0] for text in dealt]
    for pred in (dropped, changed):
        assert gain(draft, hidden, reference, np.array(pred, dtype=object)) < 0.4


def test_answers_hold_fresh_strings_each_with_the_whole_automaton():
    draft, _, hidden, reference = drawn(0)
    rule = StringsRule.model_validate(draft.rule)
    told = {text.partition("|")[2] for text in hidden}
    assert len(told) == 1
    assert told.pop().count(";") == len(rule.arcs) - 1
    assert not any("|" in text for text in reference)


def test_every_state_gives_its_symbols_and_its_end_chances_that_sum_to_one():
    rule = StringsRule.model_validate(drawn(0)[0].rule)
    totals = Counter()
    for arc in rule.arcs:
        totals[arc.state] += arc.chance
    assert list(totals.values()) == pytest.approx([1.0] * 7)


def test_misspelt_strings_come_with_level_1_and_repeated_ones_with_level_2():
    for level, misspelt, repeated in ((0, False, False), (1, True, False), (2, True, True)):
        draft, train, _, _ = drawn(level)
        rule = StringsRule.model_validate(draft.rule)
        arcs = {(arc.state, arc.symbol): arc.to for arc in rule.arcs}

        def written(text, arcs=arcs):
            state = 0
            for symbol in text:
                if (state, symbol) not in arcs:
                    return False
                state = arcs[state, symbol]
            return (state, ".") in arcs

        assert (np.mean([written(text) for text in train]) < 0.95) == misspelt
        assert (max(Counter(train).values()) > 9) == repeated
