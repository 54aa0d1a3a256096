"""Put back the word that was taken out of a sentence, in a language where words agree.

Hidden rule: noun classes with articles and auxiliaries that agree, postpositions that verbs ask
for, and the order of words.
"""

from __future__ import annotations

import numpy as np

from sandmle.authors.ladders.text_missing_word import missing_word_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.grammar import Stock, TextScene, all_new, choose
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

UNMARKED_GAP = Defect("unmarked_gap", skill="gap_detection")
PLURALS = Defect("plural_forms", skill="agreement_by_ending")
INTRUDERS = Defect("words_between", skill="long_range_agreement")

_TYPES = ("article", "auxiliary", "marker", "second_article")


class MissingWordRule(Rule):
    """The grammar of one language."""

    nouns: tuple[tuple[str, ...], ...]
    """Stems by noun class."""
    verbs: tuple[tuple[str, ...], ...]
    """Stems by the marker that the verb asks for."""
    markers: tuple[str, ...]
    """Little words between verb and object."""
    articles: tuple[tuple[str, ...], ...]
    """By noun class and number."""
    auxiliaries: tuple[tuple[str, ...], ...]
    """By class and number of the subject."""
    plural: str
    """Ending of several things; empty if nouns have one number only."""
    adjectives: tuple[str, ...]
    adverbs: tuple[str, ...]
    object_first: bool
    """Whether the object with its marker stands before the subject."""
    article_last: bool
    """Whether articles stand after their nouns."""
    between: float
    """How likely an adjective or adverb comes between words that belong together."""


class TextMissingWord(SkinnedFamily[TextScene, MissingWordRule]):
    """Write each sentence with the word that was taken out of it."""

    name = "text/missing_word-v1"
    modality = "text"
    task_type = "text_reconstruction"
    summary = "Restore the word that each sentence lost, by agreement in an invented language."
    metrics = ("levenshtein", "exact_match")
    skins = "missing_word"
    scene_type = TextScene
    rule_type = MissingWordRule
    seeds = {
        "billion-word-imputation": "a billion words of English; a small grammar with agreement",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: TextScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> MissingWordRule:
        """Draw a grammar and its words."""
        stock = Stock(rng)
        numbers = 2 if difficulty >= 1 else 1
        classes = 3
        return MissingWordRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(17, 21)) * 10,
            test_rows=700,
            nouns=tuple(stock.words("CVCVC", 7, apart=2) for _ in range(classes)),
            verbs=tuple(stock.words("VCVCV", 4, apart=2) for _ in range(3)),
            markers=stock.words("CVCC", 3, apart=2),
            articles=tuple(stock.words("CVV", numbers) for _ in range(classes)),
            auxiliaries=tuple(stock.words("VCCV", numbers, apart=2) for _ in range(classes)),
            plural=stock.words("VC", 1)[0] if difficulty >= 1 else "",
            adjectives=stock.words("CVCCV", 10, apart=2),
            adverbs=stock.words("VCVC", 8, apart=2),
            object_first=bool(rng.random() < 0.5),
            article_last=bool(rng.random() < 0.5),
            between=0.75 if difficulty >= 2 else 0.5,
        )

    def profile(self, rule: MissingWordRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        return Profile(
            grammar=("agreement", "government", "permutation"),
            defects=(UNMARKED_GAP, PLURALS, INTRUDERS)[: difficulty + 1],
            skills=("word_classes", "agreement"),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Write sentences and take one word out of each."""
        rule, scene = self.worn(design)
        seen: set[str] = set()
        train, test = (
            _samples(rule, streams.rng(role), rows, seen)
            for role, rows in (("train", rule.train_rows), ("test", rule.test_rows))
        )
        ids = row_ids(streams.rng("ids"), len(train) + len(test), prefix=scene.id_prefix)
        whole = [sample[1] for sample in test]
        return row_material(
            Rows(
                ids[: len(train)],
                {scene.target: [sample[1] for sample in train]},
                {scene.text: [sample[0] for sample in train]},
            ),
            Rows(ids[len(train) :], {scene.target: whole}, {scene.text: [s[0] for s in test]}),
            sample={scene.target: [sample[0] for sample in test]},
            best={scene.target: whole},
            ladder=missing_word_ladder(
                id_column=scene.id_column, text=scene.text, target=scene.target
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=scene.train_note,
                test=scene.test_note,
                sample="a valid submission that leaves every sentence as it is",
                columns=(
                    Note(scene.text, f"{scene.text_note}, without one of its words"),
                    Note(
                        scene.target,
                        f"{scene.target_note}, words separated by single spaces; the target, in "
                        "`train.csv` only",
                    ),
                ),
            ),
            rng=streams.rng("split"),
        )

    def targets(self, rule: MissingWordRule, scene: TextScene) -> tuple[Column, ...]:
        """Ask for whole sentences."""
        return (Column(name=scene.target, kind="string", max_length=400),)


def _samples(
    rule: MissingWordRule, rng: np.random.Generator, rows: int, seen: set[str]
) -> list[tuple[str, str]]:
    return all_new(lambda: _sample(rule, rng), rows, key=lambda sample: sample[0], seen=seen)


def _sample(rule: MissingWordRule, rng: np.random.Generator) -> tuple[str, str]:
    """Write a sentence; return it without one word, and whole."""
    words = _sentence(rule, rng)
    gone = choose(rng, _TYPES)
    kept = [word for word, kind in words if kind != gone]
    return " ".join(kept), " ".join(word for word, _ in words)


def _sentence(rule: MissingWordRule, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Draw words with what they are."""
    kind, number = int(rng.integers(3)), int(rng.integers(len(rule.articles[0])))
    governs = int(rng.integers(len(rule.verbs)))
    subject = _phrase(rule, rng, kind, number, "article")
    other = _phrase(
        rule, rng, int(rng.integers(3)), int(rng.integers(len(rule.articles[0]))), "second_article"
    )
    action = [(rule.auxiliaries[kind][number], "auxiliary")]
    action += [(choose(rng, rule.adverbs), "adverb")] * (rng.random() < rule.between)
    action.append((choose(rng, rule.verbs[governs]), "verb"))
    marked = [(rule.markers[governs], "marker"), *other]
    return [*marked, *subject, *action] if rule.object_first else [*subject, *action, *marked]


def _phrase(
    rule: MissingWordRule, rng: np.random.Generator, kind: int, number: int, article: str
) -> list[tuple[str, str]]:
    """Write a noun with its article, and maybe an adjective between them."""
    noun = choose(rng, rule.nouns[kind]) + (rule.plural if number else "")
    inner = [(choose(rng, rule.adjectives), "adjective")] * (rng.random() < rule.between)
    words = [(rule.articles[kind][number], article), *inner, (noun, "noun")]
    return words[::-1] if rule.article_last else words


FAMILIES.register(TextMissingWord.name)(TextMissingWord())
