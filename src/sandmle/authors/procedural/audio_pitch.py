"""A quantity that follows the pitch of a clip, whose fundamental may be missing.

Hidden rule: the reading rises with the logarithm of the fundamental, on a slightly bent line.
Overtones have loudness of their own in each clip, and the lowest ones may be absent, so that the
strongest frequency is the pitch or any of its multiples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.audio_pitch import pitch_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import traits, waves
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import NOISE, Defect
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.wav import Container, draw_container, pack, to_pcm
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

RATE = 2_000
_FULL = 24.0
_TOP = 940.0
"""No overtone is above this, Hz; the converter takes half of `RATE`."""
_OVERTONES = 9
MISSING_ROOT = Defect("missing_fundamental", skill="harmonic_analysis")

Floats = NDArray[np.float64]


class PitchScene(Scene):
    """A quantity that can be heard."""

    target: str
    target_text: str
    centre: float
    spread: float
    """Typical reading and its standard deviation."""


class PitchRule(Record):
    """The hidden rule of one task, with its nuisances."""

    skin: str
    metric: str
    container: Container
    train_rows: int
    test_rows: int
    samples: int
    low: float
    high: float
    """Range of the fundamental, Hz."""
    bend: float
    """Share of the reading's range by which the middle is off a straight line."""
    error: float
    """Error of the gauge in standard deviations of the reading."""
    rootless: float
    """Share of the clips without a fundamental; a third of those lack the next overtone too."""
    gain: tuple[float, float]
    hum_at: float
    hum_gain: float
    clicks_per_clip: float
    click_gain: float
    echoes: tuple[int, ...]
    echo_gain: float
    tone_gain: float
    tone_range: tuple[float, float]


@dataclass(frozen=True)
class _Clips:
    pcm: NDArray[np.int16]
    """Shape (rows, samples)."""
    reading: Floats
    clean: Floats
    """The reading of a gauge without error."""


class AudioPitch(Family):
    """Predict a reading that follows the pitch of a clip."""

    name = "audio/pitch-v1"
    modality = "audio"
    task_type = "regression"
    summary = "Predict a reading from the pitch of a noisy clip whose fundamental may be missing."
    metrics = ("mae", "rmse")
    seeds = {
        "predict-volcanic-eruptions-ingv-oe": "ten sensors and ten minutes become one short clip",
        "seti-breakthrough-listen": "spectrograms of a telescope; a reading, not a detection",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, range of pitch, the line of readings and the nuisances."""
        clothes = wardrobe_of("audio_pitch", PitchScene)
        scene = clothes.draw(streams.rng("scene"))
        rng = streams.rng("rule")
        low = float(rng.uniform(90.0, 105.0))
        late = sorted(int(x) for x in rng.choice(np.arange(24, 140), 3, replace=False))
        rule = PitchRule(
            skin=scene.key,
            metric=self.choose_metric(dna, streams.rng("metric")),
            container=draw_container(streams.rng("container")),
            train_rows=int(rng.integers(15, 19)) * 10,
            test_rows=1_200,
            samples=traits.side(dna, (560, 600, 640)),
            low=round(low, 1),
            high=round(low * float(rng.uniform(3.4, 3.8)), 1),
            bend=round(float(rng.uniform(-0.1, 0.1)), 4),
            error=0.06,
            rootless=(0.45, 0.55, 0.65)[difficulty],
            gain=(1.1, 2.0),
            hum_at=float(rng.choice([50.0, 60.0])),
            hum_gain=1.5,
            clicks_per_clip=4.0 if difficulty >= 1 else 0.0,
            click_gain=6.0,
            echoes=tuple(late) if difficulty >= 1 else (),
            echo_gain=0.5,
            tone_gain=0.6 if difficulty >= 2 else 0.0,
            tone_range=(250.0, 800.0),
        )
        layers = (
            (MISSING_ROOT, NOISE, waves.HUM),
            (waves.ECHOES, waves.CLICKS),
            (waves.OTHER_TONE,),
        )
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=("periodic", "logarithm", "bend"),
                defects=sum(layers[: difficulty + 1], ()),
                skills=("pitch_estimation", "octave_errors"),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Render the clips of train and test."""
        rule = PitchRule.model_validate(design.rule)
        scene = wardrobe_of("audio_pitch", PitchScene).get(rule.skin)
        train = _clips(rule, scene, streams.child("train"), rule.train_rows)
        test = _clips(rule, scene, streams.child("test"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        known, asked = ids[: rule.train_rows], ids[rule.train_rows :]
        packed = pack(
            train.pcm,
            test.pcm,
            ids=(known, asked),
            id_column=scene.id_column,
            container=rule.container,
            rate=RATE,
        )
        return row_material(
            Rows(known, {scene.target: train.reading}),
            Rows(asked, {scene.target: test.reading}),
            sample={scene.target: scene.centre},
            best={scene.target: test.clean},
            ladder=pitch_ladder(
                loader=packed.loader,
                id_column=scene.id_column,
                target=scene.target,
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=f"every clip with a known `{scene.target}`",
                test=f"every clip whose `{scene.target}` is to be predicted",
                sample="a valid submission that always gives a usual reading",
                columns=(
                    Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),
                ),
                files=packed.notes,
                attached=packed.files,
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score one number for each clip."""
        scene = wardrobe_of("audio_pitch", PitchScene).get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(Column(name=scene.target, kind="number"),),
                rows=material.test_rows,
            ),
        )


def _clips(rule: PitchRule, scene: PitchScene, streams: Streams, rows: int) -> _Clips:
    rng = streams.rng("pitch")
    place = rounded(rng.random(rows))
    root = rounded(rule.low * (rule.high / rule.low) ** place)
    bent = place + rule.bend * 4.0 * place * (1.0 - place)
    # a uniform number on 0 to 1 has a standard deviation of 0.289
    clean = scene.centre + scene.spread * (bent - 0.5) / 0.289
    noise = scene.spread * rule.error * streams.rng("gauge").standard_normal(rows)
    t = waves.times(rule.samples, RATE)
    waveform = _tones(rule, streams.rng("tones"), root, t)
    loud = streams.rng("gain").uniform(rule.gain[0], rule.gain[1], size=rows)
    waveform = waves.level(waveform, loud)
    if rule.echoes:
        rng = streams.rng("echoes")
        shape = (rows, len(rule.echoes))
        gains = rule.echo_gain * rng.uniform(0.5, 1.0, shape) * rng.choice([-1.0, 1.0], shape)
        waveform = waves.echoed(waveform, rule.echoes, gains)
    waveform += _nuisances(rule, streams, rows, t)
    readings = [rounded(values, digits=5) for values in (clean + noise, clean)]
    return _Clips(to_pcm(waveform, full=_FULL), readings[0], readings[1])


def _tones(rule: PitchRule, rng: np.random.Generator, root: Floats, t: Floats) -> Floats:
    """Add up overtones, each as loud as the clip's colour has it, shape (rows, samples)."""
    rows = len(root)
    drop = rng.random(rows)
    colour = np.exp(0.6 * np.clip(rng.standard_normal((rows, _OVERTONES)), -2.0, 2.0))
    phase = rng.uniform(0.0, 2.0 * np.pi, size=(rows, _OVERTONES))
    total = np.zeros((rows, len(t)))
    for k in range(1, _OVERTONES + 1):
        here = k * root < _TOP
        if k == 1:
            here &= drop >= rule.rootless
        if k == 2:
            here &= drop >= rule.rootless / 3
        size = np.where(here, colour[:, k - 1] / np.sqrt(k), 0.0)
        turns = 2.0 * np.pi * k * root[:, None] * t[None, :] + phase[:, k - 1, None]
        total += size[:, None] * np.sin(turns)
    return total


def _nuisances(rule: PitchRule, streams: Streams, rows: int, t: Floats) -> Floats:
    out = streams.rng("noise").standard_normal((rows, len(t)))
    out += waves.hum(streams.rng("hum"), rows, t, at=rule.hum_at, gain=rule.hum_gain)
    if rule.clicks_per_clip:
        rng = streams.rng("clicks")
        out += waves.clicks(rng, rows, len(t), per=rule.clicks_per_clip, gain=rule.click_gain)
    if rule.tone_gain:
        rng = streams.rng("tone")
        pitch = rng.uniform(rule.tone_range[0], rule.tone_range[1], size=(rows, 1))
        phase = rng.uniform(0.0, 2.0 * np.pi, size=(rows, 1))
        out += rule.tone_gain * np.sin(2.0 * np.pi * pitch * t + phase)
    return out


FAMILIES.register(AudioPitch.name)(AudioPitch())
