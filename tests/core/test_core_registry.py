"""Plug-ins are found by themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandmle.core.errors import UsageError
from sandmle.core.registry import Registry

PLUGIN = """
from registry_under_test import WORDS
from registry_under_test._notes import seen

seen.append(__name__)
WORDS.register({name!r})({value!r})
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "registry_under_test"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from sandmle.core.registry import Registry\n"
        "WORDS = Registry('word', 'registry_under_test')\n"
    )
    (folder / "_notes.py").write_text("seen = []\n")
    (folder / "second.py").write_text(PLUGIN.format(name="zwei", value=2))
    (folder / "first.py").write_text(PLUGIN.format(name="eins", value=1))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith("registry_under_test")]:
        del sys.modules[name]


def test_modules_are_found_at_the_first_look_up_and_not_before(package: Path) -> None:
    from registry_under_test import WORDS  # type: ignore[import-not-found]  # made by the fixture
    from registry_under_test._notes import seen  # type: ignore[import-not-found]  # as above

    assert seen == []
    assert WORDS.get("zwei") == 2
    assert WORDS.names() == list(WORDS) == ["eins", "zwei"]
    assert sorted(seen) == ["registry_under_test.first", "registry_under_test.second"]


def test_a_new_file_is_a_new_entry(package: Path) -> None:
    (package / "third.py").write_text(PLUGIN.format(name="drei", value=3))
    from registry_under_test import WORDS

    assert "drei" in WORDS
    assert "vier" not in WORDS


def test_an_unknown_entry_is_answered_with_the_nearest(package: Path) -> None:
    from registry_under_test import WORDS

    with pytest.raises(UsageError, match=r"no word 'zwie'\. Did you mean 'zwei'"):
        WORDS.get("zwie")


def test_a_name_is_taken_once() -> None:
    registry: Registry[object] = Registry("word", "sandmle.core")
    entry = object()
    assert registry.register("one")(entry) is entry
    assert registry.register("one")(entry) is entry
    with pytest.raises(ValueError, match="word 'one' is registered twice"):
        registry.register("one")(object())
