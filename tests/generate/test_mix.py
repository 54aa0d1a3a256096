"""How often each family comes: shares by modality, kind of task and cap."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.authors.procedural import FAMILIES
from sandmle.core.errors import UsageError
from sandmle.generate import PAPER, UNIFORM, Mix, Plan, family_shares, groups_of, orders, read_mix

CLASSIFY, REGRESS, RESTORE = "multiclass_classification", "regression", "reconstruction"


def family(name, modality, task_type):
    return SimpleNamespace(name=name, modality=modality, task_type=task_type)


SOME = [
    *(family(f"image/c{i}", "image", CLASSIFY) for i in range(5)),
    *(family(f"image/r{i}", "image", RESTORE) for i in range(3)),
    *(family(f"tabular/c{i}", "tabular", CLASSIFY) for i in range(2)),
    *(family(f"timeseries/r{i}", "timeseries", REGRESS) for i in range(2)),
    family("rl/bandit", "rl", "offline_rl"),
]


def test_without_wishes_every_family_comes_equally_often():
    shares = family_shares(SOME, UNIFORM)
    assert list(shares.values()) == pytest.approx([1 / len(SOME)] * len(SOME))


def test_marginals_of_modality_and_kind_are_met_together():
    mix = Mix(
        modalities={"image": 60, "tabular": 40},
        task_types={"classification": 50, "regression": 25, "forecasting and reconstruction": 25},
    )
    shares = family_shares([f for f in SOME if f.modality != "rl"], mix)
    image = sum(share for name, share in shares.items() if name.startswith("image"))
    classify = sum(share for name, share in shares.items() if "/c" in name)
    assert image == pytest.approx(0.6, abs=0.005)
    assert classify == pytest.approx(0.5, abs=0.005)


def test_what_the_paper_lacks_gets_its_own_share():
    shares = family_shares(SOME, Mix(modalities={"image": 1, "tabular": 1}, beyond=0.1))
    assert shares["rl/bandit"] == pytest.approx(0.1)
    assert groups_of("rl", "offline_rl")[0] == groups_of("tabular", "generation")[0]


def test_a_weight_of_zero_leaves_a_family_out():
    shares = family_shares(SOME, Mix(families={"image/c0": 0.0, "image/c1": 3.0}))
    assert shares["image/c0"] == 0
    assert shares["image/c1"] == pytest.approx(3 * shares["image/c2"])


@given(
    st.lists(st.sampled_from(SOME), min_size=1, unique_by=lambda f: f.name),
    st.dictionaries(st.sampled_from(["image", "tabular", "audio"]), st.floats(0.1, 9)),
    st.floats(0.05, 1.0),
)
def test_shares_always_sum_to_one_and_none_is_negative(families, modalities, cap):
    shares = family_shares(families, Mix(modalities=modalities, cap=cap))
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) >= 0


def test_the_cap_holds_where_there_are_enough_families():
    mix = Mix(modalities={"image": 9, "tabular": 1}, cap=0.12)
    image = [f for f in SOME if f.modality == "image"]
    assert max(family_shares(image + SOME[8:10], mix).values()) <= 0.125


def test_every_family_has_a_group_of_the_paper_or_none_of_both():
    for name in FAMILIES:
        kind = FAMILIES.get(name)
        beyond = groups_of(kind.modality, kind.task_type)[0] == "beyond the paper"
        assert beyond == (kind.modality == "rl" or kind.task_type == "generation"), name


@pytest.mark.parametrize("mix", [UNIFORM, PAPER], ids=lambda mix: mix.name)
def test_counts_of_families_stay_within_one_of_their_shares(mix):
    shares = family_shares([FAMILIES.get(name) for name in FAMILIES], mix)
    made = [order.family for order in orders(Plan(count=300, mix=mix))]
    for name, share in shares.items():
        assert abs(made.count(name) - 300 * share) <= 2, name


def test_a_mix_is_read_from_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("cap = 0.5\n[modalities]\nimage = 1\ntext = 3\n")
    mix = read_mix(str(path))
    assert (mix.name, mix.cap, mix.modalities) == ("mine", 0.5, {"image": 1.0, "text": 3.0})
    assert read_mix("paper") == PAPER


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[modalities]\nimages = 1", "Did you mean 'image'"),
        ("[modalities]\nimage = -1", "has weight -1"),
        ("[families]\n'image/textur' = 1", "Did you mean 'image/texture"),
        ("cap = 2", "cap: Input should be less than or equal to 1"),
        ("bogus = 2", "bogus: Extra inputs"),
        ("=", "is no TOML file"),
    ],
)
def test_a_wrong_file_gets_one_clear_error(tmp_path, content, complaint):
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(UsageError, match=complaint):
        read_mix(str(path))


def test_an_unknown_mix_is_named():
    with pytest.raises(UsageError, match="Did you mean 'paper'"):
        read_mix("papr")
