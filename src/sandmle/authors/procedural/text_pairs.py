"""How alike two phrases are: synonyms from a public glossary, a head that weighs more, negation.

Hidden rule: likeness = weight of the head's match + share of the other concepts in common, less
where only one of the phrases is negated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sandmle.authors.ladders.text_pairs import pairs_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes
from sandmle.authors.toolkit.defects import LABEL_NOISE, Defect
from sandmle.authors.toolkit.grammar import Stock, TextScene, all_new, choose
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

INFLECTED = Defect("inflected_forms", skill="stemming")
CHAINED = Defect("chained_synonyms", skill="transitive_closure")
NEGATED = Defect("negation", skill="negation_scoping")

_CONCEPTS = 24
_SYNONYMS = 4


class PairsRule(Rule):
    """What makes phrases alike in one language."""

    concepts: tuple[tuple[str, ...], ...]
    """Stems that mean the same, by concept."""
    endings: tuple[str, ...]
    head_last: bool
    head_weight: float
    """Weight of the head's match; the other concepts share what is left."""
    chained: bool
    """Whether the glossary names neighbours only: A like B, B like C."""
    particles: tuple[str, ...]
    """Little words; the first one negates."""
    negated: float
    """Share of phrases with the negating word."""
    kept: float
    """What is left of the likeness where only one phrase is negated."""
    noise: float
    """Spread of the raters' opinions."""


class PairsScene(TextScene):
    """A domain where phrases are held against each other."""

    other: str
    """Column of the second phrase."""
    other_note: str


class TextPairs(SkinnedFamily[PairsScene, PairsRule]):
    """Rate how alike two phrases of an invented language are."""

    name = "text/pairs-v1"
    modality = "text"
    task_type = "regression"
    summary = "Rate the likeness of two phrases with a glossary of synonyms, heads and negation."
    metrics = ("pearson", "spearman")
    skins = "pairs"
    scene_type = PairsScene
    rule_type = PairsRule
    seeds = {
        "us-patent-phrase-to-phrase-matching": "real technical terms and the patent classes",
        "AI4Code": "notebooks and their order; the likeness of two short texts stays",
        "lmsys-chatbot-arena": "long answers and three outcomes; two phrases and a rating stay",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: PairsScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> PairsRule:
        """Draw a language, its synonyms, and what counts for likeness."""
        stock = Stock(rng)
        stems = stock.words("CVCVC", _CONCEPTS * _SYNONYMS, apart=2)
        return PairsRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(16, 21)) * 10,
            test_rows=1000,
            concepts=tuple(stems[_SYNONYMS * i : _SYNONYMS * (i + 1)] for i in range(_CONCEPTS)),
            endings=("", *stock.words("VC", 4)),
            head_last=bool(rng.random() < 0.5),
            head_weight=round(float(rng.uniform(0.45, 0.6)), 5),
            chained=difficulty >= 1,
            particles=stock.words("CV", 4),
            negated=0.4 if difficulty >= 2 else 0.0,
            kept=round(float(rng.uniform(0.2, 0.35)), 5),
            noise=0.08,
        )

    def profile(self, rule: PairsRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        return Profile(
            grammar=("set_overlap", "weighting", "interaction", "synonymy"),
            defects=(
                INFLECTED,
                LABEL_NOISE,
                *((CHAINED,) if difficulty >= 1 else ()),
                *((NEGATED,) if difficulty >= 2 else ()),
            ),
            skills=("glossary_join", "position_features"),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Write pairs of phrases, rate them, and write the glossary."""
        rule, scene = self.worn(design)
        seen: set[str] = set()
        train = _pairs(rule, streams.rng("train"), rule.train_rows, seen)
        test = _pairs(rule, streams.rng("test"), rule.test_rows, seen)
        ids = row_ids(streams.rng("ids"), len(train) + len(test), prefix=scene.id_prefix)
        rated = _rated(rule, streams.rng("raters"), [pair[2] for pair in (*train, *test)])
        return row_material(
            Rows(
                ids[: len(train)],
                {scene.target: rated[: len(train)]},
                {scene.text: [p[0] for p in train], scene.other: [p[1] for p in train]},
            ),
            Rows(
                ids[len(train) :],
                {scene.target: rated[len(train) :]},
                {scene.text: [p[0] for p in test], scene.other: [p[1] for p in test]},
            ),
            sample={scene.target: 0.5},
            best={scene.target: [pair[2] for pair in test]},
            ladder=pairs_ladder(
                id_column=scene.id_column,
                first=scene.text,
                second=scene.other,
                target=scene.target,
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=scene.train_note,
                test=scene.test_note,
                sample="a valid submission that rates every pair one half",
                columns=(
                    Note(scene.text, scene.text_note),
                    Note(scene.other, scene.other_note),
                    Note("term", "in `glossary.csv`: a word of the language in its plain form"),
                    Note("same_as", "in `glossary.csv`: another such word that means the same"),
                    Note(
                        scene.target,
                        f"{scene.target_note}, from 0 (nothing in common) to 1 (the same); the "
                        "target, in `train.csv` only",
                    ),
                ),
                files=(Note("glossary.csv", "pairs of words that mean the same, one per line"),),
                attached={"glossary.csv": csv_bytes(_glossary(rule, streams.rng("glossary")))},
            ),
            rng=streams.rng("split"),
        )

    def targets(self, rule: PairsRule, scene: PairsScene) -> tuple[Column, ...]:
        """Ask for one rating per pair."""
        return (Column(name=scene.target, kind="number"),)


def _pairs(
    rule: PairsRule, rng: np.random.Generator, count: int, seen: set[str]
) -> list[tuple[str, str, float]]:
    return all_new(
        lambda: _pair(rule, rng), count, key=lambda pair: f"{pair[0]}|{pair[1]}", seen=seen
    )


def _pair(rule: PairsRule, rng: np.random.Generator) -> tuple[str, str, float]:
    """Write two phrases that share some concepts; also return how alike they are."""
    drawn = [int(i) for i in rng.permutation(_CONCEPTS)]
    size = int(rng.integers(2, 4))
    first, fresh = drawn[: size + 1], drawn[size + 1 :]
    share = rng.random()
    second = [c if rng.random() < share else fresh[i] for i, c in enumerate(first)]
    if rng.random() < 0.3:
        # the same concepts with another head: a bag of words cannot tell
        second = [second[-1], *second[1:-1], second[0]]
    head = 1.0 if first[0] == second[0] else 0.0
    common = len(set(first[1:]) & set(second[1:])) / size
    alike = rule.head_weight * head + (1 - rule.head_weight) * common
    negated = [rng.random() < rule.negated for _ in range(2)]
    if negated[0] != negated[1]:
        alike *= rule.kept
    phrases = [
        _phrase(rule, rng, concepts, negated=no)
        for concepts, no in zip((first, second), negated, strict=True)
    ]
    return phrases[0], phrases[1], round(alike, 6)


def _phrase(
    rule: PairsRule, rng: np.random.Generator, concepts: list[int], *, negated: bool
) -> str:
    """Write concepts as words: any synonym, any ending, the head at its end of the phrase."""
    words = [
        choose(rng, rule.concepts[concept]) + choose(rng, rule.endings) for concept in concepts
    ]
    rest = [words[1:][int(i)] for i in rng.permutation(len(words) - 1)]
    words = [*rest, words[0]] if rule.head_last else [words[0], *rest]
    if rng.random() < 0.5:
        words.insert(int(rng.integers(1, len(words))), choose(rng, rule.particles[1:]))
    if negated:
        words.insert(int(rng.integers(1, len(words))), rule.particles[0])
    return " ".join(words)


def _rated(rule: PairsRule, rng: np.random.Generator, alike: list[float]) -> list[float]:
    """Let raters see the likeness with some noise, in steps of 0.05."""
    seen = np.array(alike) + rule.noise * rng.standard_normal(len(alike))
    return [float(value) for value in np.clip(np.round(seen * 20) / 20, 0.0, 1.0)]


def _glossary(rule: PairsRule, rng: np.random.Generator) -> dict[str, Any]:
    """List synonyms: every pair of a concept, or only chains of neighbours."""
    lines: list[tuple[str, str]] = []
    for stems in rule.concepts:
        order = [stems[int(i)] for i in rng.permutation(len(stems))]
        for i, stem in enumerate(order):
            last = i + 2 if rule.chained else len(order)
            lines += [(stem, other) for other in order[i + 1 : last]]
    lines = [lines[int(i)] for i in rng.permutation(len(lines))]
    return {"term": [a for a, _ in lines], "same_as": [b for _, b in lines]}


FAMILIES.register(TextPairs.name)(TextPairs())
