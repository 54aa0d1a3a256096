"""Whose fault a failure is: the boundary, and the error for an unknown name."""

from __future__ import annotations

import pytest

from sandmle.core.errors import (
    GraderError,
    InfraError,
    InvalidSubmission,
    PolicyError,
    SandboxError,
    SandmleError,
    UsageError,
    VerificationError,
    boundary,
    unknown,
)


@pytest.mark.parametrize("foreign", [ValueError("x"), OSError("x"), RecursionError(), KeyError(1)])
def test_a_foreign_exception_becomes_the_boundary_s_error(foreign: Exception) -> None:
    with pytest.raises(GraderError) as caught, boundary(GraderError, "grade submission.csv"):
        raise foreign
    assert caught.value.__cause__ is foreign
    assert "could not grade submission.csv" in str(caught.value)
    assert type(foreign).__name__ in str(caught.value)


@pytest.mark.parametrize(
    "ours",
    [InvalidSubmission("bad"), UsageError("no"), PolicyError("server"), SandboxError("bwrap")],
)
def test_our_own_errors_pass_the_boundary_unchanged(ours: SandmleError) -> None:
    with pytest.raises(type(ours)) as caught, boundary(GraderError, "grade"):
        raise ours
    assert caught.value is ours


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_request_to_stop_is_no_failure_of_the_machine(stop: type[BaseException]) -> None:
    with pytest.raises(stop), boundary(SandboxError, "run"):
        raise stop


def test_the_boundary_gives_no_error_of_its_own() -> None:
    with boundary(SandboxError, "run"):
        value = 1
    assert value == 1


def test_only_infrastructure_errors_are_infrastructure_errors() -> None:
    assert all(issubclass(kind, InfraError) for kind in (SandboxError, GraderError, PolicyError))
    assert not any(issubclass(kind, InfraError) for kind in (InvalidSubmission, UsageError))


def test_a_verification_error_carries_its_reason_code() -> None:
    error = VerificationError("bronze is too near to silver", reason="ladder.bar_gap")
    assert error.reason == "ladder.bar_gap"
    assert str(error) == "bronze is too near to silver"


def test_an_unknown_name_gets_the_nearest_known_one() -> None:
    error = unknown("metric", "rmsee", ["mae", "rmse", "r2"])
    assert isinstance(error, UsageError)
    assert str(error) == "no metric 'rmsee'. Did you mean 'rmse'? Known: mae, r2, rmse"


def test_a_name_like_no_other_gets_the_list_and_no_guess() -> None:
    assert str(unknown("metric", "zzz", ["mae", "rmse"])) == "no metric 'zzz'. Known: mae, rmse"
