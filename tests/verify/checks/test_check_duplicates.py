from dataclasses import replace

import numpy as np
import pytest

from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.verify.checks import CHECKS
from sandmle.verify.context import Context

CHECK = CHECKS.get("duplicates")


def lines(data):
    return data.decode().splitlines()


def with_test(toy, rows):
    header = lines(toy.public["test.csv"])[0]
    return replace(
        toy, public={**toy.public, "test.csv": ("\n".join([header, *rows]) + "\n").encode()}
    )


def find(draft):
    fault = CHECK.find(Context(draft))
    return None if fault is None else fault.reason


def test_a_training_row_among_the_test_rows_is_caught(toy):
    test, train = lines(toy.public["test.csv"])[1:], lines(toy.public["train.csv"])[1:]
    copied = test[7].split(",")[0] + "," + ",".join(train[3].split(",")[1:-1])
    assert find(with_test(toy, [*test[:7], copied, *test[8:]])) == "duplicates.exact"


def test_training_rows_with_a_little_noise_are_caught(toy):
    test, train = lines(toy.public["test.csv"])[1:], lines(toy.public["train.csv"])[1:]
    rng = np.random.default_rng(0)
    near = []
    for row, twin in zip(test[:20], train, strict=False):
        name, cells = row.split(",")[0], twin.split(",")[1:-1]
        moved = [f"{float(cell) + 1e-3 * rng.normal():.5f}" for cell in cells[:7]]
        near.append(",".join([name, *moved, cells[7]]))
    assert find(with_test(toy, near + test[20:])) == "duplicates.near"


def text_draft(toy, test_texts):
    rng = np.random.default_rng(0)
    words = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]
    train = [" ".join(rng.choice(words, 12)) for _ in range(60)]
    test = test_texts(train, lambda: " ".join(rng.choice(words, 12)))
    ids = [f"t{i}" for i in rng.permutation(9000)[: 60 + len(test)]]
    rows = [f"{i},{t},{rng.choice(['x', 'y'])}" for i, t in zip(ids, train, strict=False)]
    asked = list(zip(ids[60:], test, strict=True))
    split = ["public", "private"] * (len(test) // 2)
    return replace(
        toy,
        metric=MetricSpec(name="accuracy"),
        submission=SubmissionSchema(
            id_column="id",
            targets=(Column(name="kind", kind="label", labels=("x", "y")),),
            rows=len(test),
        ),
        public={
            "train.csv": "\n".join(["id,words,kind", *rows]).encode(),
            "test.csv": "\n".join(["id,words", *(f"{i},{t}" for i, t in asked)]).encode(),
        },
        answers="\n".join(
            ["id,kind,split", *(f"{i},x,{s}" for (i, _), s in zip(asked, split, strict=True))]
        ).encode(),
    )


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        (None, None),
        ("duplicates.exact", lambda text: text.upper()),
        ("duplicates.near", lambda text: text[:-1] + "x"),
    ],
)
def test_copied_and_retouched_texts_are_caught(toy, reason, change):
    def texts(train, fresh):
        copies = [change(text) for text in train[:8]] if change else []
        return copies + [fresh() for _ in range(80 - len(copies))]

    assert find(text_draft(toy, texts)) == reason


def test_a_clean_draft_passes_the_duplicates_check(toy):
    assert find(toy) is None
