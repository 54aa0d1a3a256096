"""The ladder for fresh strings: one string, letters, chains of growing memory, clean examples."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import random
from collections import Counter

import pandas as pd

train = pd.read_csv("input/train.csv", dtype=str)
test = pd.read_csv("input/test.csv", dtype=str)
known = train[$TEXT].tolist()
rng = random.Random(0)
count = len(test)
"""

_ONE = """\
fresh = [Counter(known).most_common(1)[0][0]] * count
"""

_LETTERS = """\
letters = [letter for string in known for letter in string]
lengths = [len(string) for string in known]
fresh = ["".join(rng.choices(letters, k=rng.choice(lengths))) for _ in range(count)]
"""

_FEW = """\
# short strings may come up again, but hardly a string does so four times
examples = [text for text, times in sorted(Counter(known).items()) for _ in range(min(times, 3))]
"""

_AS_THEY_ARE = """\
examples = known
"""

_CHAIN = """\
# what follows the last letters; a longer context counts more the more often it was seen
counts = {}
for string in examples:
    padded = "^" * MEMORY + string + "$$"
    for place in range(MEMORY, len(padded)):
        for size in range(MEMORY + 1):
            counts.setdefault(padded[place - size : place], Counter())[padded[place]] += 1

def following(context):
    size = MEMORY
    while size > 0 and sum(counts.get(context[-size:], {}).values()) < NEED:
        size -= 1
    options = counts[context[-size:] if size else ""]
    return rng.choices(list(options), weights=list(options.values()))[0]

def written():
    string = ""
    while len(string) < 60:
        letter = following(("^" * MEMORY + string)[-MEMORY:])
        if letter == "$$":
            break
        string += letter
    return string
"""

_PRUNED = """\
# what hardly ever follows is a slip of the pen: leave it out, there and after longer contexts
def pruned(context):
    options = counts.get(context, Counter())
    least = 0.5 + 0.015 * sum(options.values())
    kept = {letter: n for letter, n in options.items() if n >= least}
    if context:
        shorter = pruned(context[1:])
        kept = {letter: n for letter, n in kept.items() if letter in shorter}
    return kept

good = {context: pruned(context) for context in counts}

def following(context):
    size = MEMORY
    while size > 0 and sum(good.get(context[-size:], {}).values()) < NEED:
        size -= 1
    options = good[context[-size:] if size else ""]
    return rng.choices(list(options), weights=list(options.values()))[0]
"""

_DRAW = """\
fresh = []
while len(fresh) < count:
    string = written()
    if string:
        fresh.append(string)
"""

_DRAW_NEW = """\
# of the strings that are examples already, half
fresh, listed = [], set(known)
while len(fresh) < count:
    string = written()
    if string and (string not in listed or rng.random() < 0.5):
        fresh.append(string)
"""

_WRITE = """\
pd.DataFrame({$ID: test[$ID], $TEXT: fresh}).to_csv("submission.csv", index=False)
"""


def _chain(memory: int, need: int) -> str:
    return _CHAIN.replace("MEMORY", str(memory)).replace("NEED", str(need))


def _pruned(memory: int, need: int) -> str:
    return "\n" + _PRUNED.replace("MEMORY", str(memory)).replace("NEED", str(need))


_RUNGS = {
    "dummy": (_ONE,),
    "naive": (_LETTERS,),
    "standard": (_AS_THEY_ARE, _chain(1, 1), _DRAW),
    "trigram": (_AS_THEY_ARE, _chain(2, 3), _DRAW),
    "clean": (_FEW, _chain(2, 3) + _pruned(2, 3), _DRAW),
    "strong": (_FEW, _chain(3, 4) + _pruned(3, 4), _DRAW_NEW),
    "expert": (_FEW, _chain(6, 3) + _pruned(6, 3), _DRAW_NEW),
}


def strings_ladder(*, id_column: str, text: str) -> tuple[Baseline, ...]:
    """Return the rungs for a table with this column of strings."""
    return tuple(
        Baseline(name, script(_READ, *pieces, _WRITE, ID=id_column, TEXT=text))
        for name, pieces in _RUNGS.items()
    )
