"""Mistakes that people make in a program that is right otherwise, and what repairs them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Slip:
    """One kind of mistake: the last place of `right` in a program becomes `wrong`."""

    right: str
    wrong: str
    repair: str
    """What is said when it is repaired."""
    silent: bool = False
    """The program runs to its end all the same; only the score tool tells."""

    def into(self, program: str) -> str | None:
        """Return the program with the mistake, or None where it has no place for it."""
        head, found, tail = program.rpartition(self.right)
        return f"{head}{self.wrong}{tail}" if found else None


SLIPS = (
    Slip("import pandas as pd", "import panda as pd", "An import was misspelt; I repair it."),
    Slip("import numpy as np", "import numpi as np", "An import was misspelt; I repair it."),
    Slip("pd.DataFrame(", "pd.Dataframe(", "A name was wrong; I repair it."),
    Slip("index=False", "index=false", "A name was wrong; I repair it."),
    Slip("out.to_csv(", "output.to_csv(", "A name was wrong; I repair it."),
    Slip('"submission.csv"', '"output.csv"', "Another file was written; I repair it.", silent=True),
)
"""Those that fail do so in the program's own line: the message names no file of a library."""
