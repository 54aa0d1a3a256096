"""Every attack runs in `cold` as it comes; the host's side plants what must not be reached."""

import textwrap
from collections.abc import Callable, Iterator

import pytest

from sandmle.core.execution import Execution, Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox import make_sandbox

LIMITS = Limits(step_seconds=20, memory_mib=512, disk_mib=16, processes=24, output_bytes=8_000)

Attack = Callable[..., Execution]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "attacks" in item.path.parts:
            item.add_marker(pytest.mark.isolation)


@pytest.fixture(scope="session")
def cold() -> Iterator[Sandbox]:
    with make_sandbox("cold") as sandbox:
        yield sandbox


@pytest.fixture
def attack(cold: Sandbox) -> Attack:
    """Run code in a session of its own and return what came of it."""

    def run(code: str, **files: bytes) -> Execution:
        with cold.open(files, LIMITS) as session:
            return session.run(textwrap.dedent(code))

    return run


@pytest.fixture
def limits() -> Limits:
    return LIMITS
