"""How languages count and inflect, induced from aligned tokens: parts of the best scripts."""

from __future__ import annotations

NUMBERS = '''
def shape(token):
    return re.sub(r"\\d+", "0", token)


def runs(token):
    return re.findall(r"\\d+", token)


def is_code(token):
    return not token[0].isalnum() and token[1:].isdigit()


def is_date(token):
    return len(runs(token)) == 3


def parts(token):
    """Digits by their place: units, tens, hundreds."""
    found = set()
    for run in runs(token):
        if is_code(token):
            found |= {("u", d) for d in run}
            continue
        pieces = [run[:2], run[2:]] if len(run) == 4 else [run]
        for piece in pieces:
            n = int(piece)
            if n >= 100:
                found |= {("u", str(n // 100)), ("h", "")}
            if n % 100 >= 10:
                found.add(("t", str(n % 100 // 10)))
            if n % 10 or n == 0:
                found.add(("u", str(n % 10)))
    return found


def match(features_of):
    """Pair each feature with the word that comes with it and hardly without it."""
    sets = [(features_of(token), set(said)) for token, said in pairs]
    with_f, with_w, both = Counter(), Counter(), Counter()
    for features, said in sets:
        with_f.update(features)
        with_w.update(said)
        both.update((f, w) for f in features for w in said)
    n = len(sets)
    scored = []
    for (f, w), count in both.items():
        lift = count / with_f[f] - (with_w[w] - count) / max(n - with_f[f], 1)
        scored.append((-lift * min(1, count / 2), f, w))
    found, taken = {}, set()
    for cost, f, w in sorted(scored):
        if f not in found and w not in taken and cost < -0.3:
            found[f] = w
            taken.add(w)
    return found


word_of = match(parts)


def orders():
    """Try both orders of tens and units, with the words that may stand between them."""
    best = (-1, False, ())
    between = [()]
    for token, said in pairs:
        for run in runs(token):
            t, u = word_of.get(("t", run[-2:-1])), word_of.get(("u", run[-1:]))
            if t in said and u in said and abs(said.index(t) - said.index(u)) == 2:
                between.append((said[(said.index(t) + said.index(u)) // 2],))
    for joiner, _ in Counter(between).most_common(4):
        for units_first in (False, True):
            hits = 0
            for token, said in pairs:
                for run in runs(token):
                    if len(run) == 2 and run[0] != "0" and run[1] != "0":
                        text = cardinal(int(run), units_first, joiner)
                        hits += text is not None and find(said, text) is not None
            best = max(best, (hits, units_first, joiner))
    return best[1:]


def cardinal(n, units_first, joiner):
    out = []
    if n >= 100:
        out += [word_of.get(("u", str(n // 100))), word_of.get(("h", ""))]
    t, u = n % 100 // 10, n % 10
    two = ([word_of.get(("t", str(t)))] if t else []) + ([word_of.get(("u", str(u)))] if u else [])
    if len(two) == 2:
        two = two[::-1] if units_first else two
        two = [two[0], *joiner, two[1]]
    out += two if n else [word_of.get(("u", "0"))]
    return None if None in out else out


def find(said, part):
    for i in range(len(said) - len(part) + 1):
        if said[i : i + len(part)] == part:
            return i
    return None


units_first, joiner = orders()


def number(run):
    if len(run) == 4:
        first, second = number(run[:2]), number(run[2:])
        return None if first is None or second is None else first + second
    return cardinal(int(run), units_first, joiner)
'''

EXPERT = '''

def months_by_mark():
    """For each mark in dates: which of two numbers is the month, and what it is called."""
    best = None
    marks = sorted({re.sub(r"\\d", "", token)[0] for token, _ in pairs if is_date(token)})
    for pattern in range(2 ** len(marks)):
        place = {mark: pattern >> i & 1 for i, mark in enumerate(marks)}
        dates = [(token, said) for token, said in pairs if is_date(token)]
        runs_of = [(runs(t), place[re.sub(r"\\d", "", t)[0]], said) for t, said in dates]
        if any(int(r[p]) > 12 for r, p, _ in runs_of):
            continue
        together = defaultdict(Counter)
        numbers = set(word_of.values())
        for r, p, said in runs_of:
            together[int(r[p])].update(set(said) - numbers)
        everywhere = Counter(w for counts in together.values() for w in counts)
        names, hits = {}, 0
        for month, counts in together.items():
            own = [(c, w) for w, c in counts.items() if everywhere[w] <= len(together) / 2]
            if own:
                hits += max(own)[0]
                names[month] = max(own)[1]
        if best is None or hits > best[0]:
            best = (hits, place, names)
    return best[1:] if best else ({}, {})


month_place, month_name = months_by_mark()


def slots(token):
    """What may be said for each number of a token."""
    out = []
    for i, run in enumerate(runs(token)):
        if is_date(token) and i == month_place.get(re.sub(r"\\d", "", token)[0]):
            name = month_name.get(int(run))
            out.append(("month", [name] if name else None))
        elif is_date(token) and i < 2:
            out.append(("day", number(run)))
        else:
            out.append((i, number(run)))
    return out


def template(token, said):
    for name, text in sorted(slots(token), key=lambda slot: -len(slot[1] or [])):
        at = find(said, text) if text else None
        if at is not None:
            said = [*said[:at], (name,), *said[at + len(text) :]]
    return tuple(said)


def kind(run):
    n = int(run)
    return "one" if n == 1 else "few" if n % 10 in (2, 3, 4) else "zero" if n == 0 else "many"


def keys(token):
    """From the finest condition to none at all; dates are alike whatever their mark is."""
    if is_date(token) or not runs(token):
        return ["date"] if runs(token) else []
    form, kinds = shape(token), tuple(map(kind, runs(token)))
    zero = "zero" in kinds[1:]
    return [(form, kinds), (form, zero, kinds[0]), (form, zero, kinds[-1]), (form, zero)]


models = defaultdict(Counter)
for token, said in pairs:
    if not is_code(token):
        form = template(token, said)
        for key in keys(token):
            models[key][form] += 1

# nouns have a stem and an ending that goes with the number: share what is known of endings
nouns = defaultdict(dict)
for key, counts in models.items():
    if isinstance(key, tuple) and len(key) == 2 and isinstance(key[1], tuple):
        form = counts.most_common(1)[0][0]
        for i in range(len(key[1])):
            places = [j for j, part in enumerate(form) if part == (i,)]
            for j in places:
                for near in (j - 1, j + 1):
                    if 0 <= near < len(form) and isinstance(form[near], str):
                        nouns[key[0], i, near - j].setdefault(key[1][i], form[near])
endings, stems = defaultdict(Counter), {}
for slot, forms in nouns.items():
    shortest = min(forms.values(), key=len)
    stem = shortest
    while any(not form.startswith(stem) for form in forms.values()):
        stem = stem[:-1]
    if len(stem) >= 3 and len(set(forms.values())) > 1:
        stems[slot] = stem
        for grade, form in forms.items():
            endings[grade][form[len(stem) :]] += 1


def mended(form, token):
    """Give nouns beside a number the ending of that number."""
    grades, out = list(map(kind, runs(token))), list(form)
    for j, part in enumerate(form):
        if isinstance(part, tuple) and isinstance(part[0], int) and part[0] < len(grades):
            for step in (-1, 1):
                stem = stems.get((shape(token), part[0], step))
                near = j + step
                if stem and 0 <= near < len(form) and endings[grades[part[0]]]:
                    if isinstance(form[near], str) and form[near].startswith(stem):
                        out[near] = stem + endings[grades[part[0]]].most_common(1)[0][0]
    return out


# a code with fewer words than signs has a word for a digit that comes twice
extra = Counter()
for token, said in pairs:
    if is_code(token) and re.search(r"(.)\\1", token):
        extra.update(set(said) - set(words.values()) - set(word_of.values()))
double = extra.most_common(1)[0][0] if extra else None


def spelled(token):
    out = [words[token[0]]] if token[0] in words else []
    run, at = token[1:], 0
    while at < len(run):
        twice = double is not None and run[at : at + 2] == run[at] * 2
        word = word_of.get(("u", run[at])) or words.get(run[at])
        out += [double] * twice + ([word] if word else [])
        at += 2 if twice else 1
    return out


def read(token):
    if token in known:
        return known[token]
    if is_code(token):
        return spelled(token)
    for key in keys(token):
        if key in models:
            form = models[key].most_common(1)[0][0]
            texts = dict(slots(token))
            said = []
            for part in mended(form, token):
                said += [part] if isinstance(part, str) else texts.get(part[0]) or []
            return said
    return None


finish(read)
'''
