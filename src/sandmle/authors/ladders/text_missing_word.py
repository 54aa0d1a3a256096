"""Ladder of scripts that put the missing word back into sentences of an unknown language.

The scripts know that words belong to classes and agree, never one task's words.
"""

from __future__ import annotations

from sandmle.authors.toolkit.grammar import rungs
from sandmle.core.draft import Baseline

_READ = """\
from collections import Counter, defaultdict

import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv", dtype=str)
test = pd.read_csv("input/test.csv", dtype=str)
wholes = [text.split() for text in train[$TARGET]]

# which word was taken out of each training sentence, and where it stood
gone = []
for part, whole in zip(train[$TEXT], wholes):
    kept = part.split()
    at = next((i for i, word in enumerate(kept) if word != whole[i]), len(kept))
    gone.append((whole[at], at, whole))
lost = Counter(word for word, _, _ in gone)


def finish(restore):
    out = [" ".join(restore(text.split())) for text in test[$TEXT]]
    pd.DataFrame({$ID: test[$ID], $TARGET: out}).to_csv("submission.csv", index=False)
"""

_DUMMY = """
finish(lambda words: words)
"""

_NAIVE = """
# the word that is lost most often, where it is mostly lost
word = lost.most_common(1)[0][0]
place = Counter(at for w, at, _ in gone if w == word).most_common(1)[0][0]
finish(lambda words: [*words[:place], word, *words[place:]])
"""

_BIGRAM = """
pairs, single = Counter(), Counter()
for words in wholes:
    pairs.update(zip(["<", *words], [*words, ">"]))
    single.update(["<", *words])


def chance(a, b):
    return np.log((pairs[a, b] + 0.02 * (single[b] + 1) / 40) / (single[a] + 0.5))
"""

_LINEAR = """

def restore(words):
    framed = ["<", *words, ">"]
    best = max(
        (chance(a, w) + chance(w, b) - chance(a, b), -i, w)
        for i, (a, b) in enumerate(zip(framed, framed[1:]))
        for w in lost
    )
    return [*words[: -best[1]], best[2], *words[-best[1] :]]


finish(restore)
"""

_CLASSES = '''
# word classes: lost words are little words; others are told by their letters and neighbours
vowels = set("aeiou")


def pattern(word):
    return "".join("V" if letter in vowels else "C" for letter in word)


def kind(word):
    return pattern(word)[:5]


shapes = Counter(tuple(kind(w) for w in words) for words in wholes)
shape_words = defaultdict(Counter)
for words in wholes:
    for word in words:
        shape_words[kind(word)][word] += 1


def gaps(words):
    """Places where one more word makes a known order of classes, with the class that is missing."""
    kinds = [kind(w) for w in words]
    found = []
    for shape, count in shapes.items():
        if len(shape) == len(kinds) + 1:
            for i in range(len(shape)):
                if kinds == [*shape[:i], *shape[i + 1 :]]:
                    found.append((count, i, shape[i]))
    return sorted(found, reverse=True)
'''

_STANDARD = """

def restore(words):
    found = gaps(words)
    if not found:
        return words
    _, at, missing = found[0]
    likely = [w for w in shape_words[missing] if w in lost] or list(shape_words[missing])
    word = max(likely, key=lambda w: shape_words[missing][w])
    return [*words[:at], word, *words[at:]]


finish(restore)
"""

_STRONG = """

def restore(words):
    found = gaps(words)
    if not found:
        return words
    _, at, missing = found[0]
    framed = ["<", *words, ">"]
    word = max(
        sorted(shape_words[missing]),
        key=lambda w: chance(framed[at], w) + chance(w, framed[at + 1]),
    )
    return [*words[:at], word, *words[at:]]


finish(restore)
"""

_BOTH = "chance(framed[at], w) + chance(w, framed[at + 1])"
_BEFORE = _STRONG.replace(_BOTH, "chance(framed[at], w)")
_AFTER = _STRONG.replace(_BOTH, "chance(w, framed[at + 1])")

_EXPERT = """

def stem(word):
    return word[:5]


def mark(word):
    return word[5:]


# what a little word at some place of some order goes with: any other place of the sentence
slot = defaultdict(lambda: defaultdict(Counter))


def clues(words, at, kinds):
    # words are named by how many of their class come before them, which survives insertions
    seen, out = Counter(), []
    own = sum(k == kinds[at] for k in kinds[:at])
    for i, word in enumerate(words):
        if i != at:
            name = (kinds[i], seen[kinds[i]])
            out += [(*name, "stem", stem(word)), (*name, "mark", mark(word))]
            out.append((*name, "both", word))
        seen[kinds[i]] += 1
    return (kinds[at], own), out


little = {kind(w) for w in lost}
for words in wholes:
    kinds = [kind(w) for w in words]
    for at in range(len(words)):
        if kinds[at] in little:
            name, found = clues(words, at, kinds)
            for clue in found:
                slot[name][clue][words[at]] += 1


def uncertainty(name, place, what):
    # how mixed the little word still is where one part of one other word is known
    total = left = 0
    for clue, counts in slot[name].items():
        if (clue[:2], clue[2]) == (place, what):
            n = sum(counts.values())
            total += n
            left += sum(c * -np.log(c / n) for c in counts.values())
    return left / total if total else 9.0


places, tables = {}, {}
for name in slot:
    options = {(clue[:2], clue[2]) for clue in slot[name] if clue[2] == "stem"}
    ranked = sorted(options, key=lambda o: uncertainty(name, *o))
    places[name] = [place for place, _ in ranked[:3]]


def pick(name, words, at, kinds):
    _, found = clues(words, at, kinds)
    scores = Counter()
    every = Counter()
    for counts in slot[name].values():
        every.update(counts)
    n = sum(every.values())
    for rank, place in enumerate(places.get(name, [])):
        for clue in found:
            if clue[:2] == place:
                counts = slot[name][clue]
                m = sum(counts.values())
                for w in every:
                    share = (counts[w] + 0.3 * every[w] / n) / (m + 0.3)
                    scores[w] += np.log(share) / (1 + rank) ** 2
    return max(sorted(every), key=lambda w: scores[w])


def restore(words):
    found = gaps(words)
    if not found:
        return words
    _, at, missing = found[0]
    trial = [*words[:at], "", *words[at:]]
    kinds = [kind(w) for w in words]
    kinds.insert(at, missing)
    name = (missing, sum(k == missing for k in kinds[:at]))
    return [*words[:at], pick(name, trial, at, kinds), *words[at:]]


finish(restore)
"""


def missing_word_ladder(*, id_column: str, text: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first, for sentences that lost a word."""
    bodies = {
        "dummy": (_READ, _DUMMY),
        "naive": (_READ, _NAIVE),
        "linear": (_READ, _BIGRAM, _LINEAR),
        "standard": (_READ, _CLASSES, _STANDARD),
        "before": (_READ, _BIGRAM, _CLASSES, _BEFORE),
        "after": (_READ, _BIGRAM, _CLASSES, _AFTER),
        "strong": (_READ, _BIGRAM, _CLASSES, _STRONG),
        "expert": (_READ, _CLASSES, _EXPERT),
    }
    return rungs(bodies, ID=id_column, TEXT=text, TARGET=target)
