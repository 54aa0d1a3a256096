import warnings

import pytest

from sandmle.core.errors import UsageError
from sandmle.sandbox import SANDBOXES, UnisolatedWarning, make_sandbox
from sandmle.sandbox.probe import probe


def test_backends_are_found_by_name() -> None:
    assert {"cold", "unsafe"} <= set(SANDBOXES.names())


def test_an_unknown_backend_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="Did you mean 'cold'"):
        make_sandbox("colt")


def test_unisolated_running_must_be_asked_for() -> None:
    with pytest.raises(UsageError, match=r"--sandbox unsafe.*allow_unisolated=True"):
        make_sandbox("unsafe")


def test_unisolated_running_warns() -> None:
    with pytest.warns(UnisolatedWarning, match="all your rights"):
        make_sandbox("unsafe", allow_unisolated=True).close()


def test_an_isolated_backend_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_sandbox("cold").close()


def test_backends_say_the_same_as_their_instances() -> None:
    for name in SANDBOXES:
        factory = SANDBOXES.get(name)
        with factory() as sandbox:
            assert (sandbox.name, sandbox.isolated) == (name, factory.isolated)


def test_another_system_than_linux_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(UsageError, match="this is darwin; use a Linux virtual machine"):
        make_sandbox("cold")
    (found,) = probe()
    assert found.needed
    assert not found.available
    assert "Linux virtual machine" in found.remedy
