"""Essay grading: a weighted rubric of connectives, richness, spelling and subject, cut into grades.

Hidden rule: weights of the rubric's four parts and the cut points. In training only, long essays
got better grades, since weak ones were left short and strong ones padded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.text_essay import essay_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import traits
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes, rounded
from sandmle.authors.toolkit.defects import LABEL_NOISE, Defect
from sandmle.authors.toolkit.grammar import Stock, TextScene
from sandmle.authors.toolkit.lexicon import Phonology, misspell
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.core.draft import Trap
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

PADDING = Defect("padded_essays", skill="shortcut_avoidance")
MISSPELT = Defect("misspelt_words", skill="spell_checking")
OFF_SUBJECT = Defect("off_subject_words", skill="relevance_features")

_PARTS = ("connectives", "richness", "spelling", "subject")
_CONTENT = 30
"""Content words of every essay that the rubric looks at."""

Floats = NDArray[np.float64]


class EssayRule(Rule):
    """What graders look at, and how much each part weighs."""

    weights: dict[str, float]
    cuts: tuple[float, ...]
    """Between the grades, in units of the weighted sum."""
    noise: float
    connectives: tuple[str, ...]
    particles: tuple[str, ...]
    """Little words that mean nothing to graders."""
    stock: dict[str, tuple[str, ...]]
    """Content words by prompt."""
    padding: float
    """Sentences of padding per unit of the weighted sum, in training."""
    sounds: tuple[tuple[str, ...], tuple[str, ...]]


class EssayScene(TextScene):
    """A domain where people grade texts."""

    prompt: str
    """Column of the subject."""
    prompt_note: str
    prompts: tuple[str, ...]


class TextEssay(SkinnedFamily[EssayScene, EssayRule]):
    """Grade essays of an invented language as its graders do."""

    name = "text/essay-v1"
    modality = "text"
    task_type = "ordinal_classification"
    summary = "Grade essays by connectives, richness, spelling and subject; length misleads."
    metrics = ("qwk", "spearman")
    skins = "essay"
    scene_type = EssayScene
    rule_type = EssayRule
    seeds = {
        "learning-agency-lab-automated-essay-scoring-2": "long essays in English; one rubric stays",
        "google-quest-challenge": "thirty qualities of questions; one grade by several qualities",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: EssayScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> EssayRule:
        """Draw a language, the rubric, and how many parts of it count."""
        stock = Stock(rng)
        grades = traits.class_count(dna, rng, low=4, high=6)
        prompts = sorted(str(x) for x in rng.choice(list(scene.prompts), size=4, replace=False))
        size = rng.uniform(0.8, 1.2, len(_PARTS))
        counts = np.array([1, 1, difficulty >= 1, difficulty >= 2], dtype=float)
        size = size * counts / np.sqrt(((size * counts) ** 2).sum())
        # grades in the middle are more frequent, as graders have it
        edges = np.linspace(-1.3, 1.3, grades - 1)
        return EssayRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(17, 21)) * 10,
            test_rows=1000,
            weights=dict(zip(_PARTS, rounded(size).tolist(), strict=True)),
            cuts=tuple(rounded(edges + rng.uniform(-0.12, 0.12, grades - 1)).tolist()),
            noise=0.22,
            connectives=stock.words("CVCV", 10, apart=2),
            particles=stock.words("CVCV", 10, apart=2),
            stock={prompt: stock.words("CVCCVC", 40, apart=2) for prompt in prompts},
            padding=2.2,
            sounds=(stock.sounds.consonants, stock.sounds.vowels),
        )

    def profile(self, rule: EssayRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        return Profile(
            grammar=("additive", "threshold", "ratio"),
            defects=(
                PADDING,
                LABEL_NOISE,
                *((MISSPELT,) if difficulty >= 1 else ()),
                *((OFF_SUBJECT,) if difficulty >= 2 else ()),
            ),
            skills=("rubric_features", "cut_points"),
            traps=(Trap(column="length of the text", why="only training essays were padded"),),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Write essays, grade them, and list the words of the language."""
        rule, scene = self.worn(design)
        train, grades, _ = _essays(rule, streams.child("train"), rule.train_rows, padded=True)
        test, truth, best = _essays(rule, streams.child("test"), rule.test_rows, padded=False)
        ids = row_ids(streams.rng("ids"), len(train) + len(test), prefix=scene.id_prefix)
        words = sorted([w for stock in rule.stock.values() for w in stock])
        words = sorted([*words, *rule.connectives, *rule.particles])
        return row_material(
            Rows(
                ids[: len(train)],
                {scene.target: grades},
                {scene.prompt: [e[0] for e in train], scene.text: [e[1] for e in train]},
            ),
            Rows(
                ids[len(train) :],
                {scene.target: truth},
                {scene.prompt: [e[0] for e in test], scene.text: [e[1] for e in test]},
            ),
            sample={scene.target: 1},
            best={scene.target: best},
            ladder=essay_ladder(
                id_column=scene.id_column,
                prompt=scene.prompt,
                text=scene.text,
                target=scene.target,
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=scene.train_note,
                test=scene.test_note,
                sample="a valid submission that gives every text the lowest grade",
                columns=(
                    Note(scene.prompt, scene.prompt_note),
                    Note(scene.text, scene.text_note),
                    Note("word", "in `lexicon.csv`: a word in its correct spelling"),
                    Note(
                        scene.target,
                        f"{scene.target_note}, a whole number from 1 (worst) to "
                        f"{len(rule.cuts) + 1} (best); the target, in `train.csv` only",
                    ),
                ),
                files=(Note("lexicon.csv", "all words of the language that texts may use"),),
                attached={"lexicon.csv": csv_bytes({"word": words})},
            ),
            rng=streams.rng("split"),
        )

    def targets(self, rule: EssayRule, scene: EssayScene) -> tuple[Column, ...]:
        """Ask for whole grades."""
        top = len(rule.cuts) + 1
        return (Column(name=scene.target, kind="integer", low=1, high=top),)


def _essays(
    rule: EssayRule, streams: Streams, rows: int, *, padded: bool
) -> tuple[list[tuple[str, str]], NDArray[np.int64], NDArray[np.int64]]:
    """Write essays; also return their grades, and the grades without the graders' noise."""
    rng = streams.rng("essays")
    latent = rounded(np.clip(streams.rng("parts").standard_normal((rows, len(_PARTS))), -2, 2))
    prompts = sorted(rule.stock)
    essays, seen = [], []
    for z in latent.tolist():
        prompt = prompts[int(rng.integers(len(prompts)))]
        sentences, parts = _sentences(rule, rng, prompt, z)
        worth = sum(rule.weights[name] * parts[name] for name in _PARTS)
        extra = rule.padding * (worth + 1.5) if padded else rng.uniform(0.0, 6.0)
        for _ in range(max(0, round(extra + float(rng.uniform(-1.0, 1.0))))):
            # what pads an essay repeats what it says
            sentences.append(sentences[int(rng.integers(len(sentences)))])
        essays.append((prompt, ". ".join(" ".join(words) for words in sentences) + "."))
        seen.append(worth)
    worth_n = rounded(seen)
    noisy = rounded(worth_n + rule.noise * streams.rng("graders").standard_normal(rows))
    return essays, _grade(rule, noisy), _grade(rule, worth_n)


def _grade(rule: EssayRule, worth: Floats) -> NDArray[np.int64]:
    return (1 + np.searchsorted(np.array(rule.cuts), worth)).astype(np.int64)


def _sentences(
    rule: EssayRule, rng: np.random.Generator, prompt: str, z: list[float]
) -> tuple[list[list[str]], dict[str, float]]:
    """Write sentences of content words; also return the parts as they came out, near N(0, 1)."""
    distinct = round(18 + 4 * z[1])
    away = min(max(0.3 - 0.12 * z[3], 0.0), 0.7)
    own = rule.stock[prompt]
    others = [word for name in sorted(rule.stock) if name != prompt for word in rule.stock[name]]
    foreign = round(away * distinct)
    pool = [own[int(i)] for i in rng.permutation(len(own))[: distinct - foreign]]
    pool += [others[int(i)] for i in rng.permutation(len(others))[:foreign]]
    content = pool + [pool[int(u * len(pool))] for u in rng.random(_CONTENT - len(pool))]
    content = [content[int(i)] for i in rng.permutation(_CONTENT)]
    wrong = min(max(round(4.5 - 2 * z[2]), 0), 9)
    sounds = Phonology(*rule.sounds)
    for place in rng.permutation(_CONTENT)[:wrong].tolist():
        content[place] = misspell(content[place], rng.random(3).tolist(), sounds)
    linked = min(max(round(5 + 2 * z[0]), 0), 10)
    openers = [rule.connectives[int(i)] for i in rng.permutation(10)[:linked]]
    openers += [rule.particles[int(i)] for i in rng.integers(10, size=10 - linked)]
    openers = [openers[int(i)] for i in rng.permutation(10)]
    sentences = [[opener, *content[3 * i : 3 * i + 3]] for i, opener in enumerate(openers)]
    parts = {
        "connectives": (linked - 5) / 2,
        "richness": (distinct - 18) / 4,
        "spelling": (4.5 - wrong) / 2,
        "subject": (0.3 - foreign / distinct) / 0.12,
    }
    return sentences, parts


FAMILIES.register(TextEssay.name)(TextEssay())
