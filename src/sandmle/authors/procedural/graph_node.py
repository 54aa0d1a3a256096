"""Nodes of one network, some labelled: the class is in whom a node links to, hardly in the node.

Hidden rule: a degree-corrected block model. Some classes link among themselves, others to each
other; on the highest level links are of two kinds, and each mixes classes in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.graph_node import node_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects, traits
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes, rounded
from sandmle.authors.toolkit.domains import Field
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

HUBS = defects.Defect("hubs_that_link_to_anyone", skill="hub_removal")

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class NodeScene(Scene):
    """A network whose nodes have classes."""

    target: str
    target_text: str
    labels: tuple[str, ...]
    """Five."""
    node: str
    """What a node is called."""
    source: str
    sink: str
    """Columns of the two ends of a link."""
    link: str
    """What the file of links lists."""
    kind: str
    kind_text: str
    kinds: tuple[str, str]
    """Column that says of which kind a link is, and its two values."""
    fields: tuple[Field, ...]
    """Five weak features."""


class NodeRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    labels: tuple[str, ...]
    shares: tuple[float, ...]
    joint: tuple[tuple[tuple[float, ...], ...], ...]
    """For each kind of link, how often its ends are of two classes; each sums to 1."""
    links_per_node: float
    degree_sd: float
    """Spread of the log of how many links a node has."""
    centres: tuple[tuple[float, ...], ...]
    """Mean of each feature for each class; features have a standard deviation of 1."""
    repeated: float
    """Share of links that are written twice."""
    hubs: float
    """Hubs per node."""
    links_per_hub: int
    missing: float
    """Share of nodes without features."""


@dataclass(frozen=True)
class _Network:
    answers: Integers
    """Class of each ordinary node, shape (n,)."""
    features: Floats
    """Latents, shape (n + hubs, fields)."""
    ends: Integers
    """Both ends of each link, shape (m, 2)."""
    kinds: Integers
    """Shape (m,)."""


class GraphNode(Family):
    """Classify nodes of a network in which unlike nodes may attract each other."""

    name = "graph/node-v1"
    modality = "graph"
    task_type = "multiclass_classification"
    summary = "Classify nodes of a partly heterophilous network from its links and weak features."
    metrics = ("accuracy", "f1_macro")
    seeds = {
        "stanford-covid-vaccine": "bases of a folded chain become nodes; five numbers a class",
        "champs-scalar-coupling": "atoms and bonds become nodes and links; no geometry",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, classes, how they mix, and the defects."""
        clothes = wardrobe_of("graph_node", NodeScene)
        scene = clothes.draw(streams.rng("scene"))
        rng = streams.rng("rule")
        count = traits.class_count(dna, rng, low=3, high=4)
        shares = traits.class_shares(dna, rng, count)
        kinds = 2 if difficulty == 2 else 1
        centres = 0.38 * rng.standard_normal((count, len(scene.fields)))
        rule = NodeRule(
            skin=scene.key,
            metric=self.choose_metric(dna, streams.rng("metric")),
            train_rows=int(rng.integers(16, 21)) * 10,
            test_rows=int(rng.integers(220, 231)) * 10,
            labels=tuple(sorted(str(x) for x in rng.permutation(scene.labels)[:count])),
            shares=tuple(shares),
            joint=tuple(_draw_joint(rng, shares, turn=k) for k in range(kinds)),
            links_per_node=round(float(rng.uniform(6.5, 8.0)) / 2, 3),
            degree_sd=0.45,
            centres=tuple(tuple(round(float(x), 4) for x in row) for row in centres),
            repeated=0.12,
            hubs=0.02 if difficulty >= 1 else 0.0,
            links_per_hub=60,
            missing=0.2 if difficulty >= 1 else 0.0,
        )
        crossed = ("interaction",) if kinds == 2 else ()
        layers = ((defects.DUPLICATES,), (HUBS, defects.MISSING_AT_RANDOM), ())
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=("block_model", "heterophily", *crossed),
                defects=sum(layers[: difficulty + 1], ()),
                skills=(
                    "neighbour_features",
                    "semi_supervised_learning",
                    *(("edge_kinds",) if crossed else ()),
                ),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the network, hide the classes of the test nodes, and write files and oracle."""
        rule = NodeRule.model_validate(design.rule)
        scene = wardrobe_of("graph_node", NodeScene).get(rule.skin)
        count = rule.train_rows + rule.test_rows
        network = _draw_network(rule, streams, count)
        ids = row_ids(streams.rng("ids"), len(network.features), prefix=scene.id_prefix)
        known, asked = ids[: rule.train_rows], ids[rule.train_rows : count]
        names = [rule.labels[i] for i in network.answers]
        truth = {scene.target: names[rule.train_rows :]}
        best = [rule.labels[i] for i in _best_guess(rule, network)[rule.train_rows :]]
        ladder_names: dict[str, str | list[str]] = {
            "ID": scene.id_column,
            "TARGET": scene.target,
            "SOURCE": scene.source,
            "SINK": scene.sink,
            "FIELDS": [field.name for field in scene.fields],
        }
        return row_material(
            Rows(known, {scene.target: names[: rule.train_rows]}),
            Rows(asked, truth),
            sample={scene.target: rule.labels[0]},
            best={scene.target: best},
            ladder=node_ladder(names=ladder_names, kind=scene.kind),
            words=Words(
                id_column=scene.id_column,
                id_text=f"{scene.id_text}, the same in every file",
                train=f"every {scene.node} whose `{scene.target}` is known",
                test=f"every {scene.node} that is to be classified",
                sample="a valid submission that always gives the same answer",
                columns=_column_notes(rule, scene),
                files=(
                    Note("nodes.csv", f"what is known of every {scene.node}, labelled or not"),
                    Note("edges.csv", f"{scene.link}, one in each line, in no order"),
                ),
                attached=_tables(rule, scene, network, ids, streams),
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score one class for each node."""
        scene = wardrobe_of("graph_node", NodeScene).get(design.rule["skin"])
        target = Column(name=scene.target, kind="label", labels=tuple(design.rule["labels"]))
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column, targets=(target,), rows=material.test_rows
            ),
        )


def _draw_joint(
    rng: np.random.Generator, shares: list[float], *, turn: int
) -> tuple[tuple[float, ...], ...]:
    """Draw how often two classes are linked; the first two, or another two, prefer each other.

    Every class has links in proportion to its nodes, so that degrees say nothing about classes.
    """
    count = len(shares)
    raw = rng.uniform(0.06, 0.14, size=(count, count))
    raw = (raw + raw.T) / 2
    order = np.roll(np.arange(count), turn)
    raw[order[0], order[1]] = raw[order[1], order[0]] = 0.85
    for own in order[2:]:
        raw[own, own] = 0.8
    target = np.array(shares)
    joint = raw * np.outer(target, target)
    for _ in range(60):
        scale = np.sqrt(target / joint.sum(axis=1))
        joint = joint * scale[:, None] * scale[None, :]
    return tuple(tuple(row) for row in rounded(joint / joint.sum()).tolist())


def _draw_network(rule: NodeRule, streams: Streams, count: int) -> _Network:
    answers = col.draw_labels(streams.rng("answers"), count, shares=rule.shares)
    answers[: len(rule.labels)] = np.arange(len(rule.labels))
    rng = streams.rng("degrees")
    pull = rounded(np.exp(rule.degree_sd * np.clip(rng.standard_normal(count), -2.0, 2.0)))
    members = [np.flatnonzero(answers == label) for label in range(len(rule.labels))]
    parts, kinds = [], []
    for kind, joint in enumerate(rule.joint):
        links = round(rule.links_per_node * count / len(rule.joint))
        rng = streams.rng("links", kind)
        cell = col.draw_labels(rng, links, shares=np.array(joint).ravel().tolist())
        ends = np.empty((links, 2), dtype=np.int64)
        for side, classes in enumerate(divmod(cell, len(rule.labels))):
            spot = rng.random(links)
            for label, nodes in enumerate(members):
                mine = classes == label
                edge = rounded(np.cumsum(pull[nodes]) / pull[nodes].sum(), digits=9)
                place = np.searchsorted(edge, spot[mine], side="right")
                ends[mine, side] = nodes[np.minimum(place, len(nodes) - 1)]
        ends = ends[ends[:, 0] != ends[:, 1]]
        parts.append(ends)
        kinds.append(np.full(len(ends), kind))
    hubs = round(rule.hubs * count)
    rng = streams.rng("hubs")
    if hubs:
        reach = np.repeat(np.arange(count, count + hubs), rule.links_per_hub)
        parts.append(np.column_stack([reach, rng.integers(0, count, size=len(reach))]))
        kinds.append(rng.integers(0, len(rule.joint), size=len(reach)))
    rng = streams.rng("features")
    noise = rng.standard_normal((count + hubs, len(rule.centres[0])))
    noise[:count] += np.array(rule.centres)[answers]
    return _Network(
        answers, rounded(np.clip(noise, -3.0, 3.0)), np.concatenate(parts), np.concatenate(kinds)
    )


def _best_guess(rule: NodeRule, network: _Network) -> Integers:
    """Return each node's likeliest class from its features and the true classes of its links."""
    count, classes = len(network.answers), len(rule.labels)
    off = network.features[:count, None, :] - np.array(rule.centres)[None, :, :]
    score = np.log(np.array(rule.shares))[None, :] - 0.5 * (off**2).sum(axis=2)
    ordinary = (network.ends < count).all(axis=1)
    joint = np.log(np.array(rule.joint))
    joint -= np.log(np.array(rule.shares))[None, :, None]
    for side in (0, 1):
        near, far = network.ends[ordinary, side], network.ends[ordinary, 1 - side]
        told = joint[network.kinds[ordinary], :, network.answers[far]]
        for label in range(classes):
            score[:, label] += np.bincount(near, told[:, label], minlength=count)
    return np.asarray(np.round(score, 6).argmax(axis=1), dtype=np.int64)


def _tables(
    rule: NodeRule, scene: NodeScene, network: _Network, ids: list[str], streams: Streams
) -> dict[str, bytes]:
    rng = streams.rng("files")
    gone = defects.missing_at_random(streams.rng("missing"), len(ids), share=rule.missing)
    order = rng.permutation(len(ids))
    nodes: dict[str, list[str | None]] = {scene.id_column: [ids[i] for i in order]}
    for index, field in enumerate(scene.fields):
        values = defects.blanked(col.render(field, network.features[:, index]), gone)[order]
        nodes[field.name] = col.as_cells(values, decimals=field.decimals)
    again = np.flatnonzero(rng.random(len(network.ends)) < rule.repeated)
    lines = rng.permutation(np.concatenate([np.arange(len(network.ends)), again]))
    # links have no direction: either end may come first
    turned = rng.random(len(lines)) < 0.5
    ends = np.where(turned[:, None], network.ends[lines, ::-1], network.ends[lines])
    edges = {
        scene.source: [ids[i] for i in ends[:, 0]],
        scene.sink: [ids[i] for i in ends[:, 1]],
    }
    if len(rule.joint) > 1:
        edges[scene.kind] = [scene.kinds[i] for i in network.kinds[lines]]
    return {"nodes.csv": csv_bytes(nodes), "edges.csv": csv_bytes(edges)}


def _column_notes(rule: NodeRule, scene: NodeScene) -> tuple[Note, ...]:
    gaps = "; empty where unknown" if rule.missing else ""
    end = f"a {scene.node}; the order of the two was not kept"
    kind = (Note(scene.kind, f"{scene.kind_text}; in `edges.csv`"),) if len(rule.joint) > 1 else ()
    return (
        *(Note(field.name, f"{field.text}; in `nodes.csv`{gaps}") for field in scene.fields),
        Note(scene.source, f"one end of a link in `edges.csv`: {end}"),
        Note(scene.sink, "the other end"),
        *kind,
        Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),
    )


FAMILIES.register(GraphNode.name)(GraphNode())
