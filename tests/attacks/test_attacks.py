from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from _attack import Attack, carry_out
from _planted import Planted
from _targets import Target
from _weak import WeakTargets
from catalogue.kernel import CALLS

from sandmle.core.execution import Sandbox
from sandmle.sandbox._seccomp import refused_numbers

_ATTEMPTS = 3
"""An attack against the clock may come too late on a busy machine; one success proves its bite."""
CATALOGUE = {
    path.stem: import_module(f"catalogue.{path.stem}").ATTACKS
    for path in sorted(Path(__file__).with_name("catalogue").glob("*.py"))
}
ATTACKS = [
    pytest.param(attack, id=f"{kind}: {attack.name}")
    for kind, attacks in CATALOGUE.items()
    for attack in attacks
]
BITES = [
    pytest.param(attack, weak, id=f"{kind}: {attack.name} [{weak}]")
    for kind, attacks in CATALOGUE.items()
    for attack in attacks
    for weak in attack.bites
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_sandbox_contains(
    attack: Attack, target: Target, sandbox: Sandbox, planted: Planted
) -> None:
    if attack.stateful and not target.stateful:
        pytest.skip(f"{target.backend} has no stateful sessions")
    outcome = carry_out(attack, sandbox, planted)
    beyond = bool(target.kinds & attack.beyond.keys())
    assert attack.won(outcome) == beyond, outcome.story
    assert attack.ended(outcome), outcome.story
    assert outcome.works, outcome.story
    assert not outcome.left, outcome.story


@pytest.mark.parametrize(("attack", "weak"), BITES)
def test_the_attack_bites(
    attack: Attack, weak: str, weak_targets: WeakTargets, planted: Planted
) -> None:
    for _ in range(_ATTEMPTS):
        with weak_targets.get(weak) as sandbox:
            outcome = carry_out(attack, sandbox, planted)
        if attack.won(outcome):
            break
    assert attack.won(outcome), outcome.story
    if weak.startswith("plain"):
        said = set(outcome.lines)
        missing = [what for what in attack.each if not {f"WON: {what}", f"LACKS: {what}"} & said]
        assert not missing, outcome.story


def test_there_are_many_attacks_of_every_class_and_each_says_where_it_bites() -> None:
    attacks = [attack for attacks in CATALOGUE.values() for attack in attacks]
    assert len(attacks) > 150
    assert len({attack.name for attack in attacks}) == len(attacks)
    assert all(attack.bites for attack in attacks)


@pytest.mark.skipif(not refused_numbers(), reason="no filter for this processor")
def test_every_call_that_the_filter_refuses_is_attacked() -> None:
    assert {name for calls in CALLS.values() for name in calls} >= refused_numbers().keys()
