"""Short texts in an invented language: roots tell the topic, a small word turns it into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sandmle.authors.ladders.text_morph import text_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.dealing import dealt
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.lexicon import Phonology, draw_phonology, draw_words, misspell
from sandmle.authors.toolkit.naming import invented_name, named
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, pick, wardrobe_of
from sandmle.authors.toolkit.traits import class_count, class_shares
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

TEST_ROWS = 1000
DOUBLED = 0.35
"""Share of the turned texts that are turned back by a second particle, where parity counts."""
_TOKENS = 9
"""Most tokens that a sentence may have."""
_DRAWS = 9
"""Uniform numbers that one token uses."""
INFLECTION = Defect("inflection", skill="subword_features")
TYPING_ERRORS = Defect("typing_errors", skill="fuzzy_matching")
ASIDES = Defect("asides", skill="clause_scoping")
READING = (
    "Those who can read it warn that a text must be taken as a whole: a small word may turn the "
    "meaning of everything else around.",
    "One old hand says: do not stop at what is named; the short words decide what is meant by it.",
    "A hint from somebody who once learned it: short words weigh more than they look, for the "
    "rest of the text may mean something else beside them.",
)
WANDERING = (
    "Writers also like to wander: parts of a text may be about matters that have nothing to do "
    "with the outcome.",
    "Not every sentence is to the point; hearsay and gossip are passed on as well.",
)
TWICE = (
    "And as in other languages, saying a thing twice is not the same as saying it once.",
    "How often a thing is said can matter as much as that it is said.",
)


class MorphScene(Scene):
    """Who writes texts in a language of their own; `{place}` and `{tongue}` are invented."""

    text_column: str
    text_note: str
    target: str
    target_text: str
    labels: tuple[str, ...]
    """At least six."""


@dataclass(frozen=True)
class _Corpus:
    texts: list[str]
    labels: list[str]
    decoded: list[str]
    """Labels by the hidden rule, from the roots that were written down."""


class TextMorph(Family):
    """Text classification where word forms hardly repeat and meaning is turned by a particle."""

    name = "text/morph-v2"
    modality = "text"
    task_type = "multiclass_classification"
    summary = "Classify short texts in an invented language with inflection, typos and negation."
    metrics = ("accuracy", "f1_macro", "mcc", "error_rate")
    seeds = {
        "movie-review-sentiment-analysis-kernels-only": "pretrained models; phrases of one tree",
        "facebook-recruiting-iii-keyword-extraction": "42,048 tags become a few topics",
        "jigsaw-unintended-bias-in-toxicity-classification": "identity subgroups; probabilities",
        "lmsys-chatbot-arena": "pairs of long answers; one text stands for the exchange",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Draw a language, topics, the word that turns a topic, and a domain."""
        clothes = wardrobe_of("morph", MorphScene)
        rng = streams.rng("domain")
        scene = clothes.draw(rng)
        sounds = draw_phonology(streams.rng("sounds"))
        names = {key: invented_name(streams.rng(key), sounds) for key in ("place", "tongue")}
        classes = class_count(dna, rng, low=3, high=6)
        labels = sorted(rng.choice(scene.labels, size=classes, replace=False).tolist())
        rule = {
            "scene": scene.key,
            "metric": self.choose_metric(dna, streams.rng("metric")),
            "train_rows": 200 if classes > 4 else int(rng.integers(15, 20)) * 10,
            "test_rows": TEST_ROWS,
            "shares": class_shares(dna, streams.rng("shares"), classes),
            **_rule(streams.rng("rule"), sounds, labels, difficulty=difficulty),
        }
        told = named(clothes, scene, names, remarks=_remarks(streams.rng("story"), rule))
        return self.tell(
            told,
            told.scenes[0],
            streams.rng("words"),
            rule=rule,
            difficulty=difficulty,
            profile=_profile(rule),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Write the texts of train and test."""
        rule = design.rule
        scene = wardrobe_of("morph", MorphScene).get(rule["scene"])
        rows = rule["train_rows"]
        train = _corpus(rule, streams.child("train"), rows)
        test = _corpus(rule, streams.child("test"), rule["test_rows"])
        ids = row_ids(streams.rng("ids"), rows + rule["test_rows"], prefix=scene.id_prefix)
        text, label = scene.text_column, scene.target
        return row_material(
            Rows(ids[:rows], {label: train.labels}, {text: train.texts}),
            Rows(ids[rows:], {label: test.labels}, {text: test.texts}),
            sample={label: rule["labels"][0]},
            best={label: test.decoded},
            ladder=text_ladder(id_column=scene.id_column, text_column=text, label_column=label),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=f"texts with their `{label}`",
                test=f"texts whose `{label}` is to be predicted",
                sample="a valid submission that always gives one answer",
                columns=(
                    Note(text, scene.text_note),
                    Note(label, f"{scene.target_text}; the target, in `train.csv` only"),
                ),
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Accuracy, or what the DNA asks for, on one label per text."""
        scene = wardrobe_of("morph", MorphScene).get(design.rule["scene"])
        target = Column(name=scene.target, kind="label", labels=tuple(design.rule["labels"]))
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column, targets=(target,), rows=material.test_rows
            ),
        )


def _profile(rule: Mapping[str, Any]) -> Profile:
    asides = (ASIDES,) if rule["aside_share"] else ()
    parity = ("parity",) if rule["parity"] else ()
    return Profile(
        grammar=("lexicon", "negation", *parity),
        defects=(INFLECTION, TYPING_ERRORS, *asides),
        skills=("class_specific_interaction", *(f"{name}_feature" for name in parity)),
    )


def _remarks(rng: np.random.Generator, rule: Mapping[str, Any]) -> list[str]:
    remarks = [pick(rng, READING)]
    remarks += [pick(rng, WANDERING)] if rule["aside_share"] else []
    remarks += [pick(rng, TWICE)] if rule["parity"] else []
    return remarks


def _rule(
    rng: np.random.Generator, sounds: Phonology, labels: list[str], *, difficulty: int
) -> dict[str, Any]:
    taken: set[str] = set()
    roots = draw_words(
        rng, sounds, pattern="CVCVC", count=7 * len(labels) + 40, taken=taken, apart=2
    )
    particles = draw_words(rng, sounds, pattern="CVC", count=12, taken=taken)
    turn = rng.permutation(len(labels))
    while any(turn == np.arange(len(labels))):
        turn = rng.permutation(len(labels))
    turned = float(rng.uniform(0.3, 0.38))
    return {
        "labels": labels,
        "sounds": [list(sounds.consonants), list(sounds.vowels)],
        "roots": {label: roots[7 * i : 7 * i + 7] for i, label in enumerate(labels)},
        "filler_roots": roots[7 * len(labels) :],
        "prefixes": ["", *draw_words(rng, sounds, pattern="CV", count=1 + difficulty, taken=set())],
        "endings": draw_words(rng, sounds, pattern="VC", count=9, taken=set()),
        "particles": particles[2:],
        "turn_word": particles[0],
        "turn_share": round(turned / (1 - DOUBLED) if difficulty >= 2 else turned, 6),
        "turn_map": {label: labels[int(j)] for label, j in zip(labels, turn, strict=True)},
        "parity": difficulty >= 2,
        "aside_word": particles[1],
        "aside_share": _aside_share(rng, difficulty),
        "topical_share": 0.34,
        "purity": 0.72,
        "typo_share": round(float(rng.uniform(0.05, 0.1)), 6),
    }


def _aside_share(rng: np.random.Generator, difficulty: int) -> float:
    low = (0.0, 0.55, 0.85)[difficulty]
    return round(float(rng.uniform(low, low + 0.15)), 6) if difficulty else 0.0


def _corpus(rule: Mapping[str, Any], streams: Streams, rows: int) -> _Corpus:
    """Write texts of two or three sentences, some turned, some with an aside."""
    labels = rule["labels"]
    rng = streams.rng("plan")
    turns = (rng.random(rows) < rule["turn_share"]).astype(int)
    if rule["parity"]:
        turns += turns * (rng.random(rows) < DOUBLED)
    turn = np.array([labels.index(rule["turn_map"][label]) for label in labels])
    answers = dealt(rng, rows, shares=rule["shares"])
    topics = np.where(turns % 2 == 1, np.argsort(turn)[answers], answers)
    asides = (topics + rng.integers(1, len(labels), size=rows)) % len(labels)
    has_aside = rng.random(rows) < rule["aside_share"]
    sentences = rng.integers(2, 4, size=rows)
    places = rng.random((rows, 4))
    draws = streams.rng("tokens").random((rows, 4, _TOKENS + 1, _DRAWS))
    texts, decoded = [], []
    for i in range(rows):
        parts, hits = [], np.zeros(len(labels))
        for j in range(sentences[i]):
            words, found = _sentence(rule, int(topics[i]), draws[i, j])
            parts.append(words)
            hits += found
        for j in range(turns[i]):
            home = parts[int(places[i, j] * len(parts))]
            home.insert(int(places[i, 2 + j] * len(home)), rule["turn_word"])
        if has_aside[i]:
            words, _ = _sentence(rule, int(asides[i]), draws[i, 3])
            parts.insert(int(places[i, 3] * (len(parts) + 1)), [rule["aside_word"], *words])
        texts.append(" ".join(" ".join(words) + "." for words in parts))
        decoded.append(labels[turn[hits.argmax()] if turns[i] % 2 == 1 else hits.argmax()])
    return _Corpus(texts=texts, labels=[labels[i] for i in answers], decoded=decoded)


def _sentence(
    rule: Mapping[str, Any], topic: int, draws: np.ndarray[Any, np.dtype[np.float64]]
) -> tuple[list[str], np.ndarray[Any, np.dtype[np.float64]]]:
    """Write one sentence; also count its roots by topic, shape (labels,)."""
    labels, hits = rule["labels"], np.zeros(len(rule["labels"]))
    sounds = Phonology(*(tuple(letters) for letters in rule["sounds"]))
    words = []
    for u in draws[: 6 + int(draws[-1, 0] * (_TOKENS - 5))].tolist():
        if u[0] < rule["topical_share"]:
            away = max(0.0, (u[1] - rule["purity"]) / (1 - rule["purity"])) * (len(labels) - 1)
            other = (topic + 1 + int(away)) % len(labels)
            about = topic if u[1] < rule["purity"] else other
            roots = rule["roots"][labels[about]]
            hits[about] += 1
        elif u[0] < 0.75:
            roots = rule["filler_roots"]
        else:
            words.append(rule["particles"][int(u[2] * len(rule["particles"]))])
            continue
        prefix = rule["prefixes"][int(u[3] * len(rule["prefixes"]))]
        ending = rule["endings"][int(u[4] * len(rule["endings"]))]
        word = prefix + roots[int(u[2] * len(roots))] + ending
        words.append(misspell(word, u[6:9], sounds) if u[5] < rule["typo_share"] else word)
    return words, hits


FAMILIES.register(TextMorph.name)(TextMorph())
