"""What is particular to graph/link-v1: hidden links stay hidden, and popularity misleads."""

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.graph_link import LinkRule, LinkScene
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.seeds import get_seed


@pytest.fixture(scope="module", params=[0, 1, 2])
def task(request):
    draft = FAMILIES.get("graph/link-v1").draft(
        get_seed("champs-scalar-coupling").dna(), 9, difficulty=request.param
    )
    rule = LinkRule.model_validate(draft.rule)
    scene = wardrobe_of("graph_link", LinkScene).get(rule.skin)
    train, test, links = (
        pd.read_csv(io.BytesIO(draft.public[f"{name}.csv"])) for name in ("train", "test", "links")
    )
    test = test.merge(pd.read_csv(io.BytesIO(draft.answers)), on=scene.id_column)
    return request.param, scene, train, test, links


def pairs(scene, table):
    return {tuple(sorted(pair)) for pair in table[[scene.first, scene.second]].to_numpy().tolist()}


def test_no_pair_in_question_is_listed_and_none_comes_twice(task):
    _, scene, train, test, links = task
    asked = pairs(scene, pd.concat([train, test]))
    assert len(asked) == len(train) + len(test)
    assert not asked & pairs(scene, links)


def test_degrees_tell_true_pairs_in_train_and_not_in_test(task):
    _, scene, train, test, links = task
    degree = pd.concat([links[scene.first], links[scene.second]]).value_counts()
    scores = []
    for table in (train, test):
        ends = [np.log1p(table[name].map(degree).fillna(0)) for name in (scene.first, scene.second)]
        scores.append(roc_auc_score(table[scene.target], ends[0] + ends[1]))
    assert scores[0] > 0.58
    assert scores[1] < 0.55


def test_neighbours_in_common_help_less_where_unlike_sorts_attract(task):
    level, scene, _, test, links = task
    near = {}
    for one, other in pairs(scene, links):
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)
    empty = set()
    common = [
        len(near.get(one, empty) & near.get(other, empty))
        for one, other in test[[scene.first, scene.second]].to_numpy().tolist()
    ]
    score = roc_auc_score(test[scene.target], common)
    assert (score > 0.7) == (level < 2)


def test_hubs_and_repeated_links_come_with_level_one(task):
    level, scene, _, _, links = task
    degree = pd.concat([links[scene.first], links[scene.second]]).value_counts()
    assert (degree.max() > 75) == (level >= 1)
    assert (len(pairs(scene, links)) < 0.97 * len(links)) == (level >= 1)
