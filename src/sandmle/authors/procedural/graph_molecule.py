"""A property of molecule-like graphs that are written as lines of text, each in its own spelling.

Hidden rule: a sum over counts of atoms, bonds and neighbourhoods, products of two such counts, and
the temperature of the measurement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.graph_molecule import molecule_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.domains import Field
from sandmle.authors.toolkit.molecules import Molecule, draw_molecule, motifs, spelling
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.terms import weights
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

STRUCTURE, TEMPERATURE = "structure", "temperature"
SPELLINGS = defects.Defect("many_spellings", skill="graph_parsing")
CONDITIONS = (
    Field(
        name="purity",
        text="purity of the sample, percent",
        shape="share",
        centre=96.0,
        spread=0.5,
        decimals=2,
    ),
    Field(
        name="sample_mg",
        text="mass of the sample, milligrams",
        shape="lognormal",
        centre=52.0,
        spread=0.3,
        decimals=2,
    ),
    Field(
        name="humidity",
        text="humidity in the laboratory, percent",
        centre=45.0,
        spread=6.0,
        decimals=1,
    ),
    Field(name="pressure", text="air pressure, hectopascal", centre=1012.0, spread=7.0, decimals=1),
)
"""What else was noted of a measurement; the value does not depend on it."""
_PROBE = 160
_KELVIN = 273.15

Floats = NDArray[np.float64]


class MoleculeScene(Scene):
    """A property that is measured on compounds."""

    target: str
    target_text: str
    centre: float
    spread: float
    """Typical value of the target and its standard deviation."""


class Count(Record):
    """How often a motif comes, on a scale of its own: mean 0 and spread 1 over molecules."""

    motif: str
    mean: float
    sd: float

    def value(self, found: Sequence[Counter[str]]) -> Floats:
        """Return the scaled count in each molecule, shape (n,)."""
        return np.array(
            [(motif_counts[self.motif] - self.mean) / self.sd for motif_counts in found]
        )


class MoleculeRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    elements: dict[str, float]
    smallest: int
    largest: int
    counts: tuple[Count, ...]
    weights: tuple[float, ...]
    """Weight of each count."""
    pairs: tuple[tuple[int, int], ...]
    """Counts that act together."""
    pair_weights: tuple[float, ...]
    warmth: float
    """Effect of one standard deviation of temperature."""
    noise: float
    kelvin: float
    """Share of the temperatures that are written in kelvin; units are written where it is not 0."""
    swapped: float
    """Share of the training values that belong to another compound."""


class GraphMolecule(Family):
    """Predict a property of molecules from lines of text that spell their graph."""

    name = "graph/molecule-v1"
    modality = "graph"
    task_type = "regression"
    summary = "Predict a property from counts of substructures of graphs in many spellings."
    metrics = ("rmse", "mae")
    seeds = {
        "champs-scalar-coupling": "geometry and pairs of atoms; one value for each molecule",
        "bms-molecular-translation": "pictures; the written structure is the input",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, elements, the motifs that count, and the defects."""
        clothes = wardrobe_of("molecule", MoleculeScene)
        scene = clothes.draw(streams.rng("scene"))
        rng = streams.rng("rule")
        raw = {name: float(rng.uniform(*ends)) for name, ends in _ELEMENTS.items()}
        elements = {name: round(share, 3) for name, share in raw.items()}
        smallest = int(rng.integers(9, 12))
        counts = _draw_counts(rng, elements, smallest)
        many, together = len(counts), 1 + difficulty
        strength = _spread(rng, many, total=0.72)
        rule = MoleculeRule(
            skin=scene.key,
            metric=self.choose_metric(dna, streams.rng("metric")),
            train_rows=200,
            test_rows=1000,
            elements=elements,
            smallest=smallest,
            largest=smallest + 10,
            counts=counts,
            weights=tuple(strength),
            pairs=tuple((2 * k, 2 * k + 1) for k in range(together)),
            pair_weights=tuple(_spread(rng, together, total=(0.3, 0.4, 0.45)[difficulty])),
            warmth=round(float(rng.choice([-1, 1]) * rng.uniform(0.38, 0.48)), 4),
            noise=0.2,
            kelvin=0.4 if difficulty >= 1 else 0.0,
            swapped=0.06 if difficulty >= 2 else 0.0,
        )
        layers = (
            (SPELLINGS,),
            (defects.MIXED_UNITS, defects.UNITS_IN_TEXT),
            (defects.LABEL_NOISE,),
        )
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=("additive", "motif_counts", "interaction"),
                defects=sum(layers[: difficulty + 1], ()),
                skills=("substructure_counts", "sparse_regression"),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Grow molecules, spell them, and write files, answers, ladder and oracle."""
        rule = MoleculeRule.model_validate(design.rule)
        scene = wardrobe_of("molecule", MoleculeScene).get(rule.skin)
        seen, truth, clean = _draw_rows(rule, scene, streams.child("train"), rule.train_rows)
        moved = defects.missing_at_random(
            streams.rng("swapped"), rule.train_rows, share=rule.swapped
        )
        truth[moved] = np.roll(truth[moved], 1)
        asked, answers, clean = _draw_rows(rule, scene, streams.child("test"), rule.test_rows)
        count = rule.train_rows + rule.test_rows
        ids = row_ids(streams.rng("ids"), count, prefix=scene.id_prefix)
        form = (
            "with its unit: degrees Celsius (C) or kelvin (K)"
            if rule.kelvin
            else "in degrees Celsius"
        )
        return row_material(
            Rows(ids[: rule.train_rows], {scene.target: truth}, seen),
            Rows(ids[rule.train_rows :], {scene.target: answers}, asked),
            sample={scene.target: scene.centre},
            best={scene.target: clean},
            ladder=molecule_ladder(
                id_column=scene.id_column,
                target=scene.target,
                structure=STRUCTURE,
                temperature=TEMPERATURE,
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train="measured compounds, one in each line",
                test="compounds whose value is to be predicted",
                sample="a valid submission that always gives a usual value",
                columns=(
                    Note(STRUCTURE, _STRUCTURE_TEXT),
                    Note(TEMPERATURE, f"temperature of the measurement, {form}"),
                    *(Note(field.name, field.text) for field in CONDITIONS),
                    Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),
                ),
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score one number for each compound."""
        scene = wardrobe_of("molecule", MoleculeScene).get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(Column(name=scene.target, kind="number"),),
                rows=material.test_rows,
            ),
        )


_ELEMENTS = {
    "C": (0.5, 0.6),
    "N": (0.13, 0.2),
    "O": (0.13, 0.2),
    "S": (0.05, 0.1),
    "F": (0.03, 0.07),
}
_STRUCTURE_TEXT = (
    "the compound as a line of text: a letter is an atom (C, N, O, S, F; hydrogen is left out), "
    "atoms that follow each other are bonded, = stands for a double bond, parentheses enclose a "
    "branch, and two equal digits mark two atoms that are bonded as well, which closes a ring (by "
    "a double bond where = stands before the digit)"
)


def _draw_counts(
    rng: np.random.Generator, elements: dict[str, float], smallest: int
) -> tuple[Count, ...]:
    """Choose motifs that are neither rare nor everywhere: neighbourhoods, bonds, atoms, rings."""
    grown = np.random.Generator(np.random.PCG64(0))
    probe = [
        motifs(draw_molecule(grown, elements, low=smallest, high=smallest + 10))
        for _ in range(_PROBE)
    ]
    present: Counter[str] = Counter(name for found in probe for name in found if found[name])
    kinds: dict[str, list[str]] = {"[": [], "bond": []}
    for name in sorted(present):
        kind = "[" if "[" in name else "bond" if len(name) == 3 else ""
        if kind and 0.22 * _PROBE < present[name] < 0.8 * _PROBE:
            kinds[kind].append(name)
    picked = [str(name) for name in rng.permutation(kinds["["])[:4]]
    picked += [str(name) for name in rng.permutation(kinds["bond"])[:2]]
    picked += [str(rng.choice(["N", "O"])), "rings"]
    counts = []
    for name in picked:
        values = np.array([found[name] for found in probe], dtype=float)
        counts.append(
            Count(motif=name, mean=round(float(values.mean()), 3), sd=round(float(values.std()), 3))
        )
    return tuple(counts)


def _spread(rng: np.random.Generator, count: int, *, total: float) -> list[float]:
    """Draw weights whose squares sum to `total` squared."""
    raw = np.array(weights(rng, count, low=0.7, high=1.0))
    return [round(float(x), 5) for x in raw * total / np.sqrt((raw**2).sum())]


def _draw_rows(
    rule: MoleculeRule, scene: MoleculeScene, streams: Streams, rows: int
) -> tuple[dict[str, Any], Floats, Floats]:
    """Return the columns that are seen, the measured values and the noise-free ones."""
    rng = streams.rng("molecules")
    grown: list[Molecule] = [
        draw_molecule(rng, rule.elements, low=rule.smallest, high=rule.largest) for _ in range(rows)
    ]
    found = [motifs(molecule) for molecule in grown]
    values = [count.value(found) for count in rule.counts]
    total = np.zeros(rows)
    for weight, value in zip(rule.weights, values, strict=True):
        total = total + weight * value
    for weight, (a, b) in zip(rule.pair_weights, rule.pairs, strict=True):
        total = total + weight * np.clip(values[a] * values[b], -4.0, 4.0)
    rng = streams.rng("temperature")
    warm = np.clip(rng.standard_normal(rows), -2.5, 2.5)
    celsius = np.round(25.0 + 6.0 * warm, 1)
    clean = total + rule.warmth * (celsius - 25.0) / 6.0
    noisy = clean + rule.noise * streams.rng("noise").standard_normal(rows)
    rng = streams.rng("spellings")
    table: dict[str, Any] = {STRUCTURE: [spelling(rng, molecule) for molecule in grown]}
    kelvin = streams.rng("units").random(rows) < rule.kelvin
    table[TEMPERATURE] = [
        _degrees(float(value), kelvin=bool(other), unit=rule.kelvin > 0)
        for value, other in zip(celsius, kelvin, strict=True)
    ]
    scaled = [rounded(scene.centre + scene.spread * part, digits=5) for part in (noisy, clean)]
    for field in CONDITIONS:
        latent = streams.rng("conditions", field.name).standard_normal(rows)
        table[field.name] = col.as_cells(
            col.render(field, np.clip(latent, -3.0, 3.0)), decimals=field.decimals
        )
    return table, scaled[0], scaled[1]


def _degrees(celsius: float, *, kelvin: bool, unit: bool) -> str:
    shown = f"{celsius + _KELVIN if kelvin else celsius:.1f}"
    return f"{shown} {'K' if kelvin else 'C'}" if unit else shown


FAMILIES.register(GraphMolecule.name)(GraphMolecule())
