from collections.abc import Iterator

import pytest

from sandmle.generate import Tools


@pytest.fixture(scope="session")
def tools() -> Iterator[Tools]:
    with Tools.open() as made:
        yield made
