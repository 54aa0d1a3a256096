"""A task, and sandboxes to attempt it in."""

from pathlib import Path

import pytest

from sandmle.sandbox.cold import ColdSandbox
from sandmle.sandbox.unsafe import UnsafeSandbox
from sandmle.sandbox.warm import WarmSandbox
from sandmle.store import TaskDir
from sandmle.testing.tiny_task import tiny_task


@pytest.fixture(scope="session")
def unsafe():
    with UnsafeSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def cold():
    with ColdSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def warm():
    with WarmSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def task(tmp_path_factory) -> TaskDir:
    folder: Path = tmp_path_factory.mktemp("tasks") / "tiny"
    return tiny_task(folder)
