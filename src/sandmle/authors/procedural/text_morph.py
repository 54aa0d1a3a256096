"""Short texts in an invented language: roots tell the topic, a small word turns it into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sandmle.authors.ladders.text_morph import text_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family
from sandmle.authors.procedural._text_skins import (
    ASIDES,
    LANGUAGE,
    READING,
    SKINS,
    TWICE,
    TextSkin,
)
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit.answers import answers_csv, row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes
from sandmle.authors.toolkit.lexicon import Phonology, draw_phonology, draw_words, misspell
from sandmle.core.draft import Reference
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

NAME = "text/morph-v1"
TEST_ROWS = 1000
DOUBLED = 0.35
"""Share of the turned texts that are turned back by a second particle, where parity counts."""
_TOKENS = 9
"""Most tokens that a sentence may have."""
_DRAWS = 9
"""Uniform numbers that one token uses."""
_METRICS = {"f1": "f1_macro", "f_beta": "f1_macro", "mcc": "mcc", "error_rate": "error_rate"}


@dataclass(frozen=True)
class _Corpus:
    texts: list[str]
    labels: list[str]
    decoded: list[str]
    """Labels by the hidden rule, from the roots that were written down."""


class TextMorph(Family):
    """Text classification where word forms hardly repeat and meaning is turned by a particle."""

    name = NAME
    modality = "text"
    task_type = "multiclass_classification"
    summary = "Classify short texts in an invented language with inflection, typos and negation."
    metrics = ("accuracy", "f1_macro", "mcc", "error_rate")
    seeds = {  # noqa: RUF012 - declared ClassVar in the base
        "movie-review-sentiment-analysis-kernels-only": "pretrained models; phrases of one tree",
        "facebook-recruiting-iii-keyword-extraction": "42,048 tags become a few topics",
        "jigsaw-unintended-bias-in-toxicity-classification": "identity subgroups; probabilities",
        "lmsys-chatbot-arena": "pairs of long answers; one text stands for the exchange",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Draw a language, topics, the word that turns a topic, and a domain."""
        rng = streams.rng("domain")
        skin = SKINS[int(rng.integers(len(SKINS)))]
        sounds = draw_phonology(streams.rng("sounds"))
        names = {key: _name(streams.rng(key), sounds) for key in ("place", "tongue")}
        classes = int(np.clip(dna.n_classes or rng.integers(3, 7), 3, 6))
        labels = sorted(rng.choice(skin.labels, size=classes, replace=False).tolist())
        rule = _rule(streams.rng("rule"), sounds, labels, difficulty=difficulty)
        rule["metric"] = _METRICS.get(dna.metric_family, "accuracy")
        rule["train_rows"] = 200 if classes > 4 else int(rng.integers(15, 20)) * 10
        rule["skin"] = SKINS.index(skin)
        skills = ["subword_features", "class_specific_interaction"]
        skills += ["clause_scoping"] if rule["aside_share"] else []
        skills += ["parity_feature"] if rule["parity"] else []
        return Design(
            family=NAME,
            modality=self.modality,
            task_type=self.task_type,
            title=_pick(rng, skin.titles).format(**names),
            domain=skin.domain,
            difficulty=difficulty,
            story=_story(streams.rng("story"), skin, rule, names),
            rule=rule,
            skills=tuple(skills),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Write the texts of train and test."""
        rule, skin = design.rule, SKINS[design.rule["skin"]]
        train = _corpus(rule, streams.child("train"), rule["train_rows"])
        test = _corpus(rule, streams.child("test"), TEST_ROWS)
        ids = row_ids(streams.rng("ids"), rule["train_rows"] + TEST_ROWS, prefix=skin.id_prefix)
        train_ids, test_ids = ids[: rule["train_rows"]], ids[rule["train_rows"] :]
        key, text, label = skin.id_column, skin.text_column, skin.label_column
        sample = csv_bytes({key: test_ids, label: [rule["labels"][0]] * TEST_ROWS})
        return Material(
            test_rows=TEST_ROWS,
            train_rows=rule["train_rows"],
            public={
                "train.csv": csv_bytes({key: train_ids, text: train.texts, label: train.labels}),
                "test.csv": csv_bytes({key: test_ids, text: test.texts}),
                "sample_submission.csv": sample,
            },
            answers=answers_csv({key: test_ids, label: test.labels}, streams.rng("split")),
            ladder=text_ladder(id_column=key, text_column=text, label_column=label),
            reference=Reference(
                kind="oracle", submission=csv_bytes({key: test_ids, label: test.decoded})
            ),
            files=(
                Note("train.csv", f"texts with their `{label}`"),
                Note("test.csv", f"texts whose `{label}` is to be predicted"),
                Note("sample_submission.csv", "a valid submission that always gives one answer"),
            ),
            columns=(
                Note(key, "a number without meaning that names the text"),
                Note(text, skin.text_note),
                Note(label, f"{skin.label_note}; the target, in `train.csv` only"),
            ),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Accuracy, or what the DNA asks for, on one label per text."""
        skin = SKINS[design.rule["skin"]]
        target = Column(name=skin.label_column, kind="label", labels=tuple(design.rule["labels"]))
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=skin.id_column, targets=(target,), rows=TEST_ROWS
            ),
        )


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _name(rng: np.random.Generator, sounds: Phonology) -> str:
    pattern = ("CVCV", "CVCVC", "VCVCV")[int(rng.integers(3))]
    return draw_words(rng, sounds, pattern=pattern, count=1, taken=set())[0].capitalize()


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


def _story(
    rng: np.random.Generator, skin: TextSkin, rule: Mapping[str, Any], names: Mapping[str, str]
) -> str:
    first = [_pick(rng, skin.who), _pick(rng, skin.goal)]
    second = [_pick(rng, LANGUAGE), _pick(rng, READING)]
    second += [_pick(rng, ASIDES)] if rule["aside_share"] else []
    second += [_pick(rng, TWICE)] if rule["parity"] else []
    return "\n\n".join(" ".join(part) for part in (first, second)).format(**names)


def _corpus(rule: Mapping[str, Any], streams: Streams, rows: int) -> _Corpus:
    """Write texts of two or three sentences, some turned, some with an aside."""
    labels = rule["labels"]
    rng = streams.rng("plan")
    turns = (rng.random(rows) < rule["turn_share"]).astype(int)
    if rule["parity"]:
        turns += turns * (rng.random(rows) < DOUBLED)
    turn = np.array([labels.index(rule["turn_map"][label]) for label in labels])
    # labels come in equal numbers, so that no constant answer is better than another
    answers = rng.permutation(np.arange(rows) % len(labels))
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


FAMILIES.register(NAME)(TextMorph())
