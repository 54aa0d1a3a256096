"""Which windows hold an anomaly: a burst of one kind, or a jump in the phase of the rhythm.

Hidden rule: every sensor has its own period, wave, level and gain; an anomaly is a short motif or a
phase jump. Spikes, drift, gaps, a clipped range and bursts of another kind are harmless.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.timeseries_anomaly import anomaly_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.pictures import npy_bytes
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene
from sandmle.authors.toolkit.traits import side
from sandmle.authors.toolkit.windows import Nuisances, Rhythm, Windows, burst, draw_windows
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

SENSORS = 6
LOST = -32_768
"""What stands for a reading that was lost."""
_POSITIVES = {"none": 0.35, "mild": 0.28, "strong": 0.18}
_SPIKES = Defect("harmless_spikes", skill="robust_estimation")
_DECOYS = Defect("harmless_bursts", skill="confuser_rejection")


class AnomalyScene(Scene):
    """What is watched, and what goes wrong there."""

    sensor: str
    sensor_prefix: str
    sensor_text: str
    step: str
    """Time between two readings."""
    target: str
    target_text: str


class AnomalyRule(Rule):
    """The hidden rule of one task, with its defects."""

    steps: int
    positives: float
    rhythms: tuple[Rhythm, ...]
    motif_length: int
    motif_cycles: float
    decoy_cycles: float
    spikes: float
    drift: float
    missing: float
    clipped: float
    decoys: float


class TimeseriesAnomaly(SkinnedFamily[AnomalyScene, AnomalyRule]):
    """Score windows of rhythmic sensors by how likely something is wrong."""

    name = "timeseries/anomaly-v1"
    modality = "timeseries"
    task_type = "binary_classification"
    summary = "Find windows with a burst or a phase jump among spikes, drift, gaps and decoys."
    metrics = ("average_precision", "roc_auc")
    skins = "anomaly"
    scene_type = AnomalyScene
    rule_type = AnomalyRule
    scene_stream = "scene"
    seeds = {
        "seti-breakthrough-listen": "spectrograms of six scans; one curve remains",
        "hms-harmful-brain-activity-classification": "twenty electrodes, and votes for six kinds",
        "predict-volcanic-eruptions-ingv-oe": "the time to an eruption; ten sensors become one",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: AnomalyScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> AnomalyRule:
        """Draw rhythms, motif and what is harmless."""
        cycles = rng.permutation([1.7, 3.7]) + rng.uniform(-0.15, 0.15, size=2)
        return AnomalyRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(180, 201)),
            test_rows=1500,
            steps=side(dna, (80, 96, 112)),
            positives=_POSITIVES[dna.imbalance],
            rhythms=tuple(_draw_rhythm(rng) for _ in range(SENSORS)),
            motif_length=int(rng.integers(11, 15)),
            motif_cycles=round(float(cycles[0]), 4),
            decoy_cycles=round(float(cycles[1]), 4),
            spikes=0.012,
            drift=4.0 if difficulty >= 1 else 0.0,
            missing=0.05 if difficulty >= 1 else 0.0,
            clipped=0.05 if difficulty >= 2 else 0.0,
            decoys=0.45 if difficulty >= 2 else 0.0,
        )

    def profile(self, rule: AnomalyRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        found = [_SPIKES, defects.GROUP_OFFSETS]
        found += [defects.DRIFT, defects.MISSING_AT_RANDOM] if difficulty >= 1 else []
        found += [defects.CLIPPED, _DECOYS] if difficulty >= 2 else []
        return Profile(
            grammar=("periodic", "motif", "phase_jump", "group_offset"),
            defects=tuple(found),
            skills=("period_estimation", "residual_features", "change_points"),
        )

    def targets(self, rule: AnomalyRule, scene: AnomalyScene) -> tuple[Column, ...]:
        """Return the columns of a submission after its id."""
        return (Column(name=scene.target, kind="number", low=0.0, high=1.0),)

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw windows of all sensors and write them as arrays, with ladder and oracle."""
        rule, scene = self.worn(design)
        names = row_ids(streams.rng("sensors"), SENSORS, prefix=scene.sensor_prefix)
        parts, files, tables = [], {}, []
        for role, rows in (("train", rule.train_rows), ("test", rule.test_rows)):
            sensor = streams.rng(role, "sensor").integers(0, SENSORS, size=rows)
            windows = _draw(rule, streams.child(role), sensor)
            files[f"{role}_windows.npy"] = npy_bytes(_written(rule, windows, sensor))
            tables.append({scene.sensor: [names[int(code)] for code in sensor]})
            parts.append(windows)
        train, test = parts
        cut = rule.train_rows
        ids = row_ids(streams.rng("ids"), cut + rule.test_rows, prefix=scene.id_prefix)
        chance = rounded(1.0 / (1.0 + np.exp(-np.clip(test.score, -30.0, 30.0))))
        return row_material(
            Rows(ids[:cut], {scene.target: train.label}, tables[0]),
            Rows(ids[cut:], {scene.target: test.label}, tables[1]),
            sample={scene.target: 0.5},
            best={scene.target: chance},
            ladder=anomaly_ladder(
                id_column=scene.id_column, target=scene.target, sensor=scene.sensor
            ),
            words=_words(rule, scene, files),
            rng=streams.rng("split"),
        )


def _draw_rhythm(rng: np.random.Generator) -> Rhythm:
    overtones, bends = rng.uniform(0.15, 0.5, size=2), rng.uniform(0.0, 6.28, size=2)
    return Rhythm(
        period=round(float(rng.uniform(10.0, 22.0)), 4),
        size=round(float(rng.uniform(1.6, 2.6)), 4),
        overtones=(round(float(overtones[0]), 4), round(float(overtones[1]), 4)),
        bends=(round(float(bends[0]), 4), round(float(bends[1]), 4)),
        level=round(float(rng.uniform(-3_000, 6_000)), 1),
        gain=round(float(np.exp(rng.uniform(3.5, 6.0))), 2),
    )


def _draw(rule: AnomalyRule, streams: Streams, sensor: NDArray[np.int64]) -> Windows:
    return draw_windows(
        streams,
        sensor,
        rhythms=rule.rhythms,
        motif=burst(length=rule.motif_length, cycles=rule.motif_cycles),
        decoy=burst(length=rule.motif_length, cycles=rule.decoy_cycles),
        nuisances=Nuisances(
            spikes=rule.spikes,
            drift=rule.drift,
            missing=rule.missing,
            clipped=rule.clipped,
            decoys=rule.decoys,
        ),
        steps=rule.steps,
        positives=rule.positives,
    )


def _written(rule: AnomalyRule, windows: Windows, sensor: NDArray[np.int64]) -> NDArray[np.int16]:
    level = np.asarray([rhythm.level for rhythm in rule.rhythms])[sensor][:, None]
    gain = np.asarray([rhythm.gain for rhythm in rule.rhythms])[sensor][:, None]
    counts = np.clip(np.rint(np.round(level + gain * windows.values, 3)), LOST + 1, 32_767)
    return np.where(windows.lost, LOST, counts).astype(np.int16)


def _words(rule: AnomalyRule, scene: AnomalyScene, files: dict[str, bytes]) -> Words:
    gaps = f"; {LOST} where a reading was lost" if rule.missing else ""
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train="windows with a known outcome",
        test="windows to be scored",
        sample="a valid submission that gives every window one half",
        columns=(
            Note(scene.sensor, f"{scene.sensor_text}; the same ones in both files"),
            Note(
                scene.target,
                f"the target: {scene.target_text}; only in `train.csv`; submit a score from 0 to 1",
            ),
        ),
        files=tuple(
            Note(
                name,
                f"readings of every window of `{name.partition('_')[0]}.csv` in the order of its "
                f"lines: a NumPy array of {rows} x {rule.steps}, 16-bit whole numbers as the "
                f"converter gives them, {scene.step} apart{gaps}",
            )
            for name, rows in zip(sorted(files, reverse=True), _counts(rule), strict=True)
        ),
        attached=files,
    )


def _counts(rule: AnomalyRule) -> tuple[int, int]:
    return rule.train_rows, rule.test_rows


FAMILIES.register(TimeseriesAnomaly.name)(TimeseriesAnomaly())
