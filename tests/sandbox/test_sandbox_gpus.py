import sys
from pathlib import Path

import pytest

from sandmle.core.errors import UsageError
from sandmle.core.task import Limits
from sandmle.sandbox._environment import script_environment
from sandmle.sandbox._gpus import gpu_devices
from sandmle.sandbox._interpreter import Interpreter
from sandmle.sandbox._view import arguments
from sandmle.sandbox.cold import ColdSandbox
from sandmle.sandbox.unsafe import UnsafeSandbox


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """A folder that stands in for /dev of a machine with two GPUs."""
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "sda"):
        (tmp_path / name).touch()
    return tmp_path


def test_a_gpu_comes_with_the_devices_that_all_share(devices: Path) -> None:
    found = [place.name for place in gpu_devices([1], folder=devices)]
    assert found == ["nvidia1", "nvidiactl", "nvidia-uvm"]


def test_without_a_number_no_device_is_shown(devices: Path) -> None:
    assert gpu_devices([], folder=devices) == ()


def test_a_gpu_that_is_not_there_is_refused_with_those_that_are(devices: Path) -> None:
    with pytest.raises(UsageError, match=r"no .*nvidia2; GPUs of this machine: nvidia0, nvidia1$"):
        gpu_devices([0, 2], folder=devices)


def test_code_sees_no_gpu_unless_it_was_given_one() -> None:
    assert script_environment(home="/h", path="/p")["CUDA_VISIBLE_DEVICES"] == ""
    given = script_environment(home="/h", path="/p", gpus=[2, 0])
    assert given["CUDA_VISIBLE_DEVICES"] == "2,0"
    words = arguments(Interpreter.of(Path(sys.executable)), disable_userns=True, seccomp=True)
    assert not any("nvidia" in word for word in words)


def test_the_backends_refuse_a_gpu_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no /dev/nvidia99"):
        UnsafeSandbox(gpus=[99])
    with ColdSandbox(gpus=[99]) as sandbox, pytest.raises(UsageError, match="no /dev/nvidia99"):
        sandbox.open({}, Limits())
