"""The skins of tables: complete, distinct, and free of what would give a task away."""

import numpy as np
import pytest

from sandmle.authors.toolkit.columns import render
from sandmle.authors.toolkit.domains import wardrobe
from sandmle.core.errors import UsageError

KINDS = ("price", "groups", "imbalanced")


def skins(kind):
    return wardrobe(kind).scenes


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_is_told_in_at_least_seven_domains(kind):
    assert len({skin.domain for skin in skins(kind)}) >= 7
    assert len({skin.key for skin in skins(kind)}) == len(skins(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_names_within_a_skin_are_distinct_and_plain(kind):
    for skin in skins(kind):
        names = [skin.id_column, skin.target]
        names += [field.name for field in (*skin.fields, *skin.measures, *skin.afterthoughts)]
        names += [category.name for category in skin.categories]
        names += [f"{measure.name}_unit" for measure in skin.measures]
        if skin.place is not None:
            names += [skin.place.name, skin.place.clock.name]
        assert len(set(names)) == len(names), skin.key
        assert all(name.isidentifier() and name.islower() for name in names), skin.key


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_a_skin_are_told_apart_by_their_first_letters(kind):
    for skin in skins(kind):
        for category in skin.categories:
            assert len(set(category.values)) == len(category.values), category.name
            assert all(value == value.lower().strip() for value in category.values), category.name


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_written_fine_enough_to_keep_what_is_behind_them(kind):
    latent = np.linspace(-2.5, 2.5, 101)
    for skin in skins(kind):
        for field in (*skin.fields, *skin.measures):
            values = render(field, latent)
            assert len(np.unique(values)) > 30, (skin.key, field.name)
            if field.shape != "normal":
                assert values.min() > 0, (skin.key, field.name)


def test_units_of_a_measure_are_far_enough_apart_to_be_told_by_eye():
    for skin in skins("price"):
        for measure in skin.measures:
            shift = abs(np.log(measure.factor))
            assert shift > 1.8 * measure.spread, (skin.key, measure.name)


def test_each_kind_has_the_columns_that_its_family_needs():
    for skin in skins("price"):
        assert (len(skin.measures), len(skin.categories)) == (2, 2)
        assert skin.centre > 0
    for skin in skins("groups"):
        assert skin.place is not None
        assert len(skin.afterthoughts) == 2
        assert all(skin.exported)
    for skin in skins("imbalanced"):
        assert len(skin.fields) >= 7
        assert len(skin.categories) == 2


def test_a_story_is_drawn_from_the_skin_and_a_closing():
    clothes = wardrobe("price")
    rng = np.random.default_rng(0)
    told = {clothes.tell(clothes.scenes[0], rng) for _ in range(60)}
    assert len(told) > 10
    assert {title for title, _ in told} == set(clothes.scenes[0].titles)


def test_an_unknown_skin_is_named_with_a_suggestion():
    with pytest.raises(UsageError, match="Did you mean 'vans'"):
        wardrobe("price").get("van")
