"""Ladder of scripts that cut the passage a label asks for out of a text.

The scripts know that some words may announce passages, never which.
"""

from __future__ import annotations

from sandmle.authors.toolkit.grammar import rungs
from sandmle.core.draft import Baseline

_READ = """\
from collections import Counter, defaultdict

import pandas as pd

train = pd.read_csv("input/train.csv", dtype=str)
test = pd.read_csv("input/test.csv", dtype=str)

# where each answer lies in its text; the last place if there are several
samples = []
for text, label, answer in zip(train[$TEXT], train[$LABEL], train[$TARGET]):
    words, inner = text.split(), answer.split()
    places = [i for i in range(len(words)) if words[i : i + len(inner)] == inner]
    samples.append((words, label, places[-1], places[-1] + len(inner)))


def finish(select):
    out = []
    for text, label in zip(test[$TEXT], test[$LABEL]):
        words = text.split()
        start, end = select(words, label)
        out.append(" ".join(words[start:end]) or text)
    pd.DataFrame({$ID: test[$ID], $TARGET: out}).to_csv("submission.csv", index=False)
"""

_DUMMY = """
finish(lambda words, label: (0, len(words)))
"""

_NAIVE = """
# the usual place and length
first = pd.Series([start / len(words) for words, _, start, _ in samples]).median()
size = round(pd.Series([end - start for _, _, start, end in samples]).median())


def select(words, label):
    start = round(first * len(words))
    return start, start + size


finish(select)
"""

_LINEAR = """
# words that often come just before an answer, whatever is asked for
ahead = Counter(words[start - 1] for words, _, start, _ in samples if start)
size = round(pd.Series([end - start for _, _, start, end in samples]).median())


def select(words, label):
    best = max(range(len(words)), key=lambda i: ahead[words[i]])
    return best + 1, best + 1 + size


finish(select)
"""

_STANDARD = """
# words that come just before an answer to this label, and how long answers are
ahead = defaultdict(Counter)
for words, label, start, _ in samples:
    ahead[label][words[max(start - 1, 0)]] += 1
size = round(pd.Series([end - start for _, _, start, end in samples]).median())


def select(words, label):
    best = max(range(len(words)), key=lambda i: ahead[label][words[i]])
    return best + 1, best + 1 + size


finish(select)
"""

_STRONG = """
# words that open and close answers to each label; the first pair counts
ahead, behind = defaultdict(Counter), defaultdict(Counter)
for words, label, start, end in samples:
    if start:
        ahead[label][words[start - 1]] += 1
    if end < len(words):
        behind[label][words[end]] += 1


def select(words, label):
    start = 1 + max(range(len(words)), key=lambda i: ahead[label][words[i]])
    rest = range(start + 1, len(words))
    return start, max(rest, key=lambda i: behind[label][words[i]], default=len(words))


finish(select)
"""

_EXPERT = """
ahead, behind = defaultdict(Counter), defaultdict(Counter)
for words, label, start, end in samples:
    if start:
        ahead[label][words[start - 1]] += 1
    if end < len(words):
        behind[label][words[end]] += 1
# a cue comes again and again; what was seen once is an accident
opens = {label: {w for w, n in found.items() if n >= 3} for label, found in ahead.items()}
closes = {label: {w for w, n in found.items() if n >= 3} for label, found in behind.items()}


def passages(words, label):
    found = []
    for i, word in enumerate(words):
        if word in opens.get(label, ()):
            ends = [j for j in range(i + 1, len(words)) if words[j] in closes.get(label, ())]
            if ends:
                found.append((i + 1, ends[0]))
    return found


# which word before an opening cue makes a passage void?
good, bad = Counter(), Counter()
for words, label, start, end in samples:
    for a, b in passages(words, label):
        (good if (a, b) == (start, end) else bad)[words[a - 2] if a > 1 else ""] += 1
void = {w for w, n in bad.items() if n >= 4 and good[w] <= 0.1 * n}


def select(words, label, pick=-1):
    found = passages(words, label)
    valid = [p for p in found if p[0] < 2 or words[p[0] - 2] not in void]
    if valid:
        return valid[pick]
    return found[pick] if found else (0, len(words))


# where several are valid, does the first or the last one count?
hits = {
    pick: sum(select(words, label, pick) == (start, end) for words, label, start, end in samples)
    for pick in (0, -1)
}
pick = max(hits, key=hits.get)
finish(lambda words, label: select(words, label, pick))
"""

_PATIENT = _EXPERT.replace("n >= 4 and good[w] <= 0.1 * n", "False")


def span_ladder(*, id_column: str, text: str, label: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first, for texts with a label that asks for a passage."""
    bodies = {
        "dummy": (_READ, _DUMMY),
        "naive": (_READ, _NAIVE),
        "linear": (_READ, _LINEAR),
        "standard": (_READ, _STANDARD),
        "strong": (_READ, _STRONG),
        "patient": (_READ, _PATIENT),
        "expert": (_READ, _EXPERT),
    }
    return rungs(bodies, ID=id_column, TEXT=text, LABEL=label, TARGET=target)
