"""The policy in the package: its size, its form, and that it learns from experts by a recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandmle.core.policy import Message
from sandmle.nano import checkpoint_path
from sandmle.policies import MODELS, ModelSettings
from sandmle.rollout.run_dir import RunDir
from sandmle.sandbox import make_sandbox
from sandmle.scaffolds.card import card
from sandmle.scaffolds.plans import mismatch
from sandmle.scaffolds.react_format import Python, parse
from sandmle.store import TaskDir
from sandmle.training.metrics_log import EvaluationMetrics, StepMetrics
from sandmle.training.nano import FAMILIES, POSITIONS, load_policy
from sandmle.training.recipe import Generate, Source, read_recipe
from sandmle.training.run_folder import TrainingFolder
from sandmle.training.session import Tasks, train
from sandmle.training.sources import open_source

MOST_BYTES = 25 * 10**6


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[TaskDir]:
    made = Generate(families=FAMILIES[:1], count=2, seed=3)
    return open_source(Source(name="t", generate=made), cache=tmp_path_factory.mktemp("cache"))


def test_the_package_carries_a_small_checkpoint() -> None:
    folder = Path(checkpoint_path("nano"))
    assert sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) < MOST_BYTES
    model, tokenizer = load_policy("nano")
    assert not [token for token in tokenizer.get_vocab() if "site-packages" in token]
    assert model.config.max_position_embeddings == POSITIONS
    assert model.config.vocab_size == len(tokenizer)


async def test_it_answers_a_card_with_a_planned_program(tasks: list[TaskDir]) -> None:
    make = MODELS.get("local")
    model = make(ModelSettings(model="nano", temperature=0.0, max_new_tokens=112))
    system = Path(card.__code__.co_filename).with_name("prompts") / "react_card_system.md"
    try:
        said = await model.policy(seed=1).act(
            [
                Message(role="system", content=system.read_text(encoding="utf-8").strip()),
                Message(role="user", content=card(tasks[0].task)),
            ]
        )
    finally:
        await model.close()
    turn = parse(said.text)
    assert isinstance(turn.action, Python)
    assert mismatch(turn.think, turn.action.code) is None
    compile(turn.action.code, "turn", "exec")


class Heard:
    """What a run says of itself."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def said(self, text: str) -> None:
        self.lines.append(text)

    def stepped(self, metrics: StepMetrics) -> None:
        raise AssertionError("there are no steps")

    def evaluated(self, metrics: EvaluationMetrics) -> None:
        raise AssertionError("there is nothing to evaluate")


@pytest.mark.isolation
def test_it_imitates_experts_that_play_the_tasks_to_train_on(
    tasks: list[TaskDir], tmp_path: Path
) -> None:
    recipe = read_recipe(
        "sft-only",
        changes={
            "sft.per_task": 2,
            "sft.epochs": 4,
            "sft.min_reward": None,
            "evaluate": [],
            "policy.threads": 1,
        },
    )
    heard = Heard()
    with TrainingFolder.claim(tmp_path / "run", recipe) as folder, make_sandbox("warm") as box:
        chosen = Tasks(train=((recipe.train[0], tasks),), evaluate=())
        train(recipe, folder, chosen, sandbox=box, listener=heard)
    played = list(RunDir(folder.path / "sft" / "experts").log)
    assert sorted(e.task_id for e in played) == sorted(t.task.id for t in tasks for _ in range(2))
    assert all(e.policy.startswith("expert:") for e in played)
    assert "supervised learning on 4 trajectories" in heard.lines
    trained, _ = load_policy(str(folder.policy))
    before, _ = load_policy("nano")
    pairs = zip(trained.parameters(), before.parameters(), strict=True)
    assert not any(a.equal(b) for a, b in pairs)
