"""What of the sandbox `slurm` needs no Slurm."""

from pathlib import Path

import pytest

from sandmle.core.errors import SandboxError, UsageError
from sandmle.core.task import Limits
from sandmle.sandbox import SANDBOXES, make_sandbox
from sandmle.sandbox._slurm_words import next_move
from sandmle.sandbox.slurm import SlurmSandbox, nodes_of_allocation


def test_it_is_made_by_name_and_isolates() -> None:
    assert SANDBOXES.get("slurm").isolated
    with make_sandbox("slurm") as sandbox:
        assert sandbox.name == "slurm"


def test_a_machine_without_slurm_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with SlurmSandbox() as sandbox:
        for _ in range(2):
            with pytest.raises(SandboxError, match=r"no 'srun' in PATH.*Slurm module"):
                sandbox.open({}, Limits())


def test_a_closed_one_opens_nothing() -> None:
    sandbox = SlurmSandbox()
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxError, match="closed"):
        sandbox.open({}, Limits())


@pytest.mark.parametrize("arguments", [{"nodes": 0}, {"nodes": -1}, {"srun": ()}])
def test_a_number_of_nodes_or_a_command_that_cannot_be_is_refused(
    arguments: dict[str, object],
) -> None:
    with pytest.raises(UsageError, match="1 node or more"):
        SlurmSandbox(**arguments)  # type: ignore[arg-type] # of several types


def test_the_nodes_of_the_allocation_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_NUM_NODES", raising=False)
    assert nodes_of_allocation() is None
    monkeypatch.setenv("SLURM_JOB_NUM_NODES", "16")
    assert nodes_of_allocation() == 16


def test_the_last_words_are_kept_and_the_move_is_added_where_it_is_known() -> None:
    assert next_move("") == ""
    assert next_move("something odd") == ": something odd"
    long = "x" * 10_000 + "ModuleNotFoundError: No module named 'sandmle'"
    told = next_move(long)
    assert len(told) < 2_000
    assert "install the same version" in told
