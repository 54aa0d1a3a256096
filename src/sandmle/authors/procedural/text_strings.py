"""Generation: submit fresh strings in the manner of given ones, without copies of them.

Hidden rule: a probabilistic automaton; the same symbol leads to different states, so that what may
follow depends on more than the last symbol.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sandmle.authors.ladders.text_strings import strings_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.metrics.string_likelihood import copies
from sandmle.seeds.dna import TaskDNA

SMALL_SAMPLE = Defect("small_sample", skill="smoothing")
LONGEST = 60
CELL = 700
"""Characters of an answer's cell at most."""
USUAL_DRAWS = 3_000


class StringsScene(Scene):
    """Something that is written as short strings."""

    text: str
    """Column of the strings."""
    symbols: str


class Arc(Record):
    """One way out of a state."""

    state: int
    symbol: str
    """`.` ends the string."""
    chance: float
    to: int


class StringsRule(Rule):
    """The hidden rule of one task, with its defects."""

    arcs: tuple[Arc, ...]
    misspelt: float
    """Share of training strings with one symbol wrong."""
    repeated: float
    """Share of training rows that repeat a few strings."""


class TextStrings(SkinnedFamily[StringsScene, StringsRule]):
    """Write strings that could have come from the same source."""

    name = "text/strings-v1"
    modality = "text"
    task_type = "generation"
    summary = "Submit fresh strings of a hidden automaton: likelihood, coverage, no copies."
    metrics = ("string_likelihood",)
    skins = "strings"
    scene_type = StringsScene
    rule_type = StringsRule
    seeds = {
        "bms-molecular-translation": "the drawings; only the language of the labels is left",
        "stanford-covid-vaccine": "measured decay rates; only sequences of symbols are asked for",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: StringsScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> StringsRule:
        """Choose scene, automaton and what is wrong with the examples."""
        return StringsRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(185, 201)),
            test_rows=400,
            arcs=_draw_arcs(rng, scene.symbols),
            misspelt=0.2 if difficulty >= 1 else 0.0,
            repeated=0.25 if difficulty >= 2 else 0.0,
        )

    def profile(self, rule: StringsRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        found = (SMALL_SAMPLE, defects.TYPOS, defects.DUPLICATES)
        return Profile(
            grammar=("automaton", "hidden_state", "random_ends"),
            defects=found[: difficulty + 1],
            skills=("longer_context", "memorisation_avoidance"),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Write the examples, as many hidden strings as are asked for, and the reference's."""
        rule, scene = self.worn(design)
        train = _strings(rule, streams.rng("train"), rule.train_rows)
        train = _spoilt(rule, scene, streams.rng("defects"), train)
        told = ";".join(f"{a.state} {a.symbol} {a.chance:g} {a.to}" for a in rule.arcs)
        hidden = _strings(rule, streams.rng("hidden"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        return row_material(
            Rows(ids[: rule.train_rows], {scene.text: train}),
            Rows(ids[rule.train_rows :], {scene.text: [f"{s}|{told}" for s in hidden]}),
            sample={scene.text: 9 * scene.symbols[0]},
            best={scene.text: _strings(rule, streams.rng("reference"), rule.test_rows)},
            ladder=strings_ladder(id_column=scene.id_column, text=scene.text),
            words=_words(scene),
            rng=streams.rng("split"),
        )

    def targets(self, rule: StringsRule, scene: StringsScene) -> tuple[Column, ...]:
        """Ask for a string in each row."""
        return (Column(name=scene.text, kind="string", max_length=CELL),)

    def metric_params(
        self, rule: StringsRule, scene: StringsScene, material: Material
    ) -> dict[str, Any]:
        """Name the training strings, by which copies are told, and how many are usual."""
        lines = material.public["train.csv"].decode().splitlines()[1:]
        known = sorted({line.split(",")[1] for line in lines})
        fresh = _strings(rule, np.random.Generator(np.random.PCG64(1)), USUAL_DRAWS)
        return {"known": known, "usual": round(copies(fresh, known) / len(fresh), 3)}


def _draw_arcs(rng: np.random.Generator, symbols: str) -> tuple[Arc, ...]:
    """Draw an automaton of seven states on a ring, each with three symbols; some may end."""
    states = 7
    ends = sorted(int(i) for i in rng.permutation(np.arange(2, states))[:2])
    arcs = []
    for state in range(states):
        picked = [symbols[int(i)] for i in rng.permutation(len(symbols))[:3]]
        # the next state on the ring is always within reach, so that all states are
        others = [int(i) for i in rng.permutation(states) if i != (state + 1) % states]
        targets = [(state + 1) % states, *others[:2]]
        chances = rng.permutation([0.55, 0.3, 0.15])
        left = 0.8 if state in ends else 1.0
        for symbol, chance, to in zip(picked, chances, targets, strict=True):
            arcs.append(Arc(state=state, symbol=symbol, chance=round(left * chance, 4), to=to))
        if state in ends:
            arcs.append(Arc(state=state, symbol=".", chance=0.2, to=0))
    return tuple(arcs)


def _strings(rule: StringsRule, rng: np.random.Generator, count: int) -> list[str]:
    """Let the automaton write strings of 3 to `LONGEST` symbols."""
    ways: dict[int, list[Arc]] = {}
    for arc in rule.arcs:
        ways.setdefault(arc.state, []).append(arc)
    edges = {state: np.cumsum([arc.chance for arc in arcs]) for state, arcs in ways.items()}
    found: list[str] = []
    while len(found) < count:
        luck = rng.random(LONGEST + 1)
        state, string = 0, ""
        for draw in luck:
            place = int(np.searchsorted(edges[state], draw, side="right"))
            arc = ways[state][min(place, len(ways[state]) - 1)]
            if arc.symbol == ".":
                if len(string) > 2:
                    found.append(string)
                break
            string, state = string + arc.symbol, arc.to
    return found


def _spoilt(
    rule: StringsRule, scene: StringsScene, rng: np.random.Generator, strings: list[str]
) -> list[str]:
    """Repeat a few strings, and misspell some."""
    out = list(strings)
    for place in sorted(
        int(i) for i in rng.permutation(len(out))[: round(rule.misspelt * len(out))]
    ):
        at = int(rng.integers(len(out[place])))
        other = scene.symbols.replace(out[place][at], "")
        symbol = other[int(rng.integers(len(other)))]
        out[place] = out[place][:at] + symbol + out[place][at + 1 :]
    few = [out[int(i)] for i in rng.integers(0, len(out), 4)]
    again = rng.permutation(len(out))[: round(rule.repeated * len(out))]
    for turn, place in enumerate(again):
        out[int(place)] = few[turn % len(few)]
    return out


def _words(scene: StringsScene) -> Words:
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train="examples from the source, as they were typed in",
        test="numbers for the strings that you write; they say nothing else",
        sample="a valid submission in which all strings are the same",
        columns=(
            Note(
                scene.text,
                f"a string of the symbols {' '.join(scene.symbols)}, up to {LONGEST} of them",
            ),
        ),
    )


FAMILIES.register(TextStrings.name)(TextStrings())
