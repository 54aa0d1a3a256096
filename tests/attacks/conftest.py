"""What the host plants, the sandboxes that are attacked, and the mark of all these tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from _attack import LIMITS
from _plain import ORDINARY_USER
from _planted import Planted
from _targets import Target, targets
from _weak import WeakTargets

from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox import make_sandbox
from sandmle.testing.remote import ORDINARY_USER as ELSEWHERE_USER


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "attacks" in item.path.parts:
            item.add_marker(pytest.mark.isolation)


@pytest.fixture(scope="session")
def planted() -> Iterator[Planted]:
    root = os.geteuid() == 0
    with Planted(owners=(ORDINARY_USER, ELSEWHERE_USER) if root else (os.getuid(),)) as planted:
        yield planted


@pytest.fixture(scope="session", params=targets(), ids=lambda target: target.title)
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.param
    if found.lacking:
        pytest.skip(found.lacking)
    return found


@pytest.fixture(scope="session")
def sandbox(target: Target, planted: Planted) -> Iterator[Sandbox]:
    with target.make() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def weak_targets(planted: Planted) -> Iterator[WeakTargets]:
    targets = WeakTargets(planted)
    yield targets
    targets.close()


@pytest.fixture(scope="session")
def cold(planted: Planted) -> Iterator[Sandbox]:
    with make_sandbox("cold") as sandbox:
        yield sandbox


@pytest.fixture
def limits() -> Limits:
    return LIMITS
