"""What is particular to graph/molecule-v1: spellings that mean one graph, units, wrong values."""

import io
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.graph_molecule import MoleculeRule
from sandmle.authors.toolkit.molecules import VALENCE, draw_molecule, motifs, spelling
from sandmle.seeds import get_seed

SHARES = {"C": 0.5, "N": 0.2, "O": 0.2, "S": 0.1, "F": 0.1}


def drawn(level, seed=4):
    draft = FAMILIES.get("graph/molecule-v1").draft(
        get_seed("champs-scalar-coupling").dna(), seed, difficulty=level
    )
    return draft, MoleculeRule.model_validate(draft.rule)


def read_by_expert(draft):
    """Return the parser that the ladder's best script uses."""
    source = next(rung.script for rung in draft.ladder if rung.name == "expert")
    scope = {}
    exec(source[source.index("import re") : source.index("rows = [")], scope)
    return scope["counted"]


def test_all_spellings_of_a_molecule_are_read_as_the_same_graph():
    counted = read_by_expert(drawn(0)[0])
    rng = np.random.default_rng(1)
    for _ in range(40):
        molecule = draw_molecule(rng, SHARES, low=8, high=18)
        lines = {spelling(rng, molecule) for _ in range(6)}
        readings = [counted(line) for line in lines]
        assert len(lines) > 2
        assert all(reading == readings[0] for reading in readings)
        truth = motifs(molecule)
        assert {name: readings[0][name] for name in "CNOSF"} == {n: truth[n] for n in "CNOSF"}
        assert readings[0]["rings"] == truth["rings"]


def test_no_atom_has_more_bonds_than_it_can_have():
    rng = np.random.default_rng(2)
    for _ in range(200):
        molecule = draw_molecule(rng, SHARES, low=8, high=20)
        used = Counter()
        for pair, order in molecule.bonds.items():
            for atom in pair:
                used[atom] += order
        assert all(used[i] <= VALENCE[atom] for i, atom in enumerate(molecule.atoms))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_temperatures_carry_units_from_level_one(level):
    draft, _ = drawn(level)
    cells = pd.read_csv(io.BytesIO(draft.public["test.csv"]), dtype=str)["temperature"]
    kelvin = cells.str.endswith("K").mean()
    assert (0.3 < kelvin < 0.5) == (level >= 1)


def test_the_number_of_joint_effects_grows_and_wrong_values_come_last():
    rules = [drawn(level)[1] for level in range(3)]
    assert [len(rule.pairs) for rule in rules] == [1, 2, 3]
    assert [rule.swapped > 0 for rule in rules] == [False, False, True]
