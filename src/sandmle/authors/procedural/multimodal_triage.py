"""Classification of cases by a sensor trace, a table and a note, which may contradict each other.

Hidden rule: waves in the trace are fast or slow, the note praises or blames. Where both agree, the
answer is one of two; where they disagree, a sum over the table decides between two others. What is
missing is taken to agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.multimodal_triage import triage_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.domains import Field
from sandmle.authors.toolkit.notes import NEGATION, NEGATION_SCOPE, Vocabulary, draw_notes
from sandmle.authors.toolkit.pictures import npy_bytes
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.terms import weights
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

TEST_ROWS = 1_700
STEPS = 96
"""Points of a trace."""
FIELDS = 4
SENTENCES = ((3,), (1, 2), (2, 1))
"""How many words the sentences of a note have: three in all, so that one side has more."""
MISSING_NOTES = Defect("missing_notes", skill="missing_modality")
MISSING_TRACES = Defect("missing_traces", skill="modality_fallback")


class TriageScene(Scene):
    """Cases that a device has recorded and a person has written about."""

    rows: str
    """What the samples are, as a plural."""
    target: str
    target_text: str
    outcomes: tuple[str, str, str, str]
    """Answers: both calm, both alarmed, and two where they disagree."""
    trace_text: str
    """What a trace is, with rate and unit."""
    note: str
    """Column of the texts."""
    note_text: str
    openers: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    fields: tuple[Field, ...]


class TriageRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    fields: tuple[str, ...]
    """Numeric columns; latent i stands behind field i."""
    loadings: tuple[tuple[float, ...], ...]
    field_weights: tuple[float, ...]
    turned: bool
    """Whether the table decides the other way round where the trace is the alarmed one."""
    cycles: tuple[float, float]
    """Waves in a trace that is calm, and in one that is alarmed."""
    noise: float
    """Standard deviation of the noise, where a wave's amplitude is near 1."""
    notes_missing: float
    traces_missing: float
    drift: float
    """Size of slow changes in a trace."""
    spikes: int
    """Artefacts in each trace."""
    negated: float
    """Share of sentences with "not"."""
    scoped: bool
    """Whether "not" may hold for several words."""


@dataclass(frozen=True)
class _Drawn:
    """Samples of one role."""

    table: dict[str, Any]
    traces: NDArray[np.int8]
    labels: list[str]


class MultimodalTriage(Family):
    """Say what is to be done from a trace, a note and a few figures that may contradict."""

    name = "multimodal/triage-v1"
    modality = "multimodal"
    task_type = "multiclass_classification"
    summary = "Classify cases by whether trace and note agree; a table settles their conflicts."
    metrics = ("accuracy", "f1_macro", "mcc")
    seeds = {
        "multi-modal-gesture-recognition": "video and skeletons; 20 gestures become four answers",
        "nfl-player-contact-detection": "video of two cameras; tracking becomes one short trace",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Draw what settles a conflict, how the waves differ, the defects and a domain."""
        clothes = wardrobe_of("triage", TriageScene)
        rng = streams.rng("rule")
        scene = clothes.draw(rng)
        metric = self.choose_metric(dna, streams.rng("metric"))
        rule = _draw_rule(rng, scene, difficulty, metric=metric)
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=_profile(rule),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw tables, traces and notes, and write files, answers, ladder and oracle."""
        rule = TriageRule.model_validate(design.rule)
        scene = wardrobe_of("triage", TriageScene).get(rule.skin)
        rows = rule.train_rows
        train = _draw_rows(rule, scene, streams.child("train"), rows)
        test = _draw_rows(rule, scene, streams.child("test"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rows + rule.test_rows, prefix=scene.id_prefix)
        return row_material(
            Rows(ids[:rows], {scene.target: train.labels}, train.table),
            Rows(ids[rows:], {scene.target: test.labels}, test.table),
            sample={scene.target: scene.outcomes[0]},
            best={scene.target: test.labels},
            ladder=triage_ladder(id_column=scene.id_column, target=scene.target, note=scene.note),
            words=_words(rule, scene, train.traces, test.traces),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Accuracy, or what the DNA asks for, on one of four answers per case."""
        scene = wardrobe_of("triage", TriageScene).get(design.rule["skin"])
        target = Column(name=scene.target, kind="label", labels=tuple(sorted(scene.outcomes)))
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column, targets=(target,), rows=material.test_rows
            ),
        )


def _profile(rule: TriageRule) -> Profile:
    found = [MISSING_NOTES, defects.NOISE]
    found += [MISSING_TRACES, NEGATION, defects.DRIFT] if rule.traces_missing else []
    found += [NEGATION_SCOPE, defects.OUTLIERS] if rule.scoped else []
    turned = ("three_way_interaction",) if rule.turned else ()
    return Profile(
        grammar=("conflict", "majority", "threshold", "periodic", *turned),
        defects=tuple(found),
        skills=("spectral_features", "cross_modal_interaction", *turned),
    )


def _draw_rule(
    rng: np.random.Generator, scene: TriageScene, difficulty: int, *, metric: str
) -> TriageRule:
    picked = sorted(rng.choice(len(scene.fields), size=FIELDS, replace=False))
    slow = rng.uniform(7.0, 9.0)
    speeds = [slow, slow * rng.uniform(1.75, 1.95)]
    if rng.random() < 0.5:
        speeds.reverse()
    return TriageRule(
        skin=scene.key,
        metric=metric,
        train_rows=200,
        test_rows=TEST_ROWS,
        fields=tuple(scene.fields[int(index)].name for index in picked),
        loadings=tuple(tuple(row) for row in col.draw_loadings(rng, FIELDS)),
        field_weights=tuple(weights(rng, FIELDS, low=0.4, high=1.0)),
        turned=difficulty >= 1,
        cycles=(round(float(speeds[0]), 4), round(float(speeds[1]), 4)),
        noise=round(float(rng.uniform(0.7, 0.8)), 4),
        notes_missing=0.1,
        traces_missing=0.1 if difficulty >= 1 else 0.0,
        drift=1.5 if difficulty >= 1 else 0.0,
        spikes=3 if difficulty >= 2 else 0,
        negated=(0.0, 0.5, 0.6)[difficulty],
        scoped=difficulty >= 2,
    )


def _draw_rows(rule: TriageRule, scene: TriageScene, streams: Streams, rows: int) -> _Drawn:
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings)
    rng = streams.rng("notes")
    tones = np.where(rng.random(rows) < 0.5, 0.2, 0.8)
    notes = draw_notes(
        rng,
        tones,
        words=Vocabulary(good=scene.good, bad=scene.bad, openers=scene.openers),
        sentences=SENTENCES,
        negated=rule.negated,
        scoped=rule.scoped,
    )
    worth = np.where(np.arange(notes.said.shape[1]) < len(scene.good), 1, -1)
    blamed = (notes.said * worth).sum(axis=1) < 0
    alarmed = streams.rng("alarms").random(rows) < 0.5
    gone = streams.rng("missing").random(rows)
    no_note = gone < rule.notes_missing
    no_trace = gone > 1.0 - rule.traces_missing
    traces = _traces(rule, streams.child("traces"), alarmed, silent=no_trace)
    # a source that is missing is taken to agree with the other
    trace_says = np.where(no_trace, blamed, alarmed)
    note_says = np.where(no_note, alarmed, blamed)
    decides = rounded((z * np.array(rule.field_weights)).sum(axis=1)) > 0
    if rule.turned:
        decides = decides != trace_says
    answer = np.where(trace_says == note_says, trace_says.astype(int), 2 + decides)
    table: dict[str, Any] = {}
    by_name = {field.name: field for field in scene.fields}
    for index, name in enumerate(rule.fields):
        shown = col.render(by_name[name], z[:, index])
        table[name] = col.as_cells(shown, decimals=by_name[name].decimals)
    table[scene.note] = [
        None if missing else text for text, missing in zip(notes.texts, no_note, strict=True)
    ]
    return _Drawn(table, traces, [scene.outcomes[int(code)] for code in answer])


def _traces(
    rule: TriageRule,
    streams: Streams,
    alarmed: NDArray[np.bool_],
    *,
    silent: NDArray[np.bool_],
) -> NDArray[np.int8]:
    """Draw waves of equal power at two speeds, with noise, drift and artefacts."""
    rng, rows = streams.rng("waves"), len(alarmed)
    time = np.arange(STEPS) / STEPS
    speed = np.where(alarmed, rule.cycles[1], rule.cycles[0]) * rng.uniform(0.9, 1.1, rows)
    phase = rng.uniform(0.0, 2.0 * np.pi, rows)
    middle, width = rng.uniform(0.3, 0.7, rows), rng.uniform(0.18, 0.28, rows)
    burst = np.exp(-((time - middle[:, None]) ** 2) / (2.0 * width[:, None] ** 2))
    waves = 1.2 * burst * np.sin(2.0 * np.pi * speed[:, None] * time + phase[:, None])
    rng = streams.rng("nuisance")
    waves += rule.noise * rng.standard_normal((rows, STEPS))
    turn = rng.uniform(0.0, 2.0 * np.pi, rows)[:, None]
    waves += rule.drift * np.sin(2.0 * np.pi * rng.uniform(0.3, 1.2, rows)[:, None] * time + turn)
    for _ in range(rule.spikes):
        at, size = rng.integers(0, STEPS, rows), rng.uniform(4.0, 7.0, rows)
        waves[np.arange(rows), at] += size * rng.choice([-1.0, 1.0], rows)
    gain = streams.rng("gain").uniform(7.0, 12.0, rows)[:, None]
    quiet = streams.rng("quiet").standard_normal((rows, STEPS))
    shown = np.where(silent[:, None], 0.5 * quiet, gain * waves)
    return np.clip(np.rint(np.round(shown, 4)), -127, 127).astype(np.int8)


def _words(
    rule: TriageRule, scene: TriageScene, train: NDArray[np.int8], test: NDArray[np.int8]
) -> Words:
    texts = {field.name: field.text for field in scene.fields}
    off = "; nearly flat where the recorder was off" if rule.traces_missing else ""
    files = {"train_traces.npy": train, "test_traces.npy": test}
    notes = tuple(
        Note(
            path,
            f"{scene.trace_text}, for the lines of `{path.partition('_')[0]}.csv` in their order: "
            f"a NumPy array of {len(traces)} x {STEPS} 8-bit whole numbers{off}",
        )
        for path, traces in files.items()
    )
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train=f"{scene.rows} with their `{scene.target}`",
        test=f"{scene.rows} whose `{scene.target}` is to be predicted",
        sample="a valid submission that always gives one answer",
        columns=(
            *(Note(name, texts[name]) for name in rule.fields),
            Note(scene.note, f"{scene.note_text}; empty where nobody wrote one"),
            Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),
        ),
        files=notes,
        attached={path: npy_bytes(traces) for path, traces in files.items()},
    )


FAMILIES.register(MultimodalTriage.name)(MultimodalTriage())
