"""Return of policies on finite decision processes, exactly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sandmle.metrics import METRICS
from sandmle.metrics._base import BadPrediction, GroupMean, Values

Floats = NDArray[np.float64]

_CELL = re.compile(r"([^\s;]+)\.([0-9]{1,4})(?:;|$)")
_SWEEPS = 200
"""Rounds of policy iteration; a handful are needed."""
_KEPT = 4_096
"""Policies of one process whose returns are remembered."""


@METRICS.register("policy_return")
@dataclass(frozen=True)
class PolicyReturn(GroupMean):
    """Mean over groups of a policy's discounted return: 1 for the best policy, 0 for pure chance.

    A group is a finite decision process and a row one of its cells. A cell of the answers reads
    `GROUP.NUMBER;REWARD NEXT:WEIGHT NEXT:WEIGHT ...;...`: the name of the group, the number of the
    cell, and for each action its expected reward and the next cells with their chances, which are
    the weights over their sum. A cell of a
    submission names an action. Returns are solved for, not simulated; all cells are equally likely
    to be the first.
    """

    name = "policy_return"
    title = "mean normalised policy return"
    formula = (
        "mean over groups of (V(p) - V(random)) / (V(best) - V(random)), V the mean discounted "
        "return over first cells"
    )
    higher_is_better = True
    best = 1.0
    values = "string"
    sample_params = {  # noqa: RUF012 - declared ClassVar in the base
        "actions": ["less", "same", "more"],
        "discount": 0.8,
    }

    actions: tuple[str, ...]
    """Names of the actions in the order of the answers."""
    discount: float = 0.9

    def __post_init__(self) -> None:
        # parameters come from JSON, which has no tuples
        object.__setattr__(self, "actions", tuple(self.actions))
        names = {name.strip() for name in self.actions} - {""}
        if len(names) != len(self.actions) or len(names) < 2:
            raise ValueError(f"actions {self.actions} are not two or more distinct names")
        if not 0.0 <= self.discount < 1.0:
            raise ValueError(f"discount is {self.discount}; it must be at least 0 and below 1")

    @property
    def full_title(self) -> str:
        """The title with the actions and the discount."""
        listed = ", ".join(self.actions)
        return f"{self.title} (actions: {listed}; discount {self.discount:g})"

    def perfect(self, y_true: Values) -> Values:
        """Return the action of the best policy for each row."""
        texts = [str(text) for text in np.ravel(y_true)]
        places = [_place(text) for text in texts]
        best = np.empty(len(texts), dtype=object)
        for group in sorted({group for group, _ in places}):
            rows = [row for row, (name, _) in enumerate(places) if name == group]
            rows.sort(key=lambda row: places[row][1])
            policy = self._process(tuple(texts[row] for row in rows)).best_policy
            best[rows] = [self.actions[int(action)] for action in policy]
        return best.reshape(np.shape(y_true))

    def per_group(self, y_true: Values, y_pred: Values, groups: Values) -> Values:
        """Score shapes (n,)."""
        index = {name.strip(): place for place, name in enumerate(self.actions)}
        names, group = np.unique(groups, return_inverse=True)
        members: list[list[tuple[int, str, int]]] = [[] for _ in names]
        for code, true, pred in zip(group.tolist(), y_true, y_pred, strict=True):
            members[code].append((_place(true)[1], true, index[pred.strip()]))
        shares = []
        for rows in members:
            _, texts, actions = zip(*sorted(rows), strict=True)
            shares.append(self._process(texts).share(actions))
        return np.array(shares)

    def _process(self, texts: tuple[str, ...]) -> _Process:
        return _read_process(texts, len(self.actions), self.discount)

    def _accept(self, y_pred: Values) -> None:
        known = {name.strip() for name in self.actions}
        for row, text in enumerate(y_pred):
            if text not in known and text.strip() not in known:
                raise BadPrediction(
                    f"{text.strip()[:40]!r} is no action; there are {', '.join(self.actions)}",
                    row=row,
                )

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw processes of six cells, one after another, and actions at random."""
        true = []
        for row in range(rows):
            size = min(6, rows - row // 6 * 6)
            parts = [f"{row // 6}.{row % 6}"]
            for _ in self.actions:
                chance = rng.dirichlet(np.ones(size))
                listed = (f"{cell}:{share:.6f}" for cell, share in enumerate(chance))
                parts.append(f"{rng.normal():.4f} {' '.join(listed)}")
            true.append(";".join(parts))
        pred = [self.actions[i] for i in rng.integers(0, len(self.actions), rows)]
        return np.array(true, dtype=object), np.array(pred, dtype=object)


class _Process:
    """One decision process of n cells with k actions."""

    def __init__(self, reward: Floats, chance: Floats, discount: float) -> None:
        self._reward = reward
        self._chance = chance
        self._discount = discount
        self._known: dict[tuple[int, ...], float] = {}
        count, actions = reward.shape
        even = np.full((count, actions), 1.0 / actions)
        self._random = self._mean_return(even)
        self.best_policy = self._improve()
        self._span = self._mean_return(np.eye(actions)[self.best_policy]) - self._random
        if not self._span > 0:
            raise ValueError("no policy of a process is better than chance; it cannot be scored")

    def share(self, policy: tuple[int, ...]) -> float:
        """Return how far a policy's mean return lies between chance, 0, and the best, 1."""
        if policy not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            weights = np.eye(self._reward.shape[1])[list(policy)]
            self._known[policy] = (self._mean_return(weights) - self._random) / self._span
        return self._known[policy]

    def _values(self, weights: Floats) -> Floats:
        """Solve for the value of every cell under action weights of shape (n, k)."""
        moves = np.einsum("na,nam->nm", weights, self._chance)
        left = np.eye(len(weights)) - self._discount * moves
        solved: Floats = np.linalg.solve(left, (weights * self._reward).sum(axis=1))
        return solved

    def _mean_return(self, weights: Floats) -> float:
        return float(self._values(weights).mean())

    def _improve(self) -> NDArray[np.int64]:
        policy = np.zeros(len(self._reward), dtype=np.int64)
        for _ in range(_SWEEPS):
            values = self._values(np.eye(self._reward.shape[1])[policy])
            worth = self._reward + self._discount * self._chance @ values
            # a change must pay, or rounding lets two equal policies alternate for ever
            better = worth.max(axis=1) > worth[np.arange(len(policy)), policy] + 1e-10
            if not better.any():
                break
            policy = np.where(better, worth.argmax(axis=1), policy)
        return policy


@lru_cache(maxsize=1 << 14)
def _place(text: str) -> tuple[str, int]:
    found = _CELL.match(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} does not begin with a group and the number of a cell")
    return found[1], int(found[2])


@lru_cache(maxsize=256)
def _read_process(texts: tuple[str, ...], actions: int, discount: float) -> _Process:
    """Parse the cells of one group, in the order of their numbers.

    Raises:
        ValueError: If the numbers are not 0 to n - 1, an action is missing, or an action leads
            nowhere.
    """
    count = len(texts)
    reward, chance = np.zeros((count, actions)), np.zeros((count, actions, count))
    for row, text in enumerate(texts):
        head, *parts = text.split(";")
        if _place(head)[1] != row or len(parts) != actions:
            raise ValueError(f"{text[:40]!r} is not cell {row} with {actions} actions")
        for action, part in enumerate(parts):
            gain, *moves = part.split()
            reward[row, action] = float(gain)
            for move in moves:
                cell, _, share = move.partition(":")
                if int(cell) >= count:
                    raise ValueError(f"{text[:40]!r} moves to cell {cell} of {count}")
                chance[row, action, int(cell)] += float(share)
    sums = chance.sum(axis=2)
    finite = np.isfinite(reward).all() and np.isfinite(sums).all()
    if not (finite and sums.min() > 0 and chance.min() >= 0):
        raise ValueError("a reward is not finite, or an action has no next cell")
    return _Process(reward, chance / sums[:, :, None], discount)
