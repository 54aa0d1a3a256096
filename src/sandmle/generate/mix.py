"""How often each family comes in a set, so that its modalities and task types have given shares."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from sandmle.authors.procedural import FAMILIES, Family
from sandmle.core.errors import UsageError, unknown
from sandmle.core.record import Record

BEYOND = "beyond the paper"
"""Group of the families whose modality or task type the paper does not have."""
MODALITY_GROUPS = {
    "image": "image",
    "tabular": "tabular",
    "timeseries": "tabular",
    "text": "text",
    "multimodal": "multimodal",
    "graph": "graph",
    "audio": "audio",
}
"""The paper's modality of each of ours; it counts series as tables."""
TYPE_GROUPS = {
    "binary_classification": "classification",
    "multiclass_classification": "classification",
    "multilabel_classification": "classification",
    "ordinal_classification": "classification",
    "object_detection": "classification",
    "regression": "regression",
    "multi_target_regression": "regression",
    "ranking": "ranking",
    "recommendation": "ranking",
    "retrieval": "ranking",
    "forecasting": "forecasting and reconstruction",
    "reconstruction": "forecasting and reconstruction",
    "text_reconstruction": "forecasting and reconstruction",
    "segmentation": "forecasting and reconstruction",
    "seq2seq": "forecasting and reconstruction",
    "image_to_sequence": "forecasting and reconstruction",
    "extractive_qa": "forecasting and reconstruction",
}
"""The paper's kind of each task type: what it calls reconstruction writes text or pictures."""
_ROUNDS = 400


class Mix(Record):
    """Shares that a set is to have; weights need not sum to 1, and an empty table asks nothing."""

    name: str = "uniform"
    modalities: dict[str, float] = Field(default_factory=dict)
    """Weight by the paper's modality: image, tabular (with series), text, multimodal ..."""
    task_types: dict[str, float] = Field(default_factory=dict)
    """Weight by the paper's kind of task: classification, regression, ranking ..."""
    families: dict[str, float] = Field(default_factory=dict)
    """Weight of single families relative to others of their kind; 1 where not given, 0 = none."""
    beyond: float | None = Field(default=None, ge=0, lt=1)
    """Share of families of neither kind (RL, generation); None: as often as any other family."""
    cap: float = Field(default=1.0, gt=0, le=1)
    """Largest share of one family, as far as there are enough families."""


UNIFORM = Mix()
PAPER = Mix(
    name="paper",
    modalities={
        "image": 49,
        "tabular": 25,
        "text": 10,
        "multimodal": 10,
        "graph": 4,
        "audio": 2,
    },
    task_types={
        "classification": 56,
        "regression": 15,
        "ranking": 3,
        "forecasting and reconstruction": 26,
    },
    beyond=0.04,
    cap=0.06,
)
"""Published mix of the paper's 912 tasks; and a twenty-fifth of what it lacks."""


def read_mix(name: str) -> Mix:
    """Return the mix called `uniform` or `paper`, or read one from a TOML file.

    Raises:
        UsageError: If there is neither such a mix nor such a file, or the file is wrong.
    """
    known = {mix.name: mix for mix in (UNIFORM, PAPER)}
    if name in known:
        return known[name]
    path = Path(name)
    if not path.is_file():
        raise unknown("mix", name, [*known, "a TOML file"])
    try:
        mix = Mix.model_validate({"name": path.stem, **tomllib.loads(path.read_text())})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} is no TOML file: {exc}") from None
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: {where}: {first['msg']}; see docs/tasks.md on mixes") from None
    _check(mix.modalities, MODALITY_GROUPS.values(), "modality")
    _check(mix.task_types, TYPE_GROUPS.values(), "kind of task")
    _check(mix.families, FAMILIES.names(), "family")
    return mix


def groups_of(modality: str, task_type: str) -> tuple[str, str]:
    """Return the paper's modality and kind of a task; both `BEYOND` where it lacks one."""
    groups = MODALITY_GROUPS.get(modality), TYPE_GROUPS.get(task_type)
    if groups[0] is None or groups[1] is None:
        return BEYOND, BEYOND
    return groups[0], groups[1]


def family_shares(families: Sequence[Family], mix: Mix) -> dict[str, float]:
    """Return the share of each family, summing to 1, by iterative proportional fitting.

    Args:
        families: Those to choose from.
        mix: Wanted shares. Groups without any family are left out of it; where marginals and cap
            contradict each other, the result lies between them.
    """
    groups = {family.name: groups_of(family.modality, family.task_type) for family in families}
    shares = {name: mix.families.get(name, 1.0) for name in groups}
    known = [name for name in groups if groups[name][0] != BEYOND and shares[name] > 0]
    other = [name for name in groups if groups[name][0] == BEYOND and shares[name] > 0]
    part = 1.0
    if mix.beyond is not None and known and other:
        part = 1.0 - mix.beyond
        _scale(shares, other, mix.beyond)
    fitted = known if part < 1.0 or not other else known + other
    _scale(shares, fitted, part)
    for _ in range(_ROUNDS):
        for axis, wanted in ((0, mix.modalities), (1, mix.task_types)):
            present = {group: [n for n in known if groups[n][axis] == group] for group in wanted}
            whole = sum(wanted[group] for group, names in present.items() if names)
            total = sum(shares[name] for name in known)
            for group, names in present.items():
                if names and whole:
                    _scale(shares, names, total * wanted[group] / whole)
        for name in known:
            shares[name] = min(shares[name], mix.cap)
        _scale(shares, fitted, part)
    return shares


def _scale(shares: dict[str, float], names: Sequence[str], total: float) -> None:
    now = sum(shares[name] for name in names)
    if now > 0:
        for name in names:
            shares[name] *= total / now


def _check(weights: Mapping[str, float], known: Iterable[str], what: str) -> None:
    names = sorted(set(known))
    for name, weight in weights.items():
        if name not in names:
            raise unknown(what, name, names)
        if weight < 0:
            raise UsageError(f"{what} {name!r} has weight {weight}; a weight is at least 0")
