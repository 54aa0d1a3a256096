"""Ladder of scripts for lines whose written tokens are to be said in words of an unknown language.

The scripts know which kinds of tokens there are and how languages count, never one task's words.
"""

from __future__ import annotations

from sandmle.authors.ladders.text_normalise_rules import EXPERT, NUMBERS
from sandmle.authors.toolkit.grammar import rungs
from sandmle.core.draft import Baseline

_READ = """\
import re
from collections import Counter, defaultdict

import pandas as pd

train = pd.read_csv("input/train.csv", dtype=str)
test = pd.read_csv("input/test.csv", dtype=str)


def split(line):
    # words before the written token, the token, words after it
    words = line.split()
    for i, word in enumerate(words):
        if not word.isalpha():
            return words[:i], word, words[i + 1 :]
    return words, "", []


pairs = []
for before, after in zip(train[$TEXT], train[$TARGET]):
    head, token, tail = split(before)
    said = after.split()
    said = said[len(head) : len(said) - len(tail)]
    if token and said != [token]:
        pairs.append((token, said))
known = {}
for token, said in pairs:
    known[token] = said


def finish(read):
    out = []
    for line in test[$TEXT]:
        head, token, tail = split(line)
        said = read(token) if token else None
        out.append(" ".join([*head, *([token] if said is None and token else said or []), *tail]))
    pd.DataFrame({$ID: test[$ID], $TARGET: out}).to_csv("submission.csv", index=False)
"""

_DUMMY = """\
import pandas as pd

test = pd.read_csv("input/test.csv", dtype=str)
test[[$ID, $TEXT]].rename(columns={$TEXT: $TARGET}).to_csv("submission.csv", index=False)
"""

_NAIVE = """
finish(known.get)
"""

_SPELL = """
# codes are read digit by digit; where as many words as signs were said, they go one to one
votes = defaultdict(Counter)
for token, said in pairs:
    if not token[0].isalnum() and token[1:].isdigit() and len(said) == len(token):
        for sign, word in zip(token, said):
            votes[sign][word] += 1
words = {sign: count.most_common(1)[0][0] for sign, count in votes.items()}
"""

_LINEAR = """

def read(token):
    if token in known:
        return known[token]
    if token[0] in words and token[1:].isdigit():
        return [words[sign] for sign in token if sign in words]
    return None


finish(read)
"""

_SHAPES = """

def shape(token):
    return re.sub(r"\\d+", "0", token)


def read(token):
    if token in known:
        return known[token]
    if token[0] in words and token[1:].isdigit():
        return [words[sign] for sign in token if sign in words]
    same = [said for other, said in pairs if shape(other) == shape(token)]
    return same[0] if same else None


finish(read)
"""

_STANDARD = """

def shape(token):
    return re.sub(r"\\d+", "0", token)


def distance(a, b):
    runs_a, runs_b = re.findall(r"\\d+", a), re.findall(r"\\d+", b)
    both = zip(runs_a, runs_b)
    return sum(len(x) != len(y) or sum(p != q for p, q in zip(x, y)) for x, y in both)


def read(token):
    if token in known:
        return known[token]
    if token[0] in words and token[1:].isdigit():
        return [words[sign] for sign in token if sign in words]
    same = [pair for pair in pairs if shape(pair[0]) == shape(token)]
    return min(same, key=lambda pair: distance(pair[0], token))[1] if same else None


finish(read)
"""

_STRONG = '''

def template(token, said):
    """Put places of numbers where the numbers were said."""
    for i, run in sorted(enumerate(runs(token)), key=lambda pair: -len(number(pair[1]) or [])):
        text = number(run)
        at = find(said, text) if text else None
        if at is not None:
            said = [*said[:at], i, *said[at + len(text) :]]
    return tuple(said)


models = defaultdict(Counter)
for token, said in pairs:
    if not is_code(token):
        models[shape(token)][template(token, said)] += 1


def read(token):
    if token in known:
        return known[token]
    if is_code(token) and votes:
        return [words[sign] for sign in token if sign in words]
    if shape(token) not in models:
        return None
    said = []
    for part in models[shape(token)].most_common(1)[0][0]:
        said += [part] if isinstance(part, str) else number(runs(token)[part]) or []
    return said


finish(read)
'''


def normalise_ladder(*, id_column: str, text: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first, for lines and how they are said."""
    bodies = {
        "dummy": (_DUMMY,),
        "naive": (_READ, _NAIVE),
        "linear": (_READ, _SPELL, _LINEAR),
        "shapes": (_READ, _SPELL, _SHAPES),
        "standard": (_READ, _SPELL, _STANDARD),
        "strong": (_READ, _SPELL, NUMBERS, _STRONG),
        "expert": (_READ, _SPELL, NUMBERS, EXPERT),
    }
    return rungs(bodies, ID=id_column, TEXT=text, TARGET=target)
