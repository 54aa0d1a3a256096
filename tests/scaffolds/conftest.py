"""`pytest tests/scaffolds --regen` writes the golden episodes anew; look at the difference."""

import pytest

from sandmle.sandbox.unsafe import UnsafeSandbox
from sandmle.testing.tiny_task import tiny_task


def pytest_addoption(parser):
    parser.addoption("--regen", action="store_true", help="write golden files anew")


@pytest.fixture
def regen(request):
    # Without the option this file may be loaded after the command line was read.
    return request.config.getoption("--regen", default=False)


@pytest.fixture(scope="session")
def unsafe():
    with UnsafeSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def task(tmp_path_factory):
    return tiny_task(tmp_path_factory.mktemp("tasks") / "tiny")
