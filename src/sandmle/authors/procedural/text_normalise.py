"""Written tokens (dates, money, units, times, numbers, short forms) read aloud in a new language.

Hidden rule: number words and their order, which part of a date is the day, order of number and
unit, endings by number, short forms.
"""

from __future__ import annotations

import numpy as np

from sandmle.authors.ladders.text_normalise import normalise_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.defects import LABEL_NOISE, Defect
from sandmle.authors.toolkit.grammar import Stock, TextScene, all_new, choose
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

AMBIGUOUS_ORDER = Defect("ambiguous_order", skill="order_inference")
MARK_DECIDES = Defect("mark_decides_order", skill="context_dependent_rules")
MANY_NUMBERS = Defect("endings_by_last_digit", skill="agreement_by_number")
DOUBLED = Defect("doubled_digits", skill="run_length_reading")

_KINDS = ("date", "money", "unit", "time", "code", "short", "plain")
_SHARES = (0.24, 0.2, 0.18, 0.1, 0.14, 0.1, 0.04)


class NormaliseRule(Rule):
    """How one language is read aloud."""

    digits: tuple[str, ...]
    """Words for 0 to 9."""
    tens: tuple[str, ...]
    """Words for 10 to 90."""
    hundred: str
    units_first: bool
    """Whether 47 is said as seven-forty."""
    joiner: str
    """Word between tens and units; may be empty."""
    months: tuple[str, ...]
    day_first: dict[str, bool]
    """Whether the day comes first in a written date, by the mark between its parts."""
    spoken_date: tuple[int, int, int]
    """Order in which day (0), month (1) and year (2) are said."""
    of_word: str
    """Said after the day."""
    currencies: dict[str, tuple[str, str]]
    """Stems of coin and small coin by written sign."""
    units: dict[str, str]
    """Stems by written unit."""
    noun_first: bool
    """Whether units and coins are said before their number."""
    endings: tuple[str, str, str]
    """Of one, of few, of many."""
    few: bool
    """Whether numbers that end in 2, 3 or 4 have an ending of their own."""
    oclock: str
    """Word between hours and minutes, or after full hours."""
    code_sign: str
    code_word: str
    double_word: str
    """Said before a digit that is written twice in a row; empty if both are said."""
    shorts: dict[str, str]
    """Short forms and what they stand for."""
    fillers: tuple[str, ...]
    unread: float
    """Share of training rows that were left as they are written."""

    def number(self, value: int) -> list[str]:
        """Say a number below 1000."""
        hundreds, rest = divmod(value, 100)
        said = [self.digits[hundreds], self.hundred] if hundreds else []
        tens, units = divmod(rest, 10)
        parts = ([self.tens[tens - 1]] if tens else []) + ([self.digits[units]] if units else [])
        if len(parts) == 2:
            parts = parts[::-1] if self.units_first else parts
            parts = [parts[0], *([self.joiner] if self.joiner else []), parts[1]]
        return said + (parts if value else [self.digits[0]])

    def noun(self, stem: str, value: int) -> str:
        """Put a noun into the form that goes with a number."""
        if value == 1:
            return stem + self.endings[0]
        few = self.few and value % 10 in (2, 3, 4)
        return stem + self.endings[1 if few else 2]

    def counted(self, value: int, stem: str) -> list[str]:
        """Say so and so many of a thing."""
        noun, number = [self.noun(stem, value)], self.number(value)
        return noun + number if self.noun_first else number + noun

    def spelled(self, code: str) -> list[str]:
        """Say digit by digit."""
        said: list[str] = []
        at = 0
        while at < len(code):
            twice = bool(self.double_word) and code[at : at + 2] == code[at] * 2
            said += [self.double_word] * twice + [self.digits[int(code[at])]]
            at += 2 if twice else 1
        return said


class NormaliseScene(TextScene):
    """A domain whose texts are read aloud."""

    units: tuple[str, ...]
    """Units that are measured there, as they are written."""


class TextNormalise(SkinnedFamily[NormaliseScene, NormaliseRule]):
    """Say what is written with digits and signs in words of an invented language."""

    name = "text/normalise-v1"
    modality = "text"
    task_type = "seq2seq"
    summary = "Turn dates, money, units, times, codes and short forms into words of a new language."
    metrics = ("levenshtein", "exact_match")
    skins = "normalise"
    scene_type = NormaliseScene
    rule_type = NormaliseRule
    seeds = {
        "bms-molecular-translation": "pictures of molecules; written notation stays the source",
        "billion-word-imputation": "a billion words; lines of one language with one gap to fill",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: NormaliseScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> NormaliseRule:
        """Draw a language with its numbers, and what its writers leave open."""
        stock = Stock(rng)
        shorts = [word + "." for word in stock.words("CC", 8)]
        signs = [str(sign) for sign in rng.permutation(["$", "€", "£", "¥"])[:2]]
        coins = stock.words("CVCVC", 2 * len(signs), apart=2)
        units = [str(unit) for unit in rng.permutation(list(scene.units))[:4]]
        stems = stock.words("CVCCV", len(units), apart=2)
        marks = [str(mark) for mark in rng.permutation([".", "/", "-"])]
        day_first = bool(rng.random() < 0.5)
        spoken = [int(part) for part in rng.permutation(3)]
        endings = stock.words("VC", 2)
        return NormaliseRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(18, 21)) * 10,
            test_rows=700,
            digits=stock.words("CVC", 10, apart=2),
            tens=stock.words("CVCV", 9, apart=2),
            hundred=stock.words("CVCC", 1)[0],
            units_first=bool(rng.random() < 0.5),
            joiner=stock.words("CV", 1)[0] if rng.random() < 0.6 else "",
            months=stock.words("VCVCV", 12, apart=2),
            day_first={marks[0]: day_first, **({marks[1]: not day_first} if difficulty else {})},
            spoken_date=(spoken[0], spoken[1], spoken[2]),
            of_word=stock.words("VCV", 1)[0],
            currencies={sign: (coins[2 * i], coins[2 * i + 1]) for i, sign in enumerate(signs)},
            units=dict(zip(units, stems, strict=True)),
            noun_first=bool(rng.random() < 0.5),
            endings=("", endings[0], endings[1]),
            few=difficulty >= 2,
            oclock=stock.words("CVVC", 1)[0],
            code_sign=choose(rng, ("#", "№", "&")),
            code_word=stock.words("CCVC", 1)[0],
            double_word=stock.words("VCCV", 1)[0] if difficulty >= 2 else "",
            shorts=dict(zip(shorts, stock.words("CVCVCV", len(shorts), apart=2), strict=True)),
            fillers=stock.words("CVCCVC", 50, apart=2),
            unread=0.06 if difficulty else 0.0,
        )

    def profile(self, rule: NormaliseRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        return Profile(
            grammar=("template", "lookup", "permutation", "compounding", "threshold"),
            defects=(
                AMBIGUOUS_ORDER,
                *((MARK_DECIDES, LABEL_NOISE) if difficulty >= 1 else ()),
                *((MANY_NUMBERS, DOUBLED) if difficulty >= 2 else ()),
            ),
            skills=("alignment", "template_induction"),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Write lines and read them aloud."""
        rule, scene = self.worn(design)
        seen: set[str] = set()
        train, test = (
            _lines(rule, streams.rng(role), count, seen)
            for role, count in (("train", rule.train_rows), ("test", rule.test_rows))
        )
        left = streams.rng("unread").random(len(train)) < rule.unread
        train = [(a, a if skip else b) for (a, b), skip in zip(train, left, strict=True)]
        ids = row_ids(streams.rng("ids"), len(train) + len(test), prefix=scene.id_prefix)
        spoken = [after for _, after in test]
        return row_material(
            Rows(
                ids[: len(train)],
                {scene.target: [after for _, after in train]},
                {scene.text: [before for before, _ in train]},
            ),
            Rows(
                ids[len(train) :],
                {scene.target: spoken},
                {scene.text: [before for before, _ in test]},
            ),
            sample={scene.target: [before for before, _ in test]},
            best={scene.target: spoken},
            ladder=normalise_ladder(
                id_column=scene.id_column, text=scene.text, target=scene.target
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=scene.train_note,
                test=scene.test_note,
                sample="a valid submission that leaves every line as it is written",
                columns=(
                    Note(scene.text, scene.text_note),
                    Note(
                        scene.target,
                        f"{scene.target_note}, words separated by single spaces; the target, in "
                        "`train.csv` only",
                    ),
                ),
            ),
            rng=streams.rng("split"),
        )

    def targets(self, rule: NormaliseRule, scene: NormaliseScene) -> tuple[Column, ...]:
        """Ask for whole lines."""
        return (Column(name=scene.target, kind="string", max_length=400),)


def _lines(
    rule: NormaliseRule, rng: np.random.Generator, count: int, seen: set[str]
) -> list[tuple[str, str]]:
    return all_new(lambda: _line(rule, rng), count, key=lambda line: line[0], seen=seen)


def _line(rule: NormaliseRule, rng: np.random.Generator) -> tuple[str, str]:
    words = [choose(rng, rule.fillers) for _ in range(int(rng.integers(2, 5)))]
    kind = _KINDS[int(np.searchsorted(np.cumsum(_SHARES)[:-1], rng.random(), side="right"))]
    if kind == "plain":
        return " ".join(words), " ".join(words)
    written, spoken = _item(rule, rng, kind)
    at = int(rng.integers(len(words) + 1))
    before = [*words[:at], written, *words[at:]]
    return " ".join(before), " ".join([*words[:at], *spoken, *words[at:]])


def _item(rule: NormaliseRule, rng: np.random.Generator, kind: str) -> tuple[str, list[str]]:
    """Draw one written token of a kind, and how it is said."""
    if kind == "date":
        return _date(rule, rng)
    if kind == "money":
        return _money(rule, rng)
    if kind == "unit":
        unit = choose(rng, sorted(rule.units))
        value = _amount(rng)
        return f"{value}{unit}", rule.counted(value, rule.units[unit])
    if kind == "time":
        hour, minute = int(rng.integers(1, 24)), int(rng.integers(12)) * 5
        said = [*rule.number(hour), rule.oclock, *(rule.number(minute) if minute else [])]
        return f"{hour}:{minute:02d}", said
    if kind == "code":
        code = "".join(str(int(rng.integers(10))) for _ in range(int(rng.integers(3, 6))))
        return rule.code_sign + code, [rule.code_word, *rule.spelled(code)]
    short = choose(rng, sorted(rule.shorts))
    return short, [rule.shorts[short]]


def _amount(rng: np.random.Generator) -> int:
    """Draw a small number, a number of two digits, or one of three."""
    low, high = choose(rng, ((1, 10), (1, 5), (10, 100), (10, 100), (100, 1000)))
    return int(rng.integers(low, high))


def _date(rule: NormaliseRule, rng: np.random.Generator) -> tuple[str, list[str]]:
    day, month = int(rng.integers(1, 29)), int(rng.integers(1, 13))
    year = int(rng.integers(20, 100))
    mark = choose(rng, sorted(rule.day_first))
    pair = (day, month) if rule.day_first[mark] else (month, day)
    written = f"{pair[0]:02d}{mark}{pair[1]:02d}{mark}19{year}"
    said = (
        [*rule.number(day), rule.of_word],
        [rule.months[month - 1]],
        rule.number(19) + rule.number(year),
    )
    return written, [word for part in rule.spoken_date for word in said[part]]


def _money(rule: NormaliseRule, rng: np.random.Generator) -> tuple[str, list[str]]:
    sign = choose(rng, sorted(rule.currencies))
    coin, small = rule.currencies[sign]
    value = _amount(rng)
    cents = int(rng.integers(1, 100)) if rng.random() < 0.6 else 0
    said = rule.counted(value, coin) + (rule.counted(cents, small) if cents else [])
    return f"{sign}{value}.{cents:02d}", said


FAMILIES.register(TextNormalise.name)(TextNormalise())
