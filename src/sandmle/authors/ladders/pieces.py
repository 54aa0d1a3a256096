"""Pieces of the scripts that an engineer would try on a table; families put them together.

Every script is plain pandas and scikit-learn: it reads `input/`, writes `submission.csv`, and gives
the same answer on every run. `$ID` and `$TARGET` in a piece become quoted column names.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from string import Template

READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
target = train[$TARGET].to_numpy(dtype=float)
"""

RAW_NUMBERS = """\
numeric = [c for c in test.columns if c != $ID and pd.api.types.is_numeric_dtype(test[c])
           and pd.api.types.is_numeric_dtype(train[c])]
middle = train[numeric].median()
X = train[numeric].fillna(middle).to_numpy(dtype=float)
X_test = test[numeric].fillna(middle).to_numpy(dtype=float)
"""

ORDINAL_CODES = """\
both = pd.concat([train.drop(columns=[$ID, $TARGET]), test.drop(columns=[$ID])])
for column in both.columns:
    if not pd.api.types.is_numeric_dtype(both[column]):
        both[column] = pd.factorize(both[column], sort=True)[0]
both = both.fillna(both.median()).to_numpy(dtype=float)
X, X_test = both[: len(train)], both[len(train) :]
"""

ONE_HOT = """\
both = pd.concat([train.drop(columns=[$ID, $TARGET]), test.drop(columns=[$ID])])
words = [c for c in both.columns if not pd.api.types.is_numeric_dtype(both[c])]
both = both.drop(columns=[c for c in words if both[c].nunique() > 60])
words = [c for c in words if c in both.columns]
both = pd.get_dummies(both.fillna(both.median(numeric_only=True)), columns=words, dtype=float)
both = both.to_numpy(dtype=float)
X, X_test = both[: len(train)], both[len(train) :]
"""

WRITE = """\
pd.DataFrame({$ID: test[$ID], $TARGET: prediction}).to_csv("submission.csv", index=False)
"""

_WITHOUT = """\
# columns that came along from elsewhere: no reason why they should tell anything more
train = train.drop(columns=$SIDE)
test = test.drop(columns=$SIDE)
"""


_NAMED = """\
# numbers that stand for labels
for frame in (train, test):
    for column in $CODED:
        frame[column] = frame[column].map("label {}".format)
"""


def without(side: Sequence[str]) -> tuple[str, ...]:
    """Return the piece that drops `$SIDE`, or none where a table has no such columns."""
    return (_WITHOUT,) if side else ()


def named(coded: Sequence[str]) -> tuple[str, ...]:
    """Return the piece that makes labels of the codes in `$CODED`, or none without such columns."""
    return (_NAMED,) if coded else ()


def script(*pieces: str, **names: str | list[str]) -> str:
    """Join pieces and put quoted column names in place of `$ID`, `$TARGET` and the like.

    Args:
        pieces: Source text in order.
        names: Column name, or list of them, by placeholder: `ID="lot", TARGET="price"`.

    Raises:
        KeyError: If a piece has a placeholder that is not named.
    """
    source = "\n".join(piece.strip("\n") + "\n" for piece in pieces)
    return Template(source).substitute(
        {key: json.dumps(name, ensure_ascii=False) for key, name in names.items()}
    )
