import warnings
from collections.abc import Iterator

import pytest

from sandmle.core.execution import Sandbox
from sandmle.sandbox import SANDBOXES, UnisolatedWarning, make_sandbox
from sandmle.testing.check_sandbox import sandbox_checks

CASES = [
    pytest.param(name, check, marks=[pytest.mark.isolation] if SANDBOXES.get(name).isolated else [])
    for name in SANDBOXES
    for check in sandbox_checks(isolated=SANDBOXES.get(name).isolated)
]


@pytest.fixture(scope="module")
def made() -> Iterator[dict[str, Sandbox]]:
    sandboxes: dict[str, Sandbox] = {}
    yield sandboxes
    for sandbox in sandboxes.values():
        sandbox.close()


@pytest.mark.parametrize(("name", "check"), CASES)
def test_every_sandbox_keeps_the_contract(name: str, check: str, made: dict[str, Sandbox]) -> None:
    if name not in made:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnisolatedWarning)
            made[name] = make_sandbox(name, allow_unisolated=True)
    sandbox_checks(isolated=made[name].isolated)[check](made[name])
