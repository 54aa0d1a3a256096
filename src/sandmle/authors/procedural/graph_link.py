"""Hidden links of a network among candidate pairs: near positions, not many links, make one.

Hidden rule: nodes have places in a plane without edges (a torus) and a popularity; near ones are
linked, on the highest level mostly if they are of unlike sorts. Training negatives are pairs of any
nodes, test negatives pairs of nodes as popular as those of true links.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.graph_link import link_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes, rounded
from sandmle.authors.toolkit.domains import Field
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.core.draft import Trap
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

HUBS = defects.Defect("hubs_that_link_to_anyone", skill="hub_removal")
_PAIRS_OF_A_REGION = 1_800
_PART = 0.5
"""Share of candidate pairs that are true."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class LinkScene(Scene):
    """A network with links that are yet to be found."""

    node: str
    node_prefix: str
    first: str
    second: str
    """Columns of the two ends."""
    target: str
    target_text: str
    link: str
    """What the file of links lists."""
    fields: tuple[Field, ...]
    """Three; what is known of a pair."""


class LinkRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    nodes: int
    """Nodes of a region; tasks of more pairs have more regions."""
    width: float
    """Distance at which links become rare; the torus is 1 by 1."""
    popularity_sd: float
    """Spread of the log of how popular a node is."""
    stray: float
    """Chance of a link at any distance, relative to that at none."""
    same_sort: float
    """Chance of a link between nodes of one sort, relative to unlike ones; 1: no sorts."""
    seen: float
    """Links that are listed, per hidden one."""
    hints: tuple[float, ...]
    """How much each column of the pairs goes with the links."""
    repeated: float
    hubs: int
    links_per_hub: int


@dataclass(frozen=True)
class _Region:
    first: int
    """Number of its first node."""
    near: Floats
    """Chance of a link relative to the highest, popularity left out, shape (n, n)."""
    pull: Floats
    """Popularity of each node, shape (n,)."""
    links: Integers
    """All true links in random order, shape (m, 2)."""


@dataclass(frozen=True)
class _Pairs:
    ends: Integers
    """Nodes of each pair, shape (rows, 2)."""
    answers: Integers
    near: Floats
    """Relative chance of a link, shape (rows,)."""


class GraphLink(Family):
    """Find the true links among candidate pairs of a network."""

    name = "graph/link-v1"
    modality = "graph"
    task_type = "binary_classification"
    summary = "Tell hidden links from pairs without one; how popular nodes are misleads."
    metrics = ("roc_auc", "average_precision")
    seeds = {
        "champs-scalar-coupling": "pairs of atoms become pairs of nodes; a yes or no, no geometry",
        "stanford-covid-vaccine": "paired bases become links; no sequence",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, how near nodes must be, and the defects."""
        clothes = wardrobe_of("graph_link", LinkScene)
        scene = clothes.draw(streams.rng("scene"))
        rng = streams.rng("rule")
        hints = rng.permutation([0.22, 0.12, 0.0])
        rule = LinkRule(
            skin=scene.key,
            metric=self.choose_metric(dna, streams.rng("metric")),
            train_rows=200,
            test_rows=1600,
            nodes=int(rng.integers(38, 43)) * 10,
            width=round(float(rng.uniform(0.085, 0.1)), 4),
            popularity_sd=0.6,
            stray=0.004,
            same_sort=0.08 if difficulty >= 2 else 1.0,
            seen=2.4,
            hints=tuple(float(x) for x in hints * rng.choice([-1.0, 1.0], size=3)),
            repeated=0.1,
            hubs=6 if difficulty >= 1 else 0,
            links_per_hub=90,
        )
        unlike = ("unlike_attract",) if difficulty >= 2 else ()
        layers = ((defects.SHORTCUT, defects.SHIFTED_TEST), (HUBS, defects.DUPLICATES), ())
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=("latent_positions", "popularity", *unlike),
                defects=sum(layers[: difficulty + 1], ()),
                skills=("common_neighbours", "spectral_embedding", *(("odd_paths",) * len(unlike))),
                traps=(
                    Trap(
                        column="number of links of a node",
                        why="popular nodes are in true pairs of train, and in any pairs of test",
                    ),
                ),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the network, hide links, draw pairs without one, and write files and oracle."""
        rule = LinkRule.model_validate(design.rule)
        scene = wardrobe_of("graph_link", LinkScene).get(rule.skin)
        count = rule.train_rows + rule.test_rows
        regions = _draw_regions(rule, streams, max(1, round(count / _PAIRS_OF_A_REGION)))
        train, test, listed = _draw_pairs(rule, streams, regions)
        total = sum(len(region.pull) for region in regions) + rule.hubs
        names = row_ids(streams.rng("nodes"), total, prefix=scene.node_prefix)
        ids = row_ids(streams.rng("ids"), count, prefix=scene.id_prefix)
        chance = rounded(test.near / (test.near + 0.2))
        return row_material(
            Rows(
                ids[: rule.train_rows],
                {scene.target: train.answers},
                _seen(rule, scene, train, names, streams.child("train")),
            ),
            Rows(
                ids[rule.train_rows :],
                {scene.target: test.answers},
                _seen(rule, scene, test, names, streams.child("test")),
            ),
            sample={scene.target: 0.5},
            best={scene.target: chance},
            ladder=link_ladder(
                {
                    "ID": scene.id_column,
                    "TARGET": scene.target,
                    "FIRST": scene.first,
                    "SECOND": scene.second,
                    "FIELDS": [field.name for field in scene.fields],
                }
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train="pairs for which the answer is known",
                test="pairs to be judged",
                sample="a valid submission that gives every pair one half",
                columns=(
                    Note(
                        scene.first, f"one {scene.node} of the pair; the same names in every file"
                    ),
                    Note(scene.second, "the other; which of the two comes first means nothing"),
                    *(Note(field.name, field.text) for field in scene.fields),
                    Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),
                ),
                files=(Note("links.csv", f"{scene.link}, one in each line, in no order"),),
                attached={"links.csv": _links(rule, scene, listed, names, streams)},
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score one chance for each pair."""
        scene = wardrobe_of("graph_link", LinkScene).get(design.rule["skin"])
        target = Column(name=scene.target, kind="number", low=0.0, high=1.0)
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column, targets=(target,), rows=material.test_rows
            ),
        )


def _draw_regions(rule: LinkRule, streams: Streams, count: int) -> list[_Region]:
    """Draw places, popularity and links; no region is linked with another."""
    wanted = round(_PART * (rule.train_rows + rule.test_rows) / count * (1 + rule.seen)) + 1
    regions = []
    for number in range(count):
        rng = streams.rng("region", number)
        place = rng.random((rule.nodes, 2))
        gap = np.abs(place[:, None, :] - place[None, :, :])
        gap = np.minimum(gap, 1.0 - gap)
        near = np.exp(-0.5 * (gap**2).sum(axis=2) / rule.width**2) + rule.stray
        sort = rng.random(rule.nodes) < 0.5
        near = near * np.where(sort[:, None] == sort[None, :], rule.same_sort, 1.0)
        spread = np.clip(rng.standard_normal(rule.nodes), -2.0, 2.0)
        pull = rounded(np.exp(rule.popularity_sd * spread))
        near = np.round(near, 9)
        # the largest of exponential races are links drawn without return, by their weight
        first, second = np.triu_indices(rule.nodes, k=1)
        weight = near[first, second] * pull[first] * pull[second]
        race = np.round(-np.log(rng.random(len(weight))) / weight, 9)
        won = np.argsort(race, kind="stable")[:wanted]
        links = np.column_stack([first, second])[rng.permutation(won)]
        regions.append(_Region(number * rule.nodes, near, pull, links))
    return regions


def _draw_pairs(
    rule: LinkRule, streams: Streams, regions: list[_Region]
) -> tuple[_Pairs, _Pairs, Integers]:
    """Return pairs of train, pairs of test, and the links that are listed, shape (m, 2)."""
    parts: dict[str, list[_Pairs]] = {"train": [], "test": []}
    listed = []
    for number, region in enumerate(regions):
        used, taken = 0, {(int(a), int(b)) for a, b in region.links}
        for split, rows in (("train", rule.train_rows), ("test", rule.test_rows)):
            share = np.diff(np.round(np.linspace(0, rows, len(regions) + 1)).astype(int))[number]
            true = round(_PART * share)
            rng = streams.rng("pairs", split, number)
            hidden = region.links[used : used + true]
            used += true
            weight = np.ones(rule.nodes)
            if split == "test":
                weight = np.bincount(region.links.ravel(), minlength=rule.nodes).astype(float)
            false = _unlinked(rng, weight, int(share) - true, taken)
            ends = np.concatenate([hidden, false])
            answers = np.repeat([1, 0], [len(hidden), len(false)])
            order = rng.permutation(len(ends))
            near = region.near[ends[:, 0], ends[:, 1]]
            turned = rng.random(len(ends)) < 0.5
            ends = np.where(turned[:, None], ends[:, ::-1], ends) + region.first
            parts[split].append(_Pairs(ends[order], answers[order], near[order]))
        listed.append(region.links[used:] + region.first)
    names = ("ends", "answers", "near")
    train, test = (
        _Pairs(*(np.concatenate([getattr(part, name) for part in parts[split]]) for name in names))
        for split in ("train", "test")
    )
    return train, test, np.concatenate(listed)


def _unlinked(
    rng: np.random.Generator, weight: Floats, count: int, taken: set[tuple[int, int]]
) -> Integers:
    """Draw pairs of nodes by weight that are neither linked nor drawn before; `taken` grows."""
    edges = rounded(np.cumsum(weight) / weight.sum(), digits=9)
    found: list[tuple[int, int]] = []
    while len(found) < count:
        spots = np.searchsorted(edges, rng.random((count, 2)), side="right")
        for one, other in np.minimum(spots, len(weight) - 1).tolist():
            pair = (min(one, other), max(one, other))
            if one != other and pair not in taken and len(found) < count:
                taken.add(pair)
                found.append(pair)
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _seen(
    rule: LinkRule, scene: LinkScene, pairs: _Pairs, names: list[str], streams: Streams
) -> dict[str, Any]:
    table: dict[str, Any] = {
        scene.first: [names[i] for i in pairs.ends[:, 0]],
        scene.second: [names[i] for i in pairs.ends[:, 1]],
    }
    for field, hint in zip(scene.fields, rule.hints, strict=True):
        own = streams.rng("fields", field.name).standard_normal(len(pairs.ends))
        latent = np.clip(hint * (2.0 * pairs.answers - 1.0) + own, -3.0, 3.0)
        values = col.render(field, rounded(latent))
        table[field.name] = col.as_cells(values, decimals=field.decimals)
    return table


def _links(
    rule: LinkRule, scene: LinkScene, listed: Integers, names: list[str], streams: Streams
) -> bytes:
    rng = streams.rng("files")
    ordinary = len(names) - rule.hubs
    hubs = np.repeat(np.arange(ordinary, len(names)), rule.links_per_hub)
    reach = np.column_stack([hubs, rng.integers(0, ordinary, size=len(hubs))])
    lines = np.concatenate([listed, reach])
    if rule.hubs:
        lines = np.concatenate([lines, lines[rng.random(len(lines)) < rule.repeated]])
    lines = lines[rng.permutation(len(lines))]
    turned = rng.random(len(lines)) < 0.5
    lines = np.where(turned[:, None], lines[:, ::-1], lines)
    ends = {scene.first: lines[:, 0], scene.second: lines[:, 1]}
    return csv_bytes({name: [names[i] for i in column] for name, column in ends.items()})


FAMILIES.register(GraphLink.name)(GraphLink())
