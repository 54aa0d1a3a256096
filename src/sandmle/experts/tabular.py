"""The playbook for tables: units, spellings, gaps, groups, and models that conflict."""

from __future__ import annotations

from sandmle.experts import PLAYBOOKS
from sandmle.experts.playbook import Choice, Facts, Plan, Playbook, Slot

_LOAD = """\
import numpy as np
import pandas as pd
train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
idc, *names = pd.read_csv("input/sample_submission.csv")
n, Y = len(train), train[names]
T = pd.concat([train, test], ignore_index=True)
T = T[test.columns.drop(idc)]
nums = list(T.select_dtypes("number"))
words = list(T.columns.drop(nums))
T[words] = T[words].astype(str).fillna("?")
"""
"""Afterwards: `T`, the rows of train and then those of test; `Y`, the targets of `n` rows."""

_UNITS = r"""
for c in words:
    v = T[c].str.extract(r"^(-?\d+\.?\d*) (.+)$")
    if v[0].notna().mean() > 0.7:
        T[c], T[c + "_unit"] = v[0].astype(float), v[1]
nums = list(T.select_dtypes("number"))
words = list(T.columns.drop(nums))
"""
_SPELLING = """\
from difflib import get_close_matches as near
for c in words:
    s = T[c].str.lower().str.strip().str.replace("-", " ")
    k = s.value_counts()[lambda k: k > n / 9].index
    k = {v: (near(v, k, 1, 0.6) or ["?"])[0] for v in {*s}}
    T[c] = s.map(k)
"""
_CODES = """\
T[nums] = T[nums].mask(T[nums].isin([-1, -99, -999, 99]))
"""
_FLAGS = """\
G = T[nums].isna().astype(float).add_suffix("_gone")
T = T.join(G.loc[:, G.mean() > 0.02])
"""
_LOGS = """\
c = [c for c in nums if T[c].min() > 0 < T[c].skew() - 0.3]
T[c] = np.log(T[c])
"""
_BY_UNIT = """\
for w in [w for w in words if T[w].nunique() < 7]:
    for c in nums:
        m = T.groupby(w)[c].transform("median")
        if m.std() > 0.5 * (T[c] - m).std():
            T[c] = T[c] - m
"""
_BY_GROUP = """\
few = T.columns[T.nunique().between(2, n / 3)]
new = [c for c in few if not {*T[c][:n]} & {*T[c][n:]}]
nums = [c for c in nums if c not in new]
for c in new:
    by = T.groupby(c)[nums].transform
    T[nums] = (T[nums] - by("mean")) / by("std")
T = T.drop(columns=new)
"""
_TABLE = """\
T = T.loc[:, T.columns.isin(nums) | (T.nunique() < 40)]
T = pd.get_dummies(T.assign(one=1.0), dtype=float)
T = T.where(np.isfinite(T))
X = T.fillna(T.median()).fillna(0).to_numpy(dtype=float)
X = (X - X.mean(0)) / (X.std(0) + 1e-9)
X = X.clip(-4, 4)
"""
"""Afterwards: `X`, standardised rows of train and then test."""

_VALUES = """\
Z = Y.to_numpy(dtype=float)
back = lambda F: F
"""
_LOG_VALUES = """\
low = np.minimum(Y.min().to_numpy(), 0)
Z = np.log1p(Y.to_numpy(dtype=float) - low)
back = lambda F: np.expm1(F) + low
"""
_CLASSES = """\
kinds = np.unique(Y[names[0]])
Z = (Y.to_numpy() == kinds).astype(float)
"""
"""Afterwards: `Z`, what a model is fitted to; `back`, from there to the target's own scale."""

_DOUBT = """\
R = np.abs((Z - Z.mean(0)).T @ X[:n]).max(0)
X = np.delete(X, R.argmax(), 1)
"""
_TOP = """\
R = np.abs((Z - Z.mean(0)).T @ X[:n]).max(0)
X = X[:, np.argsort(-R)[:12]]
"""
_PAIRS = """\
i, j = np.triu_indices(min(X.shape[1], 40))
X = np.hstack([X, X[:, i] * X[:, j]])
X = (X - X.mean(0)) / (X.std(0) + 1e-9)
"""

_RIDGE = """\
from sklearn.linear_model import RidgeCV
m = RidgeCV(np.logspace(0, 4, 13), alpha_per_target=True)
F = m.fit(X[:n], Z).predict(X[n:]).reshape(len(test), -1)
"""
_LASSO = """\
from sklearn.linear_model import Lasso
m = Lasso(0.1 * Z.std())
F = m.fit(X[:n], Z).predict(X[n:]).reshape(len(test), -1)
"""
_KERNEL = """\
k, m, s = min(n, 900), Z.mean(0), Z.std(0) + 1e-9
K = X @ X[:k].T / X.shape[1]
U, best = (Z[:k] - m) / s, (np.inf,)
for w in (0.1, 0.5):
    for r in (0.05, 0.1, 0.2, 0.5, 1.2):
        V = K[:k] + w * K[:k] ** 2 + r * np.eye(k)
        V = np.linalg.inv(V)
        e = ((V @ U / np.diag(V)[:, None]) ** 2).mean()
        best = min(best, (e, w, V @ U), key=lambda b: b[0])
F = (K[n:] + best[1] * K[n:] ** 2) @ best[2] * s + m
"""
_FOREST = """\
from sklearn.ensemble import RandomForestRegressor as Trees
m = Trees(30, min_samples_leaf=3, random_state=0)
m.set_params(max_features=0.3, max_samples=min(n, 999))
F = m.fit(X[:n], Z).predict(X[n:]).reshape(len(test), -1)
"""
_NEAR = """\
from sklearn.neighbors import KNeighborsRegressor
m = KNeighborsRegressor(min(n, 9))
F = m.fit(X[:n], Z).predict(X[n:]).reshape(len(test), -1)
"""
"""Afterwards: `F`, what is foreseen of `Z` for the rows of test, shape (rows, columns of `Z`)."""

_WRITE = """\
test[names] = p.reshape(len(test), -1)
test[[idc, *names]].to_csv("submission.csv", index=False)
"""
_NUMBER = f"""\
p = back(F).clip(Y.min().to_numpy(), Y.max().to_numpy())
{_WRITE}"""
_CHANCE = f"""\
p = np.clip(F[:, -1], 0, 1)
{_WRITE}"""
_LABEL = f"""\
p = kinds[F.argmax(1)]
{_WRITE}"""
_RARE = f"""\
cut = np.quantile(F[:, -1], 1 - Z[:, -1].mean())
p = kinds[(F[:, -1] > cut).astype(int)]
{_WRITE}"""
_WHOLE = f"""\
p = back(F).clip(Y.min().to_numpy(), Y.max().to_numpy())
p = np.rint(p).astype(int)
{_WRITE}"""
_SHARES = f"""\
r = pd.Series(F[:, 0]).rank(method="first") / (len(F) + 1)
p = np.quantile(Y, r, method="inverted_cdf").astype(int)
{_WRITE}"""

_LOOK = """\
# look
import pandas as pd
A = pd.read_csv("input/train.csv")
B = pd.read_csv("input/test.csv")
idc, *names = pd.read_csv("input/sample_submission.csv")
T = pd.concat([A, B])[B.columns.drop(idc)]
nums = list(T.select_dtypes("number"))
W = T.drop(columns=nums).astype(str).fillna("?")
unit = W.apply(lambda s: s.str.match("-?[0-9.]+ ")).mean()
mess = W.apply(lambda s: s.str.lower()).nunique()
codes = T[nums].isin([-1, -99, -999, 99]).mean() > 0.02
few = T.columns[T.nunique().between(2, len(A) / 3)]
new = [c for c in few if not {*A[c]} & {*B[c]}]
y = pd.Series(A[names[0]].factorize(sort=True)[0])
R = A[nums].corrwith(y).abs().nlargest(2)
unit = [*T.filter(regex="_unit$"), *unit[unit > 0.7].index]
yes = lambda v: "yes" if v else "no"
print("units:", yes(unit))
print("mixed spelling:", yes((mess - W.nunique()).any()))
print("empty:", yes(T.isna().any().any()))
print("codes:", yes(codes.any()))
print("new groups:", yes(new))
print("best column:", yes(R.max() > 1.6 * R.min()))
print("rare:", yes(y.max() == 1 and y.std() < 0.4))
"""


def _classes(facts: Facts) -> bool:
    return "labels" in facts["predict"] or facts["predict"] == "a number from 0 to 1"


def _labels(facts: Facts) -> bool:
    return "labels" in facts["predict"]


def _two(facts: Facts) -> bool:
    return facts["predict"] == "one of 2 labels"


def _chance(facts: Facts) -> bool:
    return facts["predict"] == "a number from 0 to 1" and facts["columns to predict"] == "1"


def _whole(facts: Facts) -> bool:
    return facts["predict"].startswith("a whole number")


def _amounts(facts: Facts) -> bool:
    return not _labels(facts) and not _chance(facts)


def _numbers(facts: Facts) -> bool:
    return _amounts(facts) and not _whole(facts)


def _scored(facts: Facts) -> bool:
    return _labels(facts) or _chance(facts)


def _advise(facts: Facts) -> Plan:
    """Take what the evidence speaks for, as measured on generated tasks."""
    groups, units = facts.get("new groups") == "yes", facts.get("units") == "yes"
    rare = _two(facts) and facts.get("rare") == "yes"
    codes = facts.get("codes") == "yes"
    gaps = codes or facts.get("empty") == "yes"
    plan = {
        "units": "units" if units else "no-units",
        "spelling": "spelling" if facts.get("mixed spelling") == "yes" else "as-written",
        "codes": "codes" if codes else "no-codes",
        "flags": "flags" if gaps and not groups else "no-flags",
        "shape": "plain" if groups else "logs",
        "align": "by-group" if groups else "by-unit" if units else "no-align",
        "doubt": "doubt" if groups and facts.get("best column") == "yes" else "trust",
        "columns": "all",
        "products": "pairs" if rare else "single",
        "model": "lasso" if rare else "kernel",
    }
    if _scored(facts):
        output = "chance" if _chance(facts) else "rare" if rare else "label"
        return plan | {"target": "classes", "output": output}
    amounts = "at least 0" in facts["predict"]
    plan["target"] = "log-values" if amounts else "values"
    return plan | {"output": "shares" if _whole(facts) else "number"}


PLAYBOOKS.register("tabular")(
    Playbook(
        name="tabular",
        modalities=("tabular",),
        look=_LOOK,
        slots=(
            Slot("load", (Choice("load", _LOAD),)),
            Slot("units", (Choice("no-units", ""), Choice("units", _UNITS, weight=2))),
            Slot("spelling", (Choice("as-written", ""), Choice("spelling", _SPELLING))),
            Slot("codes", (Choice("no-codes", ""), Choice("codes", _CODES, weight=2))),
            Slot("flags", (Choice("no-flags", ""), Choice("flags", _FLAGS, weight=2))),
            Slot("shape", (Choice("plain", ""), Choice("logs", _LOGS, weight=2))),
            Slot(
                "align",
                (
                    Choice("no-align", ""),
                    Choice("by-unit", _BY_UNIT),
                    Choice("by-group", _BY_GROUP),
                ),
            ),
            Slot("table", (Choice("table", _TABLE),)),
            Slot(
                "target",
                (
                    Choice("values", _VALUES, works=_amounts),
                    Choice("log-values", _LOG_VALUES, works=_amounts),
                    Choice("classes", _CLASSES, works=_scored),
                ),
            ),
            Slot("doubt", (Choice("trust", ""), Choice("doubt", _DOUBT, weight=0.6))),
            Slot("columns", (Choice("all", ""), Choice("top", _TOP, weight=0.5))),
            Slot("products", (Choice("single", ""), Choice("pairs", _PAIRS, weight=0.5))),
            Slot(
                "model",
                (
                    Choice("ridge", _RIDGE),
                    Choice("lasso", _LASSO),
                    Choice("kernel", _KERNEL, weight=2),
                    Choice("forest", _FOREST),
                    Choice("near", _NEAR, weight=0.5),
                ),
            ),
            Slot(
                "output",
                (
                    Choice("number", _NUMBER, works=_numbers),
                    Choice("chance", _CHANCE, works=_chance),
                    Choice("label", _LABEL, works=_labels),
                    Choice("rare", _RARE, works=_two),
                    Choice("whole", _WHOLE, works=_whole),
                    Choice("shares", _SHARES, works=_whole),
                ),
            ),
        ),
        advise=_advise,
    )
)
