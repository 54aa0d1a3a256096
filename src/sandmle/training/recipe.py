"""A recipe: everything that decides a training run, read from TOML."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from sandmle.core.errors import UsageError, unknown
from sandmle.core.record import Record
from sandmle.core.task import FeedbackMode, Limits
from sandmle.env import SubmissionRule
from sandmle.rollout.settings import TimeOutRule
from sandmle.training.evidence import Evidence

Aggregation = Literal["seq-mean-token-mean", "token-mean", "dr-grpo"]
"""How token losses become one number. `seq-mean-token-mean`: the mean over trajectories of each
one's mean (the paper's release); `token-mean`: the mean over all tokens (DAPO); `dr-grpo`: the sum
over all tokens divided by trajectories times the longest allowed (Dr. GRPO)."""


class Generate(Record):
    """Procedural tasks that are made before training; made once and kept for other runs."""

    families: tuple[str, ...]
    count: int = Field(ge=1)
    seed: int = Field(ge=0)
    difficulty: tuple[int, ...] = (0, 1, 2)


class Tables(Record):
    """Tasks of the real tables that come with scikit-learn, asked in many ways; to train on."""

    count: int = Field(ge=1)
    seed: int = Field(ge=0)


class Source(Record):
    """Tasks of one kind."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    path: str | None = None
    """Folder of tasks: generated, LLM-authored, or made of real tables."""
    generate: Generate | None = None
    tables: Tables | None = None
    families: tuple[str, ...] = ()
    """Only these families; empty: all."""
    domains: tuple[str, ...] = ()
    """Only these domains; empty: all."""
    without_domains: tuple[str, ...] = ()
    """Not these: wordings that are kept for evaluation."""
    weight: float | tuple[tuple[int, float], ...] = 1.0
    """Share of the drawn tasks, relative to the other sources; or `[[step, weight], ...]`, linear
    in between and constant outside."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if [self.path, self.generate, self.tables].count(None) != 2:
            raise ValueError(f"source {self.name!r} needs one of path, generate and tables")
        return self


class EvaluationSet(Record):
    """Held-out tasks that are played during the run."""

    source: Source
    samples: int = Field(default=1, ge=1)
    """Episodes of each task."""
    evidence: Evidence = "own"
    """What the prompt says of a task; see `sandmle.training.evidence`."""
    every: int = Field(default=0, ge=0)
    """Steps between two evaluations; 0: only before the first and after the last step."""
    scaffold: str | None = None
    """Another scaffold than the one trained on."""
    scaffold_options: dict[str, Any] = Field(default_factory=dict)


class Curriculum(Record):
    """Which tasks come how often."""

    band: tuple[float, float] | None = None
    """Success rates between which a task teaches most; None: success does not matter."""
    outside: float = Field(default=0.25, gt=0, le=1)
    """How often a task outside the band is drawn, relative to one within it."""
    memory: float = Field(default=0.7, ge=0, lt=1)
    """Weight of the past in a task's running success rate."""
    difficulty: tuple[tuple[int, float], ...] = ()
    """`[[step, level], ...]`: highest level of difficulty drawn, linear in between; empty: all."""


class PolicySettings(Record):
    """The model that is trained, and how it is sampled."""

    model: str | None = None
    """A folder, or a name on the hub."""
    max_new_tokens: int = Field(default=256, ge=1)
    """Of one turn."""
    context_tokens: int = Field(default=1_024, ge=1)
    """Of a whole trajectory."""
    temperature: float = Field(default=1.0, gt=0)
    engine: Literal["local", "vllm"] = "local"
    """What samples it: the model that is trained, or vLLM, which TRL gives the weights to."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    threads: int | None = Field(default=None, ge=1)
    """Processor threads of torch; None: unchanged."""


class AgentSettings(Record):
    """How episodes are played and paid."""

    scaffold: str = "react"
    scaffold_options: dict[str, Any] = Field(default_factory=dict)
    max_steps: int = Field(default=15, ge=1)
    reward: str = "milestone"
    feedback: FeedbackMode = "public"
    counts: SubmissionRule = "last"
    time_outs: TimeOutRule = "mask"
    limits: Limits | None = None
    sandbox: str = "warm"
    concurrency: int = Field(default=64, ge=1)
    """Episodes at once; of training steps all that belong to the step."""


class GrpoSettings(Record):
    """Trajectory-wise GRPO (arXiv 2604.04872) as TRL's GRPOTrainer carries it out."""

    steps: int = Field(ge=1)
    """Rounds of sampling and updating."""
    tasks_per_step: int = Field(default=16, ge=1)
    group_size: int = Field(default=4, ge=2)
    minibatches: int = Field(default=1, ge=1)
    """Updates of one round; from the second on, importance ratios differ from 1."""
    micro_batch: int = Field(default=16, ge=1)
    """Trajectories in one forward pass."""
    learning_rate: float = Field(default=1e-6, gt=0)
    clip_low: float = Field(default=0.2, gt=0)
    clip_high: float = Field(default=0.28, gt=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    loss: Aggregation = "seq-mean-token-mean"
    advantage_scale: Literal["group", "none"] = "group"
    """Whether advantages are divided by the group's standard deviation."""
    resample: int = Field(default=0, ge=0)
    """How often groups without signal are replaced by groups of other tasks, at most."""
    checkpoint_every: int = Field(default=10, ge=1)
    """Steps between checkpoints."""
    keep_checkpoints: int = Field(default=2, ge=2)

    @model_validator(mode="after")
    def _batches_fit(self) -> Self:
        trajectories = self.tasks_per_step * self.group_size
        if trajectories % (self.minibatches * self.micro_batch):
            raise ValueError(
                f"tasks_per_step {self.tasks_per_step} x group_size {self.group_size} = "
                f"{trajectories} trajectories cannot be dealt to minibatches {self.minibatches} x "
                f"micro_batch {self.micro_batch}; choose numbers whose product divides it"
            )
        return self


class SftSettings(Record):
    """Supervised learning on experts' trajectories, before or instead of GRPO."""

    data: str | None = None
    """File that `sandmle sft-data` wrote; None: experts play the tasks to train on."""
    per_task: int = Field(default=8, ge=1)
    """Experts that play each task, without `data`."""
    epochs: float = Field(default=2.0, gt=0)
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    min_reward: float | None = None
    """Leave out trajectories that earned less."""


class Tracking(Record):
    """Where metrics go besides `metrics.jsonl`."""

    to: tuple[Literal["tensorboard", "trackio", "wandb"], ...] = ()
    project: str = "sandmle"


class Recipe(Record):
    """A training run.

    Raises:
        ValueError: If settings contradict each other.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    summary: str = ""
    """What it is for, and what it costs."""
    seed: int = Field(default=0, ge=0)
    policy: PolicySettings = PolicySettings()
    agent: AgentSettings = AgentSettings()
    sft: SftSettings | None = None
    grpo: GrpoSettings | None = None
    train: tuple[Source, ...] = ()
    curriculum: Curriculum = Curriculum()
    evaluate: tuple[EvaluationSet, ...] = ()
    tracking: Tracking = Tracking()
    trainer: dict[str, Any] = Field(default_factory=dict)
    """More for `trl.GRPOConfig`: `{"bf16": true, "activation_checkpointing": true}`."""

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if self.sft is None and self.grpo is None and not self.evaluate:
            raise ValueError("a recipe needs [sft], [grpo] or [[evaluate]]")
        if self.grpo is not None and not self.train:
            raise ValueError("[grpo] needs tasks to train on: [[train]]")
        if self.sft is not None and self.sft.data is None and not self.train:
            raise ValueError("[sft] needs data, or tasks that experts play: [[train]]")
        names = [s.name for s in self.train] + [e.source.name for e in self.evaluate]
        if len(set(names)) < len(names):
            raise ValueError(f"names of sources must differ, got {', '.join(names)}")
        return self


def shipped_recipes() -> list[str]:
    """Return the names of the recipes in the package."""
    folder = files("sandmle.recipes")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith("toml"))


def read_recipe(name: str, *, changes: dict[str, Any] | None = None) -> Recipe:
    """Read a recipe; one with `base = "OTHER"` says only what differs from another recipe.

    Args:
        name: A shipped recipe's name, or the path of a TOML file.
        changes: Settings to replace, by dotted key: `{"grpo.steps": 2}`.

    Raises:
        UsageError: If there is no such recipe, or a key or value is wrong.
    """
    table = _table(name)
    for key, value in (changes or {}).items():
        _set(table, key.split("."), value)
    try:
        return Recipe.model_validate(table)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the recipe"
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            said = "there is no such setting; docs/training.md lists them"
        raise UsageError(f"recipe {name}, {where}: {said}") from None


def _table(name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read a recipe's settings over those of its base."""
    if name in above:
        raise UsageError(f"recipe {name} is its own base: {' > '.join((*above, name))}")
    path = Path(name).expanduser()
    if path.suffix == ".toml":
        if not path.is_file():
            raise UsageError(f"there is no recipe {path}; `sandmle list recipes` shows the shipped")
        text = path.read_text(encoding="utf-8")
    elif name in shipped_recipes():
        text = files("sandmle.recipes").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise unknown("recipe", name, shipped_recipes())
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"recipe {name} is not valid TOML: {exc}") from None
    base = table.pop("base", None)
    if base is None:
        return table
    if base.endswith(".toml"):
        base = str(path.parent / Path(base).expanduser())
    return _over(_table(base, (*above, name)), table)


def _over(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """Lay settings over a base's: parts are merged, lists replaced, and `false` drops a part."""
    both = dict(base)
    for key, value in table.items():
        below = base.get(key)
        if isinstance(below, dict) and value is False:
            del both[key]
        elif isinstance(below, dict) and isinstance(value, dict):
            both[key] = _over(below, value)
        else:
            both[key] = value
    return both


def _set(table: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        table = table.setdefault(key, {})
    table[keys[-1]] = value
