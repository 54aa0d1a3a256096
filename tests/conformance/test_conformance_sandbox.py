import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

from sandmle.core.execution import Execution, Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox import SANDBOXES, UnisolatedWarning, make_sandbox
from sandmle.testing.check_sandbox import check_sandbox, sandbox_checks
from sandmle.testing.remote import SandboxElsewhere, as_user

ELSEWHERE = {"docker", "slurm"}
"""They need a daemon or a cluster; where there is one, tests/sandbox holds them to these checks."""
CASES = [
    pytest.param(name, check, marks=[pytest.mark.isolation] if SANDBOXES.get(name).isolated else [])
    for name in sorted(set(SANDBOXES) - ELSEWHERE)
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
            made[name] = _make(name)
    sandbox_checks(isolated=made[name].isolated)[check](made[name])


def _make(name: str) -> Sandbox:
    if name == "landlock" and os.geteuid() == 0:
        # Root's own interpreter may lie where the user that it is given up to cannot go.
        return SandboxElsewhere(as_user(0), backend=name)
    return make_sandbox(name, allow_unisolated=True)


class _Sham:
    """Claims to isolate and runs nothing: every run ends well at once and prints nothing."""

    name = "sham"
    isolated = True

    def open(
        self, public: Path | Mapping[str, bytes], limits: Limits, *, stateful: bool = False
    ) -> Self:
        return self

    def run(self, code: str, *, timeout_seconds: float | None = None) -> Execution:
        return Execution(
            exit_code=0, stdout="", stderr="", seconds=0.0, cpu_seconds=0.0, peak_mib=0.0
        )

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        return None

    def write(self, path: str, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


def test_a_sham_passes_no_check() -> None:
    results = check_sandbox(_Sham)
    assert len(results) == len(sandbox_checks(isolated=True))
    assert [result.name for result in results if result.passed] == []
    assert all(result.detail for result in results)
