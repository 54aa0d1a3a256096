"""Which state did a three-axis sensor record? Devices are fixed and calibrated in their own way.

Hidden rule: a state is a periodic motion with its own frequency, size, share along a steady pull,
and second harmonic. Each device turns the axes, has its own gain, and its bearer a pace.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.timeseries_sensors import sensors_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.motions import Devices, Motion, Recorded, draw_devices, record
from sandmle.authors.toolkit.pictures import npy_bytes
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.traits import class_count, class_shares, side
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

TEST_WINDOWS = 22
"""Of each test device."""
LOST = -128
"""What stands for a reading that was lost."""
SCALE = 12.0
"""Written units for a reading of 1."""
NOISE = 0.48
PULL = 2.5
_AXES = Defect("axis_order", skill="orientation_invariance")
_SLANT = Defect("slanted_devices", skill="reference_direction")
_GAPS = Defect("dropouts", skill="gap_filling")
_GAINS = Defect("device_gains", skill="group_scaling")


class SensorsScene(Scene):
    """Who wears or bears the sensors, and the states to be told apart."""

    device: str
    device_prefix: str
    device_text: str
    target: str
    target_text: str
    states: tuple[str, str, str, str, str, str]


class SensorsRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    per_device: int
    """Windows of each training device."""
    steps: int
    states: tuple[str, ...]
    shares: tuple[float, ...]
    motions: tuple[Motion, ...]
    slanted: bool
    pace_sd: float
    gain_sd: float
    dropouts: float
    """Share of windows with a gap."""
    clipped: float
    """Range of a device in units of its gain; 0: without end."""


class TimeseriesSensors(Family):
    """Name states from three axes of devices that training never saw."""

    name = "timeseries/sensors-v1"
    modality = "timeseries"
    task_type = "multiclass_classification"
    summary = "Name states in three-axis windows of unseen devices with own axes, gains and pace."
    metrics = ("accuracy", "f1_macro")
    seeds = {
        "hms-harmful-brain-activity-classification": "nineteen electrodes and the experts' votes",
        "ml2021spring-hw2": "the speech; frames become windows, and most of the 39 classes go",
        "multi-modal-gesture-recognition": "video, depth and sound; one label per window remains",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, states, and how devices differ."""
        clothes = wardrobe_of("sensors", SensorsScene)
        scene = clothes.draw(streams.rng("scene"))
        metric = self.choose_metric(dna, streams.rng("metric"))
        rule = _draw_rule(streams.rng("rule"), scene, metric, dna, difficulty)
        found = [_AXES, _GAINS, defects.UNSEEN_GROUPS]
        found += [_SLANT, _GAPS] if difficulty >= 1 else []
        found += [defects.CLIPPED] if difficulty >= 2 else []
        skills = ["spectral_features"]
        skills += ["pace_invariance"] if difficulty >= 1 else []
        skills += ["harmonic_phase"] if difficulty >= 2 else []
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(("periodic", "rotation", "group_scale"), tuple(found), tuple(skills)),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw devices and windows, and write them as arrays, with ladder and oracle."""
        rule = SensorsRule.model_validate(design.rule)
        scene = wardrobe_of("sensors", SensorsScene).get(rule.skin)
        sizes = {"train": (rule.train_rows, rule.per_device)}
        sizes["test"] = (rule.test_rows, TEST_WINDOWS)
        counts = {role: max(2, round(rows / each)) for role, (rows, each) in sizes.items()}
        names = row_ids(streams.rng("devices"), sum(counts.values()), prefix=scene.device_prefix)
        of_role = {"train": names[: counts["train"]], "test": names[counts["train"] :]}
        parts, files, tables = [], {}, []
        for role, (_, each) in sizes.items():
            own = streams.child(role)
            count = counts[role]
            device = own.rng("order").permutation(np.repeat(np.arange(count), each))
            devices = draw_devices(
                own.rng("devices"),
                count,
                slanted=rule.slanted,
                pace_sd=rule.pace_sd,
                gain_sd=rule.gain_sd,
            )
            windows = _draw(rule, own, devices, device)
            files[f"{role}_windows.npy"] = npy_bytes(
                _written(rule, own.rng("gaps"), windows, devices, device)
            )
            tables.append([of_role[role][int(code)] for code in device])
            parts.append(windows)
        train, test = parts
        cut = len(train.state)
        ids = row_ids(streams.rng("ids"), cut + len(test.state), prefix=scene.id_prefix)
        return row_material(
            Rows(
                ids[:cut],
                {scene.target: _named(rule, train.state)},
                {scene.device: tables[0]},
            ),
            Rows(
                ids[cut:],
                {scene.target: _named(rule, test.state)},
                {scene.device: tables[1]},
                groups=(scene.device, tables[1]),
            ),
            sample={scene.target: rule.states[0]},
            best={scene.target: _named(rule, test.likely)},
            ladder=sensors_ladder(
                id_column=scene.id_column, target=scene.target, device=scene.device
            ),
            words=_words(rule, scene, files, (cut, len(test.state))),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score the named states; whole devices are public or private."""
        scene = wardrobe_of("sensors", SensorsScene).get(design.rule["skin"])
        column = Column(name=scene.target, kind="label", labels=tuple(design.rule["states"]))
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(column,),
                rows=material.test_rows,
                group_column=scene.device,
            ),
        )


def _draw_rule(
    rng: np.random.Generator, scene: SensorsScene, metric: str, dna: TaskDNA, difficulty: int
) -> SensorsRule:
    count = class_count(dna, rng, low=4, high=6)
    picked = rng.permutation(len(scene.states))[:count]
    devices = int(rng.integers(9, 12))
    per_device = 200 // devices
    return SensorsRule(
        skin=scene.key,
        metric=metric,
        train_rows=devices * per_device,
        test_rows=50 * TEST_WINDOWS,
        per_device=per_device,
        steps=side(dna, (56, 64, 80)),
        states=tuple(scene.states[int(index)] for index in picked),
        shares=tuple(class_shares(dna, rng, count)),
        motions=_draw_motions(rng, count, difficulty),
        slanted=difficulty >= 1,
        pace_sd=0.08 if difficulty >= 1 else 0.0,
        gain_sd=0.5,
        dropouts=0.3 if difficulty >= 1 else 0.0,
        clipped=2.7 if difficulty >= 2 else 0.0,
    )


def _draw_motions(rng: np.random.Generator, count: int, difficulty: int) -> tuple[Motion, ...]:
    """Draw states in pairs of one frequency that differ in direction, or in the sense of time."""
    cycles = rng.uniform(3.6, 4.4) * 1.4 ** np.arange(3)
    motions = []
    for code in range(count):
        pair, second = code // 2, code % 2
        backwards = difficulty >= 2 and pair == 0
        upright = 0.55 if backwards else (0.25, 0.75)[second]
        motions.append(
            Motion(
                cycles=round(float(cycles[pair]), 4),
                size=round(float(rng.uniform(0.55, 0.75)), 4),
                upright=round(float(upright + rng.uniform(-0.05, 0.05)), 4),
                overtone=round(float(rng.uniform(0.45, 0.6) if backwards else 0.2), 4),
                lag=round(float(np.pi / 2 * (1 - 2 * second)) if backwards else 0.0, 4),
            )
        )
    return tuple(motions[int(index)] for index in rng.permutation(count))


def _draw(
    rule: SensorsRule, streams: Streams, devices: Devices, device: NDArray[np.int64]
) -> Recorded:
    return record(
        streams,
        rule.motions,
        devices,
        device,
        steps=rule.steps,
        shares=rule.shares,
        noise=NOISE,
        pull=PULL,
    )


def _written(
    rule: SensorsRule,
    rng: np.random.Generator,
    windows: Recorded,
    devices: Devices,
    device: NDArray[np.int64],
) -> NDArray[np.int8]:
    """Write readings as whole numbers, with gaps and the end of each device's range."""
    values = windows.values
    if rule.clipped:
        top = rule.clipped * devices.gain[device][:, None, None]
        values = np.clip(values, -top, top)
    counts = np.clip(np.rint(np.round(SCALE * values, 3)), LOST + 1, 127)
    start = rng.integers(4, rule.steps - 12, size=len(device))
    length = rng.integers(3, 8, size=len(device)) * (rng.random(len(device)) < rule.dropouts)
    place = np.arange(rule.steps)[None, :]
    gap = (place >= start[:, None]) & (place < (start + length)[:, None])
    return np.where(gap[:, :, None], LOST, counts).astype(np.int8)


def _named(rule: SensorsRule, codes: NDArray[np.int64]) -> list[str]:
    return [rule.states[int(code)] for code in codes]


def _words(
    rule: SensorsRule, scene: SensorsScene, files: dict[str, bytes], rows: tuple[int, int]
) -> Words:
    gaps = f"; {LOST} on all axes where readings were lost" if rule.dropouts else ""
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train="one line for each labelled window",
        test=f"one line for each window to be named; no {scene.device} is in both files",
        sample="a valid submission that names the same for every window",
        columns=(
            Note(scene.device, scene.device_text),
            Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),
        ),
        files=tuple(
            Note(
                f"{role}_windows.npy",
                f"one window for each line of `{role}.csv`, in the same order: a NumPy array of "
                f"{count} x {rule.steps} x 3 (window, time, axis), 8-bit whole numbers in the "
                f"device's own units, 50 readings a second{gaps}",
            )
            for role, count in zip(("train", "test"), rows, strict=True)
        ),
        attached=files,
    )


FAMILIES.register(TimeseriesSensors.name)(TimeseriesSensors())
