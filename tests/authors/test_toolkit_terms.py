"""The grammar of hidden rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sandmle.authors.toolkit.terms import Term, total, weights

Z = np.array([[1.0, 2.0], [-1.0, 0.5], [0.0, 3.0]])


@pytest.mark.parametrize(
    ("term", "values"),
    [
        (Term(kind="linear", of=(1,), weight=2.0), [4.0, 1.0, 6.0]),
        (Term(kind="square", of=(0,), weight=np.sqrt(2.0)), [0.0, 0.0, -1.0]),
        (Term(kind="product", of=(0, 1), weight=1.0), [2.0, -0.5, 0.0]),
        (Term(kind="hinge", of=(1,), weight=1.0, at=1.0), [2.0, 0.0, 4.0]),
    ],
)
def test_a_term_is_what_its_kind_says(term, values):
    assert np.allclose(term.value(Z), values)


@given(st.lists(st.sampled_from(["linear", "square", "product", "hinge"]), max_size=6))
def test_a_rule_is_the_sum_of_its_terms_and_survives_json(kinds):
    terms = [Term(kind=kind, of=(0, 1), weight=0.1 + i) for i, kind in enumerate(kinds)]
    summed = np.sum([term.value(Z) for term in terms], axis=0) if terms else np.zeros(3)
    assert np.allclose(total(terms, Z), summed)
    again = [Term.model_validate_json(term.model_dump_json()) for term in terms]
    assert np.array_equal(total(again, Z), total(terms, Z))


@pytest.mark.parametrize("kind", ["linear", "square", "product"])
def test_terms_of_standard_normal_latents_have_variance_near_one(kind):
    z = np.random.default_rng(0).standard_normal((50_000, 2))
    value = Term(kind=kind, of=(0, 1), weight=1.0).value(z)
    assert abs(value.var() - 1.0) < 0.05


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValidationError, match="kind"):
        Term(kind="cubic", of=(0,), weight=1.0)


@given(st.integers(0, 1_000), st.integers(1, 30))
def test_weights_have_both_signs_and_the_wanted_size(seed, count):
    drawn = weights(np.random.default_rng(seed), count, low=0.2, high=0.5)
    assert len(drawn) == count
    assert all(0.2 <= abs(weight) <= 0.5 for weight in drawn)
