"""All baseline scripts of a task in one readable file."""

from __future__ import annotations

import pytest

from sandmle.core.draft import Baseline
from sandmle.store.ladder import pack_ladder, unpack_ladder

SCRIPTS = [
    "print(1)\n",
    "print('größe')",
    "",
    "\n\n",
    "a = 1\r\nb = '\x0c\u2028'\n",
    "# %% dummy, 3 lines\nprint()\n",
]


@pytest.mark.parametrize("count", range(len(SCRIPTS) + 1))
def test_scripts_come_back_byte_by_byte(count: int) -> None:
    ladder = tuple(Baseline(f"rung_{i}", script) for i, script in enumerate(SCRIPTS[:count]))
    assert unpack_ladder(pack_ladder(ladder)) == ladder


def test_every_script_is_a_cell_with_its_name() -> None:
    ladder = (Baseline("dummy", "print(1)\n"), Baseline("naive", "print(2)\nprint(3)\n"))
    assert pack_ladder(ladder).decode() == (
        "# %% dummy, 2 lines\nprint(1)\n\n# %% naive, 3 lines\nprint(2)\nprint(3)\n\n"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [("print(1)\n", 1), ("# %% dummy, 1 lines\n1\n2\n", 3), ("# %% a, x lines\n", 1)],
)
def test_a_line_that_should_begin_a_script_and_does_not_is_named(text: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"line {line} should be like"):
        unpack_ladder(text.encode())
