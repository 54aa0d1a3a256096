"""Find the words of a text that a label asks for: cues open and close them, and some are void.

Hidden rule: for each label, the words that open and close its passage, and a word that voids.
"""

from __future__ import annotations

import numpy as np

from sandmle.authors.ladders.text_span import span_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.defects import CLUTTER, Defect
from sandmle.authors.toolkit.grammar import Stock, TextScene, all_new, choose
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

VOIDED = Defect("voided_cues", skill="negation_scoping")
VARIANTS = Defect("several_cues", skill="cue_normalisation")
REVISED = Defect("revised_passages", skill="last_mention")

Sample = tuple[str, str, str]
"""Text, label, and the words that are asked for."""


class SpanRule(Rule):
    """Which words open and close the passage of each label."""

    labels: tuple[str, ...]
    opens: tuple[tuple[str, ...], ...]
    """Words that open a passage, by label."""
    closes: tuple[tuple[str, ...], ...]
    """Words that close it, by label."""
    void: str
    """Said before a word that opens a passage, it makes the passage count for nothing."""
    voided: float
    """Share of texts with a void passage of the asked label."""
    revised: float
    """Share of texts where the asked passage comes twice: the later one counts."""
    particles: tuple[str, ...]
    fillers: tuple[str, ...]


class SpanScene(TextScene):
    """A domain where passages are cut out of texts."""

    label: str
    """Column that says what is asked for."""
    label_note: str
    labels: tuple[str, ...]


class TextSpan(SkinnedFamily[SpanScene, SpanRule]):
    """Cut the passage that a label asks for out of a text in an invented language."""

    name = "text/span-v1"
    modality = "text"
    task_type = "extractive_qa"
    summary = "Select the words that a label asks for; cues differ by label and can be void."
    metrics = ("jaccard", "exact_match")
    skins = "span"
    scene_type = SpanScene
    rule_type = SpanRule
    seeds = {
        "tweet-sentiment-extraction": "mood of real tweets; the label becomes a kind of passage",
        "chaii-hindi-and-tamil-question-answering": "free questions and long articles",
        "tensorflow2-question-answering": "encyclopaedia pages; long and short answers become one",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: SpanScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> SpanRule:
        """Draw a language, its cues, and what stands in their way."""
        stock = Stock(rng)
        labels = sorted(str(x) for x in rng.choice(list(scene.labels), size=4, replace=False))
        forms = 2 if difficulty >= 2 else 1
        return SpanRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(15, 21)) * 10,
            test_rows=1000,
            labels=tuple(labels),
            opens=tuple(stock.words("CVCV", forms, apart=2) for _ in labels),
            closes=tuple(stock.words("CVCV", forms, apart=2) for _ in labels),
            void=stock.words("CVC", 1)[0],
            voided=0.45 if difficulty >= 1 else 0.0,
            revised=0.35 if difficulty >= 2 else 0.0,
            particles=stock.words("CVC", 8),
            fillers=(*stock.words("CVCVC", 60, apart=2), *stock.words("CVCV", 30)),
        )

    def profile(self, rule: SpanRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        return Profile(
            grammar=("bracketing", "lookup", "negation"),
            defects=(
                CLUTTER,
                *((VOIDED,) if difficulty >= 1 else ()),
                *((VARIANTS, REVISED) if difficulty >= 2 else ()),
            ),
            skills=("cue_induction",),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Write texts with passages of all labels and ask for one of each."""
        rule, scene = self.worn(design)
        seen: set[str] = set()
        train = _samples(rule, streams.rng("train"), rule.train_rows, seen)
        test = _samples(rule, streams.rng("test"), rule.test_rows, seen)
        ids = row_ids(streams.rng("ids"), len(train) + len(test), prefix=scene.id_prefix)
        truth = [sample[2] for sample in test]
        return row_material(
            Rows(
                ids[: len(train)],
                {scene.target: [sample[2] for sample in train]},
                {scene.text: [s[0] for s in train], scene.label: [s[1] for s in train]},
            ),
            Rows(
                ids[len(train) :],
                {scene.target: truth},
                {scene.text: [s[0] for s in test], scene.label: [s[1] for s in test]},
            ),
            sample={scene.target: [sample[0] for sample in test]},
            best={scene.target: truth},
            ladder=span_ladder(
                id_column=scene.id_column,
                text=scene.text,
                label=scene.label,
                target=scene.target,
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=scene.train_note,
                test=scene.test_note,
                sample="a valid submission that selects every text as a whole",
                columns=(
                    Note(scene.text, scene.text_note),
                    Note(scene.label, scene.label_note),
                    Note(
                        scene.target,
                        f"{scene.target_note}, neighbouring words exactly as in `{scene.text}`; "
                        "the target, in `train.csv` only",
                    ),
                ),
            ),
            rng=streams.rng("split"),
        )

    def targets(self, rule: SpanRule, scene: SpanScene) -> tuple[Column, ...]:
        """Ask for the selected words."""
        return (Column(name=scene.target, kind="string", max_length=1_000),)


def _samples(rule: SpanRule, rng: np.random.Generator, count: int, seen: set[str]) -> list[Sample]:
    return all_new(lambda: _sample(rule, rng), count, key=lambda sample: sample[0], seen=seen)


def _sample(rule: SpanRule, rng: np.random.Generator) -> Sample:
    """Write a text with passages of three labels, and ask for one of them."""
    order = [int(i) for i in rng.permutation(len(rule.labels))]
    asked = order[0]
    passages = [(label, "", _plain(rule, rng, 2, 7)) for label in order[:3]]
    if rng.random() < rule.voided:
        passages.append((asked, rule.void, _plain(rule, rng, 2, 7)))
    if rng.random() < rule.revised:
        passages.append((asked, "", _plain(rule, rng, 2, 7)))
    words = _plain(rule, rng, 1, 5)
    answer: list[str] = []
    for place in rng.permutation(len(passages)).tolist():
        label, void, inner = passages[place]
        # a neutral particle stands where a void one would: position alone tells nothing
        before = void or choose(rng, rule.particles)
        words += [before, choose(rng, rule.opens[label]), *inner, choose(rng, rule.closes[label])]
        words += _plain(rule, rng, 0, 4)
        if label == asked and not void:
            answer = inner
    return " ".join(words), rule.labels[asked], " ".join(answer)


def _plain(rule: SpanRule, rng: np.random.Generator, low: int, high: int) -> list[str]:
    """Draw words that are no cues."""
    stock = rule.fillers
    words = [stock[int(u * len(stock))] for u in rng.random(int(rng.integers(low, high)))]
    if words and rng.random() < 0.3:
        words.insert(int(rng.integers(len(words))), choose(rng, rule.particles))
    return words


FAMILIES.register(TextSpan.name)(TextSpan())
