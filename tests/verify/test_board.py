import numpy as np
import pytest

from sandmle.core.task import MetricSpec
from sandmle.metrics import get_metric
from sandmle.verify.board import REPLICATES, GradedRows, build_board


def graded(answers, metric="rmse", groups=None):
    return GradedRows(get_metric(metric), answers, groups, np.ones(len(answers), dtype=bool))


def test_only_graded_rows_are_scored():
    answers = np.arange(40.0)[:, None]
    rows = GradedRows(get_metric("rmse"), answers[:30], None, np.arange(40) < 30)
    wrong_elsewhere = np.where(np.arange(40)[:, None] < 30, answers, 1e6)
    board = build_board(
        rows,
        [("dummy", np.zeros((40, 1)))],
        sample=wrong_elsewhere,
        reference=wrong_elsewhere,
        rng=np.random.default_rng(0),
    )
    assert board.reference == 0.0
    assert board.rungs_R[0] < 0  # oriented: higher is better


def test_replicates_are_paired_and_scatter_like_the_mean_they_estimate():
    rng = np.random.default_rng(0)
    answers = rng.normal(size=(500, 1))
    board = build_board(
        graded(answers, "mae"),
        [("dummy", answers + 1.0), ("shifted", answers + rng.normal(size=(500, 1)))],
        sample=answers + 1.0,
        reference=answers,
        rng=rng,
    )
    assert board.rungs_BR.shape == (REPLICATES, 2)
    assert board.rungs_BR[:, 0].std() < 1e-12  # the same error in every row: no scatter at all
    expected = 0.6 / np.sqrt(500)  # standard deviation of |N(0, 1)| is 0.603
    assert board.rungs_BR[:, 1].std() == pytest.approx(expected, rel=0.25)


def test_whole_groups_are_resampled_and_copies_are_groups_of_their_own():
    groups = np.array([f"q{i // 4}" for i in range(40)], dtype=object)
    rng = np.random.default_rng(3)
    relevance = rng.integers(0, 3, size=(40, 1)).astype(float)
    rows = graded(relevance, "ndcg_at_k", groups)
    drawn = rows.resample(rng)
    assert len(drawn) == 40
    counts = np.bincount(drawn, minlength=40).reshape(10, 4)
    assert (counts == counts[:, :1]).all()
    perfect = rows.score(relevance, drawn)
    assert perfect == pytest.approx(1.0)


def test_a_resample_with_one_class_is_drawn_again():
    answers = np.zeros((60, 1))
    answers[:2] = 1.0
    board = build_board(
        graded(answers, "roc_auc"),
        [("dummy", np.zeros((60, 1)))],
        sample=np.zeros((60, 1)),
        reference=answers,
        rng=np.random.default_rng(0),
    )
    assert (board.reference_B == 1.0).all()


def test_answers_that_admit_no_score_are_an_error():
    one_class = np.zeros((60, 1))
    with pytest.raises(ValueError, match="answers"):
        build_board(
            graded(one_class, "roc_auc"),
            [("dummy", one_class)],
            sample=one_class,
            reference=one_class,
            rng=np.random.default_rng(0),
        )


def test_string_answers_score_the_same_in_replicates():
    rng = np.random.default_rng(0)
    answers = rng.choice(["a", "b"], size=(200, 1)).astype(object)
    board = build_board(
        graded(answers, "accuracy"),
        [("dummy", np.full((200, 1), "a", dtype=object))],
        sample=np.full((200, 1), "b", dtype=object),
        reference=answers,
        rng=rng,
    )
    share = float((answers == "a").mean())
    assert board.rungs_R[0] == pytest.approx(share)
    assert board.rungs_BR[:, 0] + board.sample_B == pytest.approx(np.ones(REPLICATES))


@pytest.mark.parametrize("name", ["levenshtein", "jaccard", "exact_match", "map_at_k"])
def test_replicates_of_a_mean_over_rows_are_those_of_scoring_every_resample(name):
    metric = get_metric(name)
    true, pred = get_metric("levenshtein").example(np.random.default_rng(0), 60)
    rows = graded(true[:, None], metric=name)
    board = build_board(
        rows,
        [("dummy", true[:1].repeat(60)[:, None])],
        sample=pred[:, None],
        reference=true[:, None],
        rng=np.random.default_rng(1),
    )
    again = np.random.default_rng(1)
    sign = 1 if metric.higher_is_better else -1
    slow = [sign * rows.score(pred[:, None], rows.resample(again)) for _ in range(200)]
    assert board.sample_B == pytest.approx(slow)


def test_a_metric_of_feature_means_scores_its_resamples_like_any_other():
    rng = np.random.default_rng(5)
    known, answers, other = rng.normal(size=(3, 200, 2))
    spec = MetricSpec(name="kernel_distance", params={"known": known[:50].tolist(), "radius": 0.05})
    metric = get_metric(spec)
    rows = GradedRows(metric, answers, None, np.ones(200, dtype=bool))
    board = build_board(
        rows,
        [("dummy", np.zeros((200, 2)))],
        sample=other,
        reference=answers,
        rng=np.random.default_rng(6),
        replicates=5,
    )
    again = np.random.default_rng(6)
    expected = [-rows.score(other, rows.resample(again)) for _ in range(5)]
    assert board.sample_B == pytest.approx(np.array(expected), abs=1e-9)
    assert board.reference_B == pytest.approx(np.full(5, -metric.best), abs=1e-9)


def test_replicates_of_a_mean_over_groups_are_those_of_scoring_every_resample():
    rng = np.random.default_rng(0)
    queries = np.repeat([f"q{i:02d}" for i in range(30)], 5)
    relevance = rng.integers(0, 4, (150, 1)).astype(float)
    relevance[queries == "q03"] = 0.0
    guess = relevance + rng.normal(0, 2, (150, 1))
    rows = graded(relevance, metric="ndcg_at_k", groups=queries.astype(object))
    board = build_board(
        rows,
        [("dummy", np.zeros((150, 1)))],
        sample=guess,
        reference=relevance,
        rng=np.random.default_rng(1),
    )
    again = np.random.default_rng(1)
    slow = [rows.score(guess, rows.resample(again)) for _ in range(200)]
    assert board.sample_B == pytest.approx(slow)
