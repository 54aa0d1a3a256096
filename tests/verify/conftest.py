"""A small clean draft that every check passes, made without any author, and its measurement."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from sandmle.core.draft import Baseline, Reference, TaskDraft
from sandmle.core.execution import Sandbox
from sandmle.core.task import Column, MetricSpec, Provenance, SubmissionSchema
from sandmle.sandbox import SANDBOXES
from sandmle.verify.context import Context
from sandmle.verify.ladder import run_ladder
from sandmle.verify.thresholds import place

TRAIN, TEST = 120, 400

_IRRELEVANT = ("frost", "shade", "slope", "depth")

_SCRIPT = """
import numpy as np, pandas as pd
train, test = pd.read_csv("input/train.csv"), pd.read_csv("input/test.csv")
def design(t):
    columns = [np.ones(len(t))]
    {columns}
    return np.stack(columns, axis=1)
weights = np.linalg.lstsq(design(train), train["crop"].to_numpy(), rcond=None)[0]
test["crop"] = design(test) @ weights
test[["plot", "crop"]].to_csv("submission.csv", index=False)
"""

_STEPS = {
    "dummy": "",
    "naive": "columns += [t['sun']]",
    "standard": "columns += [t['sun'], t['soil'] == 'clay']",
    "strong": "columns += [t['sun'], t['rain'], t['soil'] == 'clay']",
    "expert": "columns += [t['sun'], t['rain'], t['soil'] == 'clay', t['rain'] * t['wind']]",
}

_PAGE = """# Harvest

Predict the crop of a plot.

## Files

- `train.csv`: plots with their crop
- `test.csv`: plots without
- `sample_submission.csv`: a valid submission

There are 120 labelled training samples and 400 test samples.

## Columns

- `plot`: number of the plot
- `sun`: sunshine, standard units
- `rain`: rain, standard units
- `wind`: wind, standard units
- `frost`: days of frost, standard units
- `shade`: shade, standard units
- `slope`: slope, standard units
- `depth`: depth of the soil, standard units
- `soil`: kind of soil
- `crop`: the target

## Evaluation

The metric is root mean squared error; lower is better.

## Submission

One line per test sample (400 lines and a header):

```
plot,crop
{first},0
```

- `plot`: the id
- `crop`: a number
"""


def _csv(columns: dict[str, list[str]]) -> bytes:
    lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    return ("\n".join(lines) + "\n").encode()


def make_toy(seed: int = 0) -> TaskDraft:
    rng = np.random.default_rng(seed)
    count = TRAIN + TEST
    sun, rain, wind, noise = rng.normal(size=(4, count))
    soil = rng.choice(["clay", "sand"], size=count)
    mean = 1.5 * sun + 1.2 * rain + 1.5 * rain * wind + 1.5 * (soil == "clay")
    crop = mean + 0.3 * noise
    ids = [f"p{number}" for number in rng.permutation(9000)[:count] + 1000]
    # four columns without meaning, so that the nearest training row is no good guide
    numbers = dict(zip(_IRRELEVANT, rng.normal(size=(4, count)), strict=True))
    numbers = {"sun": sun, "rain": rain, "wind": wind, **numbers}
    text = {
        "plot": ids,
        **{name: [f"{value:.4f}" for value in column] for name, column in numbers.items()},
        "soil": list(soil),
    }
    train = {name: cells[:TRAIN] for name, cells in text.items()}
    test = {name: cells[TRAIN:] for name, cells in text.items()}
    wanted = [f"{value:.4f}" for value in crop]
    split = ["public" if i < 120 else "private" for i in rng.permutation(TEST)]
    page = _PAGE.format(first=test["plot"][0])
    keyed = {"plot": test["plot"]}
    return TaskDraft(
        family="tabular/toy-v1",
        title="Harvest",
        description=page,
        modality="tabular",
        task_type="regression",
        metric=MetricSpec(name="rmse"),
        submission=SubmissionSchema(
            id_column="plot", targets=(Column(name="crop", kind="number"),), rows=TEST
        ),
        train_rows=TRAIN,
        public={
            "description.md": page.encode(),
            "train.csv": _csv({**train, "crop": wanted[:TRAIN]}),
            "test.csv": _csv(test),
            "sample_submission.csv": _csv({**keyed, "crop": ["0"] * TEST}),
        },
        answers=_csv({**keyed, "crop": wanted[TRAIN:], "split": split}),
        ladder=tuple(Baseline(n, _SCRIPT.format(columns=step)) for n, step in _STEPS.items()),
        reference=Reference(
            "oracle", _csv({**keyed, "crop": [f"{value:.4f}" for value in mean[TRAIN:]]})
        ),
        rule={"sun_weight": 1.51234, "rain_weight": 1.2, "offsets": [0.314159, 0.271828]},
        skills=("product_feature",),
        provenance=Provenance(author="test", sandmle_version="0"),
        recipe={"author": "test", "seed": "211034902182930485"},
    )


@pytest.fixture(scope="session")
def toy() -> TaskDraft:
    return make_toy()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with SANDBOXES.get("unsafe")(slots=1) as made:
        yield made


@pytest.fixture(scope="session")
def measure(sandbox: Sandbox) -> Callable[[TaskDraft], Context]:
    """Run a draft's ladder, whatever checks say of it."""

    def run(draft: TaskDraft) -> Context:
        from sandmle.verify.context import Measured

        context = Context(draft)
        ladder = run_ladder(draft, sandbox, context.grader)
        board = ladder.board(context.graded, np.random.default_rng(0))
        outcome = place(board, kind=draft.reference.kind)
        context.measured = Measured(ladder, board, outcome)
        return context

    return run


@pytest.fixture(scope="session")
def measured_toy(measure: Callable[[TaskDraft], Context], toy: TaskDraft) -> Context:
    return measure(toy)


@pytest.fixture
def changed(toy: TaskDraft, measured_toy: Context) -> Callable[..., Context]:
    """The toy with other fields, held against the clean toy's ladder and bars."""
    from dataclasses import replace

    def change(**fields: object) -> Context:
        context = Context(replace(toy, **fields))  # type: ignore[arg-type]  # any field of a draft
        context.measured = measured_toy.measured
        return context

    return change
