"""The ladder for fresh rows: one point, independent columns, copulas, densities."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
columns = $COLUMNS
rng = np.random.default_rng(0)
count = len(test)
"""

_ALL_ROWS = """\
known = train[columns].to_numpy()
"""

_GOOD_ROWS = """\
# rows with a code for a missing reading, and rows that stand there more than once
known = train[columns].mask(train[columns] == -99).dropna().drop_duplicates().to_numpy()
"""

_MIDDLE = """\
fresh = np.tile(np.median(known, axis=0), (count, 1))
"""

_NORMAL = """\
fresh = rng.multivariate_normal(known.mean(axis=0), np.cov(known.T), size=count)
"""

_INDEPENDENT = """\
def drawn(values):
    # between the sorted values, so that nothing is repeated
    return np.quantile(values, rng.random(count))

fresh = np.column_stack([drawn(known[:, i]) for i in range(known.shape[1])])
"""

_COPULA = """\
from scipy.stats import norm

rank = known.argsort(axis=0).argsort(axis=0)
z = norm.ppf((rank + 0.5) / len(known))
drawn = rng.multivariate_normal(np.zeros(z.shape[1]), np.corrcoef(z.T), size=count)
fresh = np.column_stack(
    [np.quantile(known[:, i], norm.cdf(drawn[:, i])) for i in range(known.shape[1])]
)
"""

_TO_NORMAL = """\
from scipy.stats import norm

rank = known.argsort(axis=0).argsort(axis=0)
z = norm.ppf((rank + 0.5) / len(known))
"""

_KERNELS = """\
from sklearn.covariance import LedoitWolf

# Gaussian bumps on the rows, wide enough that hardly a draw is a copy
width = 0.45
spread = np.linalg.cholesky(LedoitWolf().fit(z).covariance_)
bumps = rng.standard_normal((count, z.shape[1])) @ spread.T
middle = z[rng.integers(0, len(z), count)] + width * bumps
"""

_MIXTURE = """\
from sklearn.mixture import GaussianMixture

fits = [
    GaussianMixture(parts, covariance_type="full", reg_covar=2e-2, n_init=3, random_state=0).fit(z)
    for parts in (1, 2, 3, 4)
]
best = min(fits, key=lambda fit: fit.bic(z))
part = rng.choice(best.n_components, size=count, p=best.weights_)
noise = rng.standard_normal((count, z.shape[1]))
roots = np.linalg.cholesky(best.covariances_)
middle = best.means_[part] + np.einsum("nij,nj->ni", roots[part], noise)
"""

_WIDE_KERNELS = """\
# every draw lies about one known row: far enough away, but wider than the source
spread = np.linalg.cholesky(np.cov(z.T))
bumps = rng.standard_normal((count, z.shape[1])) @ spread.T
middle = z[rng.integers(0, len(z), count)] + 0.75 * bumps
"""

_ROUND_CLOUDS = """\
from sklearn.mixture import GaussianMixture

fit = GaussianMixture(3, covariance_type="spherical", n_init=2, random_state=0).fit(z)
part = rng.choice(3, size=count, p=fit.weights_)
noise = rng.standard_normal((count, z.shape[1]))
middle = fit.means_[part] + np.sqrt(fit.covariances_[part])[:, None] * noise
"""

_FROM_NORMAL = """\
# by rank, so that every column has the spread of the known one
share = (middle.argsort(axis=0).argsort(axis=0) + 0.5) / count
fresh = np.column_stack([np.quantile(known[:, i], share[:, i]) for i in range(known.shape[1])])
"""

_WRITE = """\
table = pd.DataFrame(fresh, columns=columns).round(5)
table.insert(0, $ID, test[$ID])
table.to_csv("submission.csv", index=False)
"""

_RUNGS = {
    "dummy": (_ALL_ROWS, _MIDDLE),
    "normal": (_ALL_ROWS, _NORMAL),
    "naive": (_ALL_ROWS, _INDEPENDENT),
    "standard": (_GOOD_ROWS, _INDEPENDENT),
    "copula": (_GOOD_ROWS, _COPULA),
    "wide": (_GOOD_ROWS, _TO_NORMAL, _WIDE_KERNELS, _FROM_NORMAL),
    "clouds": (_GOOD_ROWS, _TO_NORMAL, _ROUND_CLOUDS, _FROM_NORMAL),
    "strong": (_GOOD_ROWS, _TO_NORMAL, _KERNELS, _FROM_NORMAL),
    "expert": (_GOOD_ROWS, _TO_NORMAL, _MIXTURE, _FROM_NORMAL),
}


def synthesis_ladder(*, id_column: str, columns: Sequence[str]) -> tuple[Baseline, ...]:
    """Return the rungs for a table with these columns."""
    return tuple(
        Baseline(name, script(_READ, *pieces, _WRITE, ID=id_column, COLUMNS=list(columns)))
        for name, pieces in _RUNGS.items()
    )
