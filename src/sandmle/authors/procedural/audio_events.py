"""Short sounds with one label each: what tells them apart is how pitch and loudness move.

Hidden rule: every clip holds one pattern (steady, beating, rising ...) in one of two registers; the
label goes with the pattern, on the highest level with pattern and register taken together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.audio_events import events_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import traits, waves
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.columns import draw_labels
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import NOISE
from sandmle.authors.toolkit.patterns import SOUNDS, Sounds
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.wav import Container, draw_container, pack, to_pcm
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

RATE = 2_000
_FULL = 10.0
"""Amplitude at which the converter clips; the noise has a standard deviation of 1."""
_EDGE = 0.012

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class EventScene(Scene):
    """A domain whose sounds are to be named."""

    target: str
    target_text: str
    what: str
    """What one clip is called."""
    labels: tuple[str, ...]
    """Eight."""


class EventsRule(Record):
    """The hidden rule of one task, with its nuisances."""

    skin: str
    metric: str
    container: Container
    train_rows: int
    test_rows: int
    samples: int
    labels: tuple[str, ...]
    shares: tuple[float, ...]
    patterns: tuple[str, ...]
    registers: tuple[tuple[float, float], ...]
    """Lowest and highest pitch of each register, Hz."""
    label_table: tuple[tuple[int, ...], ...]
    """Label by pattern and register."""
    gain: tuple[float, float]
    hum_at: float
    hum_gain: float
    clicks_per_clip: float
    click_gain: float
    tone_gain: float
    tone_range: tuple[float, float]


@dataclass(frozen=True)
class _Clips:
    pcm: NDArray[np.int16]
    """Shape (rows, samples)."""
    answers: Integers


class AudioEvents(Family):
    """Name the event in a short noisy clip."""

    name = "audio/events-v1"
    modality = "audio"
    task_type = "multiclass_classification"
    summary = "Name the sound in a short clip by how its pitch and loudness move; hum, clicks."
    metrics = ("accuracy", "f1_macro")
    seeds = {
        "tensorflow-speech-recognition-challenge": "words become simple sounds; 31 classes a few",
        "ml2021spring-hw2": "speech frames become whole sounds; 39 phonemes a few classes",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, patterns, registers and what labels they have."""
        clothes = wardrobe_of("audio_events", EventScene)
        scene = clothes.draw(streams.rng("scene"))
        rng = streams.rng("rule")
        count = traits.class_count(dna, rng, low=4, high=6 - (difficulty == 2))
        names = [str(name) for name in rng.permutation(sorted(SOUNDS))[:count]]
        crossed = difficulty == 2
        step = int(rng.integers(1, count)) if crossed else 0
        first = float(rng.uniform(210.0, 240.0))
        rule = EventsRule(
            skin=scene.key,
            metric=self.choose_metric(dna, streams.rng("metric")),
            container=draw_container(streams.rng("container")),
            train_rows=200 if crossed else int(rng.integers(15, 19)) * 10,
            test_rows=400,
            samples=traits.side(dna, (560, 600, 640)),
            labels=tuple(sorted(str(x) for x in rng.permutation(scene.labels)[:count])),
            shares=tuple(traits.class_shares(dna, rng, count)),
            patterns=tuple(names),
            registers=(
                (round(first, 1), round(1.2 * first, 1)),
                (round(1.75 * first, 1), round(2.1 * first, 1)),
            ),
            label_table=tuple((i, (i + step) % count) for i in range(count)),
            gain=(1.1, 1.9),
            hum_at=float(rng.choice([50.0, 60.0])),
            hum_gain=1.5,
            clicks_per_clip=5.0 if difficulty >= 1 else 0.0,
            click_gain=4.5,
            tone_gain=0.8 if difficulty >= 2 else 0.0,
            tone_range=(640.0, 820.0),
        )
        layers = ((NOISE, waves.HUM, waves.UNEVEN_GAIN), (waves.CLICKS,), (waves.OTHER_TONE,))
        skills = ("time_frequency_features", "pitch_tracks", *(("interaction",) if crossed else ()))
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=(*sorted(names), *(("interaction",) if crossed else ())),
                defects=sum(layers[: difficulty + 1], ()),
                skills=skills,
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Render the clips of train and test."""
        rule = EventsRule.model_validate(design.rule)
        scene = wardrobe_of("audio_events", EventScene).get(rule.skin)
        train = _clips(rule, streams.child("train"), rule.train_rows)
        test = _clips(rule, streams.child("test"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        known, asked = ids[: rule.train_rows], ids[rule.train_rows :]
        packed = pack(
            train.pcm,
            test.pcm,
            ids=(known, asked),
            id_column=scene.id_column,
            container=rule.container,
            rate=RATE,
            what=scene.what,
        )
        truth = [rule.labels[i] for i in test.answers]
        return row_material(
            Rows(known, {scene.target: [rule.labels[i] for i in train.answers]}),
            Rows(asked, {scene.target: truth}),
            sample={scene.target: rule.labels[0]},
            best={scene.target: truth},
            ladder=events_ladder(
                loader=packed.loader, id_column=scene.id_column, label_column=scene.target
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=f"one line for each labelled {scene.what} with its `{scene.target}`",
                test=f"one line for each {scene.what} to be labelled",
                sample="a valid submission that always gives the same answer",
                columns=(Note(scene.target, f"the target: {scene.target_text}"),),
                files=packed.notes,
                attached=packed.files,
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score one label for each clip."""
        scene = wardrobe_of("audio_events", EventScene).get(design.rule["skin"])
        target = Column(name=scene.target, kind="label", labels=tuple(design.rule["labels"]))
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column, targets=(target,), rows=material.test_rows
            ),
        )


def _clips(rule: EventsRule, streams: Streams, rows: int) -> _Clips:
    answers = draw_labels(streams.rng("answers"), rows, shares=rule.shares)
    rng = streams.rng("pattern")
    table = np.array(rule.label_table)
    cells = [np.argwhere(table == label) for label in range(len(rule.labels))]
    picks = rng.random(rows)
    chosen = np.array(
        [cells[c][int(u * len(cells[c]))] for c, u in zip(answers, picks, strict=True)]
    )
    low, high = np.array(rule.registers)[chosen[:, 1]].T
    t = waves.times(rule.samples, RATE)
    length = rng.uniform(0.5, 0.65, size=rows) * t[-1]
    start = rng.uniform(0.0, 1.0, size=rows) * (t[-1] - length)
    since = t[None, :] - start[:, None]
    sounds = Sounds(
        rate=RATE,
        since=since,
        along=np.clip(2.0 * since / length[:, None] - 1.0, -1.0, 1.0),
        pitch=rounded(low + (high - low) * rng.random(rows))[:, None],
        phase=rng.uniform(0.0, 2.0 * np.pi, size=(rows, 1)),
        speed=rng.uniform(0.85, 1.15, size=(rows, 1)),
    )
    window = waves.bell(t, start=start, length=length, edge=_EDGE)
    every = np.zeros((rows, rule.samples))
    for index, name in enumerate(rule.patterns):
        mine = np.flatnonzero(chosen[:, 0] == index)
        every[mine] = SOUNDS[name](sounds.of(mine))
    gains = rng.uniform(rule.gain[0], rule.gain[1], size=rows)
    every = waves.level(every * window, gains)
    return _Clips(to_pcm(every + _nuisances(rule, streams, rows), full=_FULL), answers)


def _nuisances(rule: EventsRule, streams: Streams, rows: int) -> Floats:
    t = waves.times(rule.samples, RATE)
    out = streams.rng("noise").standard_normal((rows, rule.samples))
    out += waves.hum(streams.rng("hum"), rows, t, at=rule.hum_at, gain=rule.hum_gain)
    if rule.clicks_per_clip:
        out += waves.clicks(
            streams.rng("clicks"),
            rows,
            rule.samples,
            per=rule.clicks_per_clip,
            gain=rule.click_gain,
        )
    if rule.tone_gain:
        rng = streams.rng("tone")
        pitch = rng.uniform(rule.tone_range[0], rule.tone_range[1], size=(rows, 1))
        phase = rng.uniform(0.0, 2.0 * np.pi, size=(rows, 1))
        out += rule.tone_gain * np.sin(2.0 * np.pi * pitch * t + phase)
    return out


FAMILIES.register(AudioEvents.name)(AudioEvents())
