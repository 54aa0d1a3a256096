"""Overlapping calls: which of several sources can be heard in a short clip.

Hidden rule: each source has a band and a pattern of its own. Sources share bands in pairs, so that
only the way in which pitch or loudness moves tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.audio_calls import calls_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import waves
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.defects import CLUTTER, NOISE
from sandmle.authors.toolkit.patterns import SOUNDS, Sounds
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.traits import class_count
from sandmle.authors.toolkit.wav import Container, draw_container, pack, to_pcm
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

RATE = 2_000
SAMPLES = 600
_FULL = 30.0
_EDGE = 0.01
_PAIRS = (
    ("rise", "fall"),
    ("slow_beat", "fast_beat"),
    ("steady", "wobble"),
    ("steady", "fast_beat"),
    ("fall", "slow_beat"),
    ("rise", "fast_beat"),
)
"""Patterns that may share a band."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class CallScene(Scene):
    """A place in which several sources are heard."""

    sources: tuple[str, ...]
    """Six; target columns are named after them."""
    source_text: str


class Voice(Record):
    """How a source sounds."""

    pattern: str
    low: float
    high: float
    """Range of its pitch, Hz."""
    share: float
    """Share of the clips in which it is heard."""


class CallsRule(Record):
    """The hidden rule of one task, with its nuisances."""

    skin: str
    metric: str
    container: Container
    train_rows: int
    test_rows: int
    sources: tuple[str, ...]
    voices: tuple[Voice, ...]
    """One for each source."""
    strangers: tuple[Voice, ...]
    """Heard as well, but asked for by nobody."""
    gain: tuple[float, float]
    """Loudness of a call against the noise."""
    volume_sd: float
    """Spread of the log of the volume at which a clip was recorded."""
    hum_at: float
    hum_gain: float
    clicks_per_clip: float
    click_gain: float
    echoes: tuple[int, ...]
    """Samples by which echoes are late."""
    echo_gain: float


@dataclass(frozen=True)
class _Clips:
    pcm: NDArray[np.int16]
    """Shape (rows, SAMPLES)."""
    heard: Integers
    """0 or 1, shape (rows, sources)."""


class AudioCalls(Family):
    """Tell which sources can be heard in a clip."""

    name = "audio/calls-v1"
    modality = "audio"
    task_type = "multilabel_classification"
    summary = "Tell which of several overlapping sources are heard; they share bands in pairs."
    metrics = ("roc_auc_columnwise", "f1_micro")
    seeds = {
        "freesound-audio-tagging-2019": "everyday sounds become simple calls; 80 tags a few",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, voices and nuisances."""
        clothes = wardrobe_of("audio_calls", CallScene)
        scene = clothes.draw(streams.rng("scene"))
        rng = streams.rng("rule")
        count = class_count(dna, rng, low=4, high=4 + 2 * int(rng.integers(0, 2)))
        voices = _draw_voices(rng, count)
        strangers = tuple(
            Voice(pattern=str(name), low=voice.low, high=voice.high, share=0.25)
            for name, voice in zip(
                rng.permutation(["rise", "fall", "wobble", "slow_beat"]), voices, strict=False
            )
            if name not in {other.pattern for other in voices if other.low == voice.low}
        )
        rule = CallsRule(
            skin=scene.key,
            metric=self.choose_metric(dna, streams.rng("metric")),
            container=draw_container(streams.rng("container")),
            train_rows=200,
            test_rows=400,
            sources=tuple(sorted(str(name) for name in rng.permutation(scene.sources)[:count])),
            voices=voices,
            strangers=strangers[:2] if difficulty >= 2 else (),
            gain=(0.8, 1.8),
            volume_sd=0.5,
            hum_at=float(rng.choice([50.0, 60.0])),
            hum_gain=1.5,
            clicks_per_clip=4.0 if difficulty >= 1 else 0.0,
            click_gain=5.0,
            echoes=tuple(int(x) for x in sorted(rng.choice(np.arange(30, 130), 3, replace=False)))
            if difficulty >= 1
            else (),
            echo_gain=0.45,
        )
        layers = (
            (NOISE, waves.HUM, waves.UNEVEN_GAIN),
            (waves.CLICKS, waves.ECHOES),
            (CLUTTER,),
        )
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=("superposition", *sorted({voice.pattern for voice in voices})),
                defects=sum(layers[: difficulty + 1], ()),
                skills=("time_frequency_features", "multilabel_models"),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Render the clips of train and test."""
        rule = CallsRule.model_validate(design.rule)
        scene = wardrobe_of("audio_calls", CallScene).get(rule.skin)
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
        )
        truth = dict(zip(rule.sources, test.heard.T, strict=True))
        decisions = rule.metric == "f1_micro"
        return row_material(
            Rows(known, dict(zip(rule.sources, train.heard.T, strict=True))),
            Rows(asked, truth),
            sample=dict.fromkeys(rule.sources, 1 if decisions else 0),
            best=truth,
            ladder=calls_ladder(
                loader=packed.loader,
                id_column=scene.id_column,
                sources=rule.sources,
                decisions=decisions,
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train="one line for each labelled clip, with one column for each source",
                test="one line for each clip to be labelled",
                sample="a valid submission that gives the same answer everywhere",
                columns=tuple(
                    Note(name, f"a target: 1 if the {name} {scene.source_text}, else 0")
                    for name in rule.sources
                ),
                files=packed.notes,
                attached=packed.files,
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score one chance for each source by ROC AUC, or one decision by F1."""
        rule = CallsRule.model_validate(design.rule)
        scene = wardrobe_of("audio_calls", CallScene).get(rule.skin)
        if rule.metric == "f1_micro":
            targets = [Column(name=name, kind="label", labels=("0", "1")) for name in rule.sources]
        else:
            targets = [Column(name=name, kind="number", low=0.0, high=1.0) for name in rule.sources]
        return Evaluation(
            metric=MetricSpec(name=rule.metric),
            submission=SubmissionSchema(
                id_column=scene.id_column, targets=tuple(targets), rows=material.test_rows
            ),
        )


def _draw_voices(rng: np.random.Generator, count: int) -> tuple[Voice, ...]:
    """Give sources bands in pairs, and the two of a pair unlike patterns."""
    bands = [(200.0, 240.0), (330.0, 390.0), (520.0, 610.0)]
    first = rng.permutation(len(_PAIRS))
    voices = []
    for number, place in enumerate(rng.permutation(len(bands))[: (count + 1) // 2]):
        low, high = bands[int(place)]
        shift = float(rng.uniform(0.95, 1.05))
        for pattern in _PAIRS[int(first[number])]:
            share = round(float(rng.uniform(0.28, 0.45)), 3)
            voices.append(
                Voice(
                    pattern=pattern,
                    low=round(low * shift, 1),
                    high=round(high * shift, 1),
                    share=share,
                )
            )
    order = rng.permutation(len(voices))
    return tuple(voices[int(i)] for i in order[:count])


def _clips(rule: CallsRule, streams: Streams, rows: int) -> _Clips:
    t = waves.times(SAMPLES, RATE)
    total = np.zeros((rows, SAMPLES))
    heard = np.zeros((rows, len(rule.voices)), dtype=np.int64)
    for number, voice in enumerate((*rule.voices, *rule.strangers)):
        child = streams.child("voice", number)
        mine = np.flatnonzero(child.rng("heard").random(rows) < voice.share)
        if number < len(rule.voices):
            heard[mine, number] = 1
        total[mine] += _calls(voice, child, len(mine), t, gain=rule.gain)
    if rule.echoes:
        rng = streams.rng("echoes")
        shape = (rows, len(rule.echoes))
        gains = rule.echo_gain * rng.uniform(0.5, 1.0, shape) * rng.choice([-1.0, 1.0], shape)
        total = waves.echoed(total, rule.echoes, gains)
    total += streams.rng("noise").standard_normal((rows, SAMPLES))
    total += waves.hum(streams.rng("hum"), rows, t, at=rule.hum_at, gain=rule.hum_gain)
    if rule.clicks_per_clip:
        rng = streams.rng("clicks")
        total += waves.clicks(rng, rows, SAMPLES, per=rule.clicks_per_clip, gain=rule.click_gain)
    loudness = np.clip(streams.rng("volume").standard_normal((rows, 1)), -2.0, 2.0)
    return _Clips(to_pcm(total * np.exp(rule.volume_sd * loudness), full=_FULL), heard)


def _calls(
    voice: Voice, streams: Streams, rows: int, t: Floats, *, gain: tuple[float, float]
) -> Floats:
    """Render one call in each clip, shape (rows, SAMPLES)."""
    rng = streams.rng("calls")
    length = rng.uniform(0.14, 0.2, size=rows)
    start = rng.uniform(0.0, 1.0, size=rows) * (t[-1] - length)
    since = t[None, :] - start[:, None]
    sounds = Sounds(
        rate=RATE,
        since=since,
        along=np.clip(2.0 * since / length[:, None] - 1.0, -1.0, 1.0),
        pitch=rng.uniform(voice.low, voice.high, size=(rows, 1)),
        phase=rng.uniform(0.0, 2.0 * np.pi, size=(rows, 1)),
        speed=rng.uniform(0.9, 1.1, size=(rows, 1)),
    )
    window = waves.bell(t, start=start, length=length, edge=_EDGE)
    loud = rng.uniform(gain[0], gain[1], size=rows)
    # as loud over the whole clip as the call is while it lasts
    return waves.level(SOUNDS[voice.pattern](sounds) * window, 0.7 * loud)


FAMILIES.register(AudioCalls.name)(AudioCalls())
