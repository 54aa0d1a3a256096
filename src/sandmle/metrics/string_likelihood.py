"""How well a set of strings passes for a sample of a hidden automaton."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import BadPrediction, FeatureMeans, Values

FLOOR = 0.05
"""Added to every distance: what two samples of some hundred strings differ by counts little."""
_ANY = 0.2
"""Chance that a state writes any symbol or the end, so that one slip costs some nats only."""
_WEIGHT = 0.2
"""What a nat per symbol counts beside a nat of divergence: one slip loses track for a while."""
_PRICE = 4.0
"""What a share of copies beyond the usual one adds to the distance, per unit of its square."""
_LUCK = 4.0
"""Standard errors by which the share of copies may be higher before it costs anything."""

Arcs = dict[tuple[int, str], tuple[float, int]]


@METRICS.register("string_likelihood")
@dataclass(frozen=True)
class StringLikelihood(FeatureMeans):
    """Log of how far strings are from a hidden automaton, on both sides.

    Strings that it would hardly write cost by their exact log-likelihood per symbol; what it
    writes and the submission lacks costs by the divergence of three-symbol pieces; copies of known
    strings, one symbol changed or not, cost by their share. Which string stands where is of no
    importance.

    A cell of the answers reads `STRING|STATE SYMBOL CHANCE NEXT;...`: a string of the automaton,
    and all of its arcs; `.` for a symbol ends the string. State 0 is the first.
    """

    name = "string_likelihood"
    title = "log distance between sets of strings"
    formula = (
        "log(L / 5 + D + 4 c^2 + 0.05); L = by how much the mean log-likelihood per symbol is less "
        "for p than for y, at least 0, by the source mixed with one fifth of symbols at random; "
        "D = Jensen-Shannon divergence between the pieces of three symbols in p and in y; "
        "c = share of p that become equal to a training string when at most one symbol is dropped "
        "from each, less the usual share and four standard errors, at least 0"
    )
    higher_is_better = False
    best = math.log(FLOOR)
    values = "string"
    sample_params = {  # noqa: RUF012 - declared ClassVar in the base
        "known": ["abab", "abb"],
        "usual": 1.0,
    }

    known: tuple[str, ...] = field(repr=False)
    """Strings that are public: the training set."""
    usual: float
    """Share of fresh strings that are copies of known ones, by `copies`."""

    def __post_init__(self) -> None:
        # parameters come from JSON, which has no tuples
        object.__setattr__(self, "known", tuple(self.known))
        if not self.known or not 0.0 <= self.usual <= 1.0:
            raise ValueError("known must be strings, and usual a share")

    @property
    def full_title(self) -> str:
        """The title; the known strings are the training set."""
        return f"{self.title} (usual share of copies: {self.usual:g})"

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(variant for text in self.known for variant in _variants(text))

    def perfect(self, y_true: Values) -> Values:
        """Return the hidden strings themselves."""
        strings = [str(text).partition("|")[0] for text in np.ravel(y_true)]
        return np.array(strings, dtype=object).reshape(np.shape(y_true))

    def features(self, y_true: Values, y_pred: Values) -> tuple[Values, Values]:
        """Return whether a string is a copy, its nats and symbols, and how often it has a piece."""
        hidden = [str(text).partition("|") for text in y_true]
        rules = {rule for _, _, rule in hidden}
        if len(rules) != 1:
            raise ValueError("the answers do not all hold the same automaton")
        rule = rules.pop()
        true, pred = [string for string, _, _ in hidden], [str(text) for text in y_pred]
        pieces = sorted({piece for text in {*true, *pred} for piece in _pieces(text)})
        place = {piece: 3 + number for number, piece in enumerate(pieces)}

        def described(strings: list[str]) -> Values:
            table = np.zeros((len(strings), 3 + len(pieces)))
            for row, text in enumerate(strings):
                table[row, 0] = not self._known.isdisjoint(_variants(text))
                table[row, 1:3] = _nats(text, rule), len(text) + 1
                for piece, count in _pieces(text).items():
                    table[row, place[piece]] = count
            return table

        return described(true), described(pred)

    def of_means(self, true: Values, pred: Values, *, rows: int) -> float:
        """Score means of the features."""
        excess = max(float(pred[1] / pred[2] - true[1] / true[2]), 0.0)
        apart = _divergence(pred[3:] / pred[3:].sum(), true[3:] / true[3:].sum())
        luck = _LUCK * math.sqrt(self.usual * (1.0 - self.usual) / rows)
        surplus = max(float(pred[0]) - self.usual - luck, 0.0)
        return math.log(_WEIGHT * excess + apart + _PRICE * surplus**2 + FLOOR)

    def _accept(self, y_pred: Values) -> None:
        for row, text in enumerate(y_pred):
            if not text or not text.isprintable() or "|" in text:
                raise BadPrediction(f"{text[:40]!r} is empty or holds odd characters", row=row)

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw strings of a small automaton, and strings of letters at random."""
        rule = "0 a 1 1;1 b 0.6 0;1 . 0.4 0"
        true = ["ab" * int(rng.integers(0, 3)) + "a|" + rule for _ in range(rows)]
        pred = ["".join(rng.choice(list("abc"), size=int(rng.integers(1, 7)))) for _ in true]
        return np.array(true, dtype=object), np.array(pred, dtype=object)


def copies(strings: Iterable[str], known: Iterable[str]) -> int:
    """Count the strings that are one of the known ones but for a symbol changed, lost or added."""
    listed = {variant for text in known for variant in _variants(text)}
    return sum(not listed.isdisjoint(_variants(text)) for text in strings)


@lru_cache(maxsize=1 << 13)
def _variants(string: str) -> frozenset[str]:
    """Return the string, and what is left of it without any one symbol."""
    return frozenset([string, *(string[:i] + string[i + 1 :] for i in range(len(string)))])


@lru_cache(maxsize=1 << 15)
def _nats(string: str, rule: str) -> float:
    """Return the negative log-likelihood of a string and its end."""
    arcs, others = _parsed(rule)
    state, nats = 0, 0.0
    for symbol in (*string, "."):
        # a symbol that the state does not have is passed over
        chance, state = arcs.get((state, symbol), (0.0, state))
        nats -= math.log((1.0 - _ANY) * chance + _ANY / others)
    return nats


@lru_cache(maxsize=64)
def _parsed(rule: str) -> tuple[Arcs, int]:
    """Read arcs, and count the symbols that occur, the end being one.

    Raises:
        ValueError: If one is not a state, a symbol, a chance above 0 and a next state.
    """
    arcs: Arcs = {}
    for arc in rule.split(";"):
        parts = arc.split(" ")
        if len(parts) != 4 or not 0.0 < float(parts[2]) <= 1.0:
            raise ValueError(f"{arc[:40]!r} is no arc of an automaton")
        arcs[int(parts[0]), parts[1]] = float(parts[2]), int(parts[3])
    return arcs, len({symbol for _, symbol in arcs})


@lru_cache(maxsize=1 << 15)
def _pieces(string: str) -> Counter[str]:
    padded = f"^{string}$"
    return Counter(padded[i : i + 3] for i in range(len(padded) - 2))


def _divergence(p: Values, q: Values) -> float:
    """Return the Jensen-Shannon divergence of two distributions in nats."""

    def entropy(shares: Values) -> float:
        some = shares[shares > 0]
        return -float((some * np.log(some)).sum())

    return max(entropy((p + q) / 2.0) - (entropy(p) + entropy(q)) / 2.0, 0.0)
