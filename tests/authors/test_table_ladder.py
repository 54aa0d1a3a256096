"""The ladder for any table: runs on mixed, ugly data, and earns its order on a real one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sandmle.authors.table import TableChoices, table_draft
from sandmle.core.draft import TaskDraft
from sandmle.core.execution import SUBMISSION, Sandbox
from sandmle.core.task import Medal
from sandmle.grading import AnswerKey, Grader
from sandmle.metrics import get_metric
from sandmle.sandbox import UnisolatedWarning, make_sandbox
from sandmle.verify import verify_draft


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnisolatedWarning)
        opened = make_sandbox("unsafe", allow_unisolated=True)
    with opened:
        yield opened


@pytest.fixture(scope="module")
def ugly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with everything that breaks scripts; `x` and `kind` carry the signal."""
    rng = np.random.default_rng(3)
    rows = 260
    x, kind = rng.normal(size=rows), rng.integers(0, 3, rows)
    y = 2 * x + kind + rng.normal(0, 0.5, rows)
    lines = ["x,kind,flag,when,né e,long,gaps,sparse,code,value,class,yes,stars"]
    for i in range(rows):
        cells = [
            f"{x[i]:.4f}",
            "" if rng.random() < 0.1 else ("None", "nan-ish", "a b")[kind[i]],
            ("True", "False", "")[rng.integers(0, 3)],
            f"20{rng.integers(10, 25)}-0{rng.integers(1, 9)}-11",
            f"N{rng.integers(0, 200)}",
            '"' + " ".join(rng.choice(["red", "wet", "old, so", "😀"], 12)) + '"',
            "" if i % 2 else f"{x[i] ** 2:.3f}",
            "1.5" if i == 7 else "",
            f"{rng.integers(0, 999):03d}",
            f"{np.exp(y[i]):.4f}",
            ("low", "None", "high")[int(np.clip(y[i] // 2 + 1, 0, 2))],
            "yes" if y[i] > 1 else "no",
            str(int(np.clip(y[i] // 1 + 2, 0, 4))),
        ]
        lines.append(",".join(cells))
    path = tmp_path_factory.mktemp("ugly") / "ugly.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def scores(draft: TaskDraft, sandbox: Sandbox) -> dict[str, float]:
    key = AnswerKey.parse(draft.answers, draft.submission)
    grader = Grader(get_metric(draft.metric), draft.submission, key)
    found = {}
    for rung in draft.ladder:
        with sandbox.open(draft.public, draft.limits) as session:
            done = session.run(rung.script)
            assert done.ok, f"{rung.name}: {done.stderr}"
            data = session.read(SUBMISSION, max_bytes=10_000_000)
        assert data is not None
        found[rung.name] = grader.score(data)
    return found


@pytest.mark.parametrize(
    ("target", "metric"),
    [
        ("value", "rmsle"),
        ("value", "mae"),
        ("class", "f1_macro"),
        ("class", "log_loss"),
        ("yes", "roc_auc"),
        ("yes", "f1"),
        ("stars", "qwk"),
    ],
)
def test_every_script_copes_with_an_ugly_table(
    ugly: Path, sandbox: Sandbox, target: str, metric: str
) -> None:
    drop = tuple(name for name in ("value", "class", "yes", "stars") if name != target)
    choices = TableChoices(drop=drop)
    draft = table_draft(ugly, target=target, seed=2, metric=metric, choices=choices)
    found = scores(draft, sandbox)
    sign = 1 if get_metric(draft.metric).higher_is_better else -1
    dummy = sign * found["dummy"]
    assert len(found) == 8
    assert all(sign * found[name] > dummy for name in ("linear", "forest", "blend", "ensemble"))


def test_the_scripts_are_deterministic(ugly: Path, sandbox: Sandbox) -> None:
    choices = TableChoices(drop=("value", "class", "stars"))
    draft = table_draft(ugly, target="yes", seed=2, choices=choices)
    assert scores(draft, sandbox) == scores(draft, sandbox)


@pytest.mark.parametrize("kind", ["numbers", "words"])
def test_numbers_alone_and_words_alone_are_enough(
    tmp_path: Path, sandbox: Sandbox, kind: str
) -> None:
    rng = np.random.default_rng(4)
    cells = rng.integers(0, 9, (300, 5)).astype(str)
    if kind == "words":
        cells = np.char.add("w", cells)
    lines = [",".join([*row, str(int(i % 60))]) for i, row in enumerate(cells)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,b,c,d,e,y", *lines]) + "\n")
    assert len(scores(table_draft(path, target="y", seed=1), sandbox)) == 8


def test_a_real_table_passes_verification(tmp_path: Path, sandbox: Sandbox) -> None:
    from sklearn.datasets import load_diabetes

    path = tmp_path / "diabetes.csv"
    load_diabetes(as_frame=True, scaled=False).frame.to_csv(path, index=False)
    reports = [verify_draft(table_draft(path, target="target", seed=s), sandbox) for s in (11, 12)]
    passed = [report for report in reports if report.passed]
    assert passed, [report.reasons for report in reports]
    report = passed[0]
    assert report.bars is not None
    assert report.bars.reference_kind == "best_pipeline"
    medals = {report.bars.thresholds.medal(rung.score) for rung in report.rungs}
    assert {Medal.NONE, Medal.GOLD} <= medals
    assert sum(rung.cpu_seconds for rung in report.rungs) < 5


def test_a_column_that_gives_the_answers_away_is_found(tmp_path: Path, sandbox: Sandbox) -> None:
    from sklearn.datasets import load_diabetes

    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame["copy"] = frame["target"] * 2 + 1
    frame.to_csv(tmp_path / "leaky.csv", index=False)
    report = verify_draft(table_draft(tmp_path / "leaky.csv", target="target", seed=1), sandbox)
    assert not report.passed
    assert any("copy" in result.detail for result in report.results)
