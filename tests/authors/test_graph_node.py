"""What is particular to graph/node-v1: unlike classes attract, hubs link to anyone, dirty links."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.graph_node import NodeRule, NodeScene
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.seeds import get_seed


def drawn(level, seed=11):
    draft = FAMILIES.get("graph/node-v1").draft(
        get_seed("champs-scalar-coupling").dna(), seed, difficulty=level
    )
    rule = NodeRule.model_validate(draft.rule)
    scene = wardrobe_of("graph_node", NodeScene).get(rule.skin)
    tables = {
        name: pd.read_csv(io.BytesIO(draft.public[f"{name}.csv"]))
        for name in ("train", "test", "nodes", "edges")
    }
    answers = pd.read_csv(io.BytesIO(draft.answers))
    both = pd.concat([tables["train"], answers])
    return rule, scene, tables, both.set_index(scene.id_column)[scene.target]


def linked(rule, scene, edges, label):
    """How often links join each pair of classes, shape (k, k), rows summing to 1."""
    ends = edges[[scene.source, scene.sink]]
    ends = ends[ends.isin(label.index).all(axis=1)]
    codes = [label[ends[name]].map(rule.labels.index).to_numpy() for name in ends]
    table = np.zeros((len(rule.labels),) * 2)
    np.add.at(table, (codes[0], codes[1]), 1)
    table += table.T
    return table / table.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("level", [0, 1])
def test_two_classes_link_to_each_other_and_the_others_among_themselves(level):
    rule, scene, tables, label = drawn(level)
    table = linked(rule, scene, tables["edges"], label)
    assert table[0, 1] > 0.5 > 0.3 > table[0, 0]
    assert table[1, 0] > 0.5 > 0.3 > table[1, 1]
    assert (np.diag(table)[2:] > 0.5).all()


def test_degrees_do_not_tell_the_class():
    _, scene, tables, label = drawn(0)
    degree = pd.concat([tables["edges"][scene.source], tables["edges"][scene.sink]]).value_counts()
    degree = degree.reindex(label.index).fillna(0)
    means = degree.groupby(label).mean()
    assert means.max() / means.min() < 1.25


def test_on_the_highest_level_each_kind_of_link_mixes_classes_in_its_own_way():
    rule, scene, tables, label = drawn(2)
    edges = tables["edges"]
    first, second = (
        linked(rule, scene, edges[edges[scene.kind] == kind], label) for kind in scene.kinds
    )
    assert np.abs(first - second).max() > 0.3


def test_hubs_and_nodes_without_features_come_with_level_one():
    for level in (0, 1):
        _, scene, tables, label = drawn(level)
        strangers = set(tables["nodes"][scene.id_column]) - set(label.index)
        gaps = tables["nodes"][scene.fields[0].name].isna().mean()
        assert bool(strangers) == (level == 1)
        assert (gaps > 0.1) == (level == 1)


def test_some_links_are_written_twice():
    _, scene, tables, _ = drawn(0)
    pairs = np.sort(tables["edges"][[scene.source, scene.sink]].to_numpy(), axis=1)
    repeated = 1 - len(pd.DataFrame(pairs).drop_duplicates()) / len(pairs)
    assert 0.05 < repeated < 0.25
