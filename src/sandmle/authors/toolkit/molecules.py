"""Molecule-like graphs: random ones, their neighbourhoods, and the many ways to write one down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

VALENCE = {"C": 4, "N": 3, "O": 2, "S": 2, "F": 1}
"""How many bonds an atom has at most; what it has not is hydrogen, which is not written."""
_SIGNS = {1: "", 2: "="}


@dataclass(frozen=True)
class Molecule:
    """Atoms by index and bonds between them, connected."""

    atoms: tuple[str, ...]
    bonds: Mapping[tuple[int, int], int]
    """1 or 2 by pair of atoms, the lower index first."""

    def neighbours(self) -> list[list[tuple[int, int]]]:
        """Return neighbour and bond of every atom."""
        near: list[list[tuple[int, int]]] = [[] for _ in self.atoms]
        for (a, b), order in self.bonds.items():
            near[a].append((b, order))
            near[b].append((a, order))
        return near


def draw_molecule(
    rng: np.random.Generator, shares: Mapping[str, float], *, low: int, high: int
) -> Molecule:
    """Grow a molecule atom by atom, then close rings and double some bonds.

    Args:
        rng: Source of the draws.
        shares: How often each element comes; carbon must be among them.
        low: Fewest atoms without hydrogen.
        high: Most.
    """
    size = int(rng.integers(low, high + 1))
    elements, weights = list(shares), np.cumsum(list(shares.values()))
    drawn = np.searchsorted(weights, rng.random(size) * weights[-1], side="right")
    atoms = ["C"]
    free = [VALENCE["C"]]
    bonds: dict[tuple[int, int], int] = {}
    for code in drawn[1:]:
        # a chain with branches: late atoms take up most of the new ones
        open_ends = [i for i, left in enumerate(free) if left > 0][-6:]
        at = open_ends[int(rng.random() * len(open_ends))]
        element = elements[min(int(code), len(elements) - 1)]
        if VALENCE[element] == 1 and len(open_ends) < 3 and free[at] == 1:
            element = "C"
        atoms.append(element)
        free[at] -= 1
        free.append(VALENCE[element] - 1)
        bonds[at, len(atoms) - 1] = 1
    _close_rings(rng, free, bonds)
    for pair in sorted(bonds):
        if free[pair[0]] > 0 and free[pair[1]] > 0 and rng.random() < 0.28:
            bonds[pair] = 2
            free[pair[0]] -= 1
            free[pair[1]] -= 1
    return Molecule(tuple(atoms), bonds)


def _close_rings(
    rng: np.random.Generator, free: list[int], bonds: dict[tuple[int, int], int]
) -> None:
    for _ in range(int(rng.integers(0, 4))):
        starts = [i for i, left in enumerate(free) if left > 0]
        if not starts:
            return
        start = starts[int(rng.random() * len(starts))]
        apart = _steps(start, len(free), bonds)
        ends = [i for i in starts if apart[i] in (4, 5)]
        if ends:
            end = ends[int(rng.random() * len(ends))]
            bonds[min(start, end), max(start, end)] = 1
            free[start] -= 1
            free[end] -= 1


def _steps(start: int, size: int, bonds: Mapping[tuple[int, int], int]) -> list[int]:
    near: list[list[int]] = [[] for _ in range(size)]
    for a, b in bonds:
        near[a].append(b)
        near[b].append(a)
    apart = [-1] * size
    apart[start] = 0
    line = [start]
    for atom in line:
        for other in near[atom]:
            if apart[other] < 0:
                apart[other] = apart[atom] + 1
                line.append(other)
    return apart


def motifs(molecule: Molecule) -> Counter[str]:
    """Count atoms (`N`), bonds (`C=O`), atoms with all their neighbours (`N[C,=C]`) and rings."""
    found: Counter[str] = Counter(molecule.atoms)
    for (a, b), order in molecule.bonds.items():
        first, second = sorted((molecule.atoms[a], molecule.atoms[b]))
        found[f"{first}{_SIGNS[order] or '-'}{second}"] += 1
    for atom, near in zip(molecule.atoms, molecule.neighbours(), strict=True):
        around = sorted(_SIGNS[order] + molecule.atoms[other] for other, order in near)
        found[f"{atom}[{','.join(around)}]"] += 1
    found["rings"] = len(molecule.bonds) - len(molecule.atoms) + 1
    return found


def spelling(rng: np.random.Generator, molecule: Molecule) -> str:
    """Write a molecule as a line: branches in parentheses, digits where a ring closes.

    Where it starts and which branch comes first is drawn, so one molecule has many spellings.
    """
    near = molecule.neighbours()
    rank = rng.permutation(len(molecule.atoms))
    start = int(rank[0])
    place = {int(atom): i for i, atom in enumerate(rank)}
    parent, seen, tree = {start: -1}, set(), dict[int, list[int]]()
    closures: dict[int, list[tuple[int, int]]] = {atom: [] for atom in range(len(rank))}
    pile = [start]
    order: list[int] = []
    while pile:
        atom = pile.pop()
        if atom in seen:
            continue
        seen.add(atom)
        order.append(atom)
        if parent[atom] >= 0:
            tree.setdefault(parent[atom], []).append(atom)
        for other, _ in sorted(near[atom], key=lambda pair: place[pair[0]]):
            if other not in seen:
                parent[other] = atom
                pile.append(other)
    inside = {(min(a, p), max(a, p)) for a, p in parent.items() if p >= 0}
    rings = [pair for pair in sorted(molecule.bonds) if pair not in inside]
    for digit, (a, b) in enumerate(rings, start=1):
        closures[a].append((digit, molecule.bonds[a, b]))
        closures[b].append((digit, molecule.bonds[a, b]))
    text: dict[int, str] = {}
    for atom in reversed(order):
        marks = "".join(f"{_SIGNS[bond]}{digit}" for digit, bond in closures[atom])
        branches = []
        for child in tree.get(atom, []):
            bond = molecule.bonds[min(atom, child), max(atom, child)]
            branches.append(_SIGNS[bond] + text[child])
        tail = "".join(f"({branch})" for branch in branches[:-1]) + "".join(branches[-1:])
        text[atom] = molecule.atoms[atom] + marks + tail
    return text[start]
