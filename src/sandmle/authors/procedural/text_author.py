"""Who wrote it: each author chains the little words of an invented language in an own way.

Hidden rule: one Markov chain over the little words per author. What a text is about says who wrote
it in training only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.text_author import author_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import traits
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import SHIFTED_TEST, Defect
from sandmle.authors.toolkit.grammar import Stock, TextScene
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.core.draft import Trap
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

QUOTATIONS = Defect("quotations", skill="quote_removal")
CLITICS = Defect("clitics", skill="subword_tokenisation")

_LITTLE = 12
_OWN_TOPIC = 0.85
"""Share of an author's training texts that are about the author's usual topic."""
_CODES = "ABCDEFGHJKLMNPQRSTUVWXYZ"

Floats = NDArray[np.float64]


class AuthorRule(Rule):
    """How each author writes, and what hides it."""

    authors: tuple[str, ...]
    """Columns of a submission."""
    shares: tuple[float, ...]
    little: tuple[str, ...]
    """The little words."""
    first: tuple[tuple[float, ...], ...]
    """Log chance of the first little word, by author and word."""
    chains: tuple[tuple[tuple[float, ...], ...], ...]
    """Log chance of the next little word, by author, word and next word."""
    topics: tuple[tuple[str, ...], ...]
    """Content words by topic; author i usually writes about topic i."""
    quoted: float
    """Share of texts that quote somebody else."""
    glued: float
    """Share of little words that are written as an ending of the word before."""


class AuthorScene(TextScene):
    """A domain where several people write."""

    author_prefix: str
    """Names of authors and their columns are this and a letter."""


class TextAuthor(SkinnedFamily[AuthorScene, AuthorRule]):
    """Give each author's chance of having written a text, whatever the text is about."""

    name = "text/author-v1"
    modality = "text"
    task_type = "multiclass_classification"
    summary = "Tell authors by their chains of little words; topics mislead, quotations intrude."
    metrics = ("log_loss", "roc_auc_macro")
    skins = "author"
    scene_type = AuthorScene
    rule_type = AuthorRule
    seeds = {
        "lmsys-chatbot-arena": "two long answers to compare; one short text and its source stay",
        "jigsaw-unintended-bias-in-toxicity-classification": "toxicity; misleading subjects stay",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: AuthorScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> AuthorRule:
        """Draw a language, its authors' habits, and what hides them."""
        stock = Stock(rng)
        count = traits.class_count(dna, rng, low=3, high=4)
        letters = sorted(str(x) for x in rng.choice(list(_CODES), size=count, replace=False))
        base = rng.normal(0.0, 0.4, _LITTLE)
        taste = base + rng.normal(0.0, 0.2, (count, _LITTLE))
        pairs = rng.normal(0.0, 0.8, (count, _LITTLE, _LITTLE))
        return AuthorRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(18, 21)) * 10,
            test_rows=1000,
            authors=tuple(f"{scene.author_prefix}_{letter}" for letter in letters),
            shares=tuple(traits.class_shares(dna, rng, count)),
            little=stock.words("CVC", _LITTLE, apart=2),
            first=_log_shares(taste),
            chains=tuple(_log_shares(taste[i] + pairs[i]) for i in range(count)),
            topics=tuple(stock.words("CVCCVC", 25, apart=2) for _ in range(count)),
            quoted=0.6 if difficulty >= 1 else 0.0,
            glued=0.3 if difficulty >= 2 else 0.0,
        )

    def profile(self, rule: AuthorRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        defects = (SHIFTED_TEST, QUOTATIONS, CLITICS)
        return Profile(
            grammar=("markov_chain", "mixture"),
            defects=defects[: difficulty + 1],
            skills=("function_words", "calibration"),
            traps=(Trap(column="topic words", why="authors keep to own topics in training only"),),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Write the texts, and take each author's chance from the chains."""
        rule, scene = self.worn(design)
        train, by, _ = _texts(rule, streams.child("train"), rule.train_rows, own=_OWN_TOPIC)
        test, by_test, chances = _texts(rule, streams.child("test"), rule.test_rows, own=0.0)
        ids = row_ids(streams.rng("ids"), len(train) + len(test), prefix=scene.id_prefix)
        hot = {name: (by_test == i).astype(np.int64) for i, name in enumerate(rule.authors)}
        prior = [float(np.mean(by == i)) for i in range(len(rule.authors))]
        known = {name: (by == i).astype(np.int64) for i, name in enumerate(rule.authors)}
        return row_material(
            Rows(ids[: len(train)], known, {scene.text: train}),
            Rows(ids[len(train) :], hot, {scene.text: test}),
            sample=dict(zip(rule.authors, rounded(prior).tolist(), strict=True)),
            best={name: chances[:, i] for i, name in enumerate(rule.authors)},
            ladder=author_ladder(
                id_column=scene.id_column, text=scene.text, authors=list(rule.authors)
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=scene.train_note,
                test=scene.test_note,
                sample="a valid submission that gives every text the shares of the training texts",
                columns=(
                    Note(scene.text, scene.text_note),
                    *(
                        Note(
                            name,
                            f"a target: 1 in `train.csv` if {scene.target_note} {name}, else 0; "
                            "its chance is asked for",
                        )
                        for name in rule.authors
                    ),
                ),
            ),
            rng=streams.rng("split"),
        )

    def targets(self, rule: AuthorRule, scene: AuthorScene) -> tuple[Column, ...]:
        """Ask for one chance per author."""
        return tuple(Column(name=name, kind="number", low=0.0, high=1.0) for name in rule.authors)


def _log_shares(raw: Floats) -> tuple[tuple[float, ...], ...]:
    logs = raw - np.log(np.exp(raw).sum(axis=-1, keepdims=True))
    return tuple(tuple(row) for row in rounded(logs).tolist())


def _texts(
    rule: AuthorRule, streams: Streams, rows: int, *, own: float
) -> tuple[list[str], NDArray[np.int64], Floats]:
    """Write texts; also return who wrote them, and each author's chance by the chains, (n, k)."""
    rng = streams.rng("texts")
    count = len(rule.authors)
    quota = np.searchsorted(np.cumsum(rule.shares)[:-1], (np.arange(rows) + 0.5) / rows)
    by = streams.rng("authors").permutation(quota).astype(np.int64)
    first, chains = np.array(rule.first), np.array(rule.chains)
    edges = np.exp(first).cumsum(axis=-1), np.exp(chains).cumsum(axis=-1)
    texts, logs = [], []
    for author in by.tolist():
        topic = author if rng.random() < own else int(rng.integers(count))
        chain = _chain(edges, author, rng.random(int(rng.integers(18, 27))))
        text = _written(rule, rng, chain, topic)
        if rng.random() < rule.quoted:
            other = (author + 1 + int(rng.integers(count - 1))) % count
            foreign = _chain(edges, other, rng.random(int(rng.integers(10, 18))))
            quote = ["«", *_written(rule, rng, foreign, topic), "»"]
            at = int(rng.integers(1, len(text)))
            text = [*text[:at], *quote, *text[at:]]
        texts.append(" ".join(text).replace("« ", "«").replace(" »", "»"))
        steps = chains[:, chain[:-1], chain[1:]].sum(axis=1)
        logs.append(np.log(rule.shares) + first[:, chain[0]] + steps)
    table: Any = np.array(logs)
    odds = np.exp(table - table.max(axis=1, keepdims=True))
    return texts, by, rounded(np.clip(odds / odds.sum(axis=1, keepdims=True), 1e-5, 1.0))


def _chain(edges: tuple[Floats, Floats], author: int, draws: Floats) -> list[int]:
    """Draw the numbers of an author's little words one after another."""
    chain: list[int] = []
    for u in draws.tolist():
        row = edges[1][author, chain[-1]] if chain else edges[0][author]
        chain.append(min(int(np.searchsorted(row, u, side="right")), _LITTLE - 1))
    return chain


def _written(rule: AuthorRule, rng: np.random.Generator, chain: list[int], topic: int) -> list[str]:
    """Set content words between the little words."""
    words: list[str] = []
    content = rule.topics[topic]
    for number, u in zip(chain, rng.random((len(chain), 4)).tolist(), strict=True):
        words += [content[int(v * len(content))] for v in u[1 : 2 + (u[0] < 0.5)]]
        if u[3] < rule.glued:
            words[-1] += rule.little[number]
        else:
            words.append(rule.little[number])
    return words


FAMILIES.register(TextAuthor.name)(TextAuthor())
