import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.core.errors import UsageError
from sandmle.generate import Plan, SetRecord, generate_tasks, read_outcomes, read_set
from sandmle.seeds import get_seed
from sandmle.store.atomic import write_file
from sandmle.store.tasks import TaskSet

PLAN = Plan(count=2, families=("timeseries/panel-v2", "tabular/price-v2"))


def manifests(out: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in sorted(out.glob("*/manifest.json"))}


@pytest.fixture(scope="module")
def made(tmp_path_factory, tools):
    out = tmp_path_factory.mktemp("made") / "set"
    outcomes = list(generate_tasks(out, PLAN, root_seed=3, tools=tools))
    return out, outcomes


@pytest.fixture(scope="module")
def secret(tmp_path_factory, tools):
    """A set with the root seed that it gets by itself."""
    out = tmp_path_factory.mktemp("secret") / "set"
    list(generate_tasks(out, Plan(count=1, families=("timeseries/panel-v2",)), tools=tools))
    return out


def test_a_set_has_a_task_for_every_order(made):
    out, outcomes = made
    tasks = TaskSet.open(out)
    assert [task_dir.path.name for task_dir in tasks] == [
        "0000-timeseries-panel-v2",
        "0001-tabular-price-v2",
    ]
    assert [task_dir.task.id for task_dir in tasks] == [outcome.task_id for outcome in outcomes]
    assert not any(task_dir.problems() for task_dir in tasks)


def test_another_process_with_other_hashes_threads_and_jobs_makes_the_same_bytes(made, tmp_path):
    code = (
        "from pathlib import Path\n"
        "from sandmle.generate import Plan, generate_tasks\n"
        f"plan = Plan.model_validate_json({PLAN.model_dump_json()!r})\n"
        f"list(generate_tasks(Path({str(tmp_path / 'set')!r}), plan, root_seed=3, jobs=2))\n"
    )
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "12345",
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert manifests(tmp_path / "set") == manifests(made[0])


def test_the_same_call_again_makes_nothing_new(made, tools):
    out, outcomes = made
    before = manifests(out)
    again = list(generate_tasks(out, PLAN, root_seed=3, tools=tools))
    assert all(outcome.resumed for outcome in again)
    assert [outcome.task_id for outcome in again] == [outcome.task_id for outcome in outcomes]
    assert manifests(out) == before


def test_a_set_that_was_cut_off_is_finished_by_the_same_call(tmp_path, tools):
    running = generate_tasks(tmp_path / "set", PLAN, tools=tools)
    first = next(running)
    running.close()
    assert len(manifests(tmp_path / "set")) == 1
    log = tmp_path / "set" / "private" / "outcomes.jsonl"
    log.write_text(log.read_text() + '{"order": {"index": 1, "fam')  # killed while writing
    rest = list(generate_tasks(tmp_path / "set", PLAN, tools=tools))
    assert [outcome.resumed for outcome in rest] == [True, False]
    assert rest[0].task_id == first.task_id
    assert sorted(read_outcomes(tmp_path / "set")) == [0, 1]


def test_a_longer_plan_keeps_what_is_there(made, tmp_path, tools):
    out = tmp_path / "set"
    only = Plan(count=1, families=PLAN.families)
    list(generate_tasks(out, only, root_seed=3, tools=tools))
    longer = list(generate_tasks(out, PLAN, tools=tools))
    assert [outcome.resumed for outcome in longer] == [True, False]
    assert manifests(out) == manifests(made[0])


@pytest.mark.parametrize(
    ("plan", "seed", "word"),
    [
        (Plan(count=2), 3, "plan"),
        (Plan(count=1, families=PLAN.families), 3, "plan"),
        (PLAN, 4, "root seed"),
    ],
)
def test_another_plan_or_seed_in_the_same_folder_is_refused(made, plan, seed, word):
    before = manifests(made[0])
    with pytest.raises(UsageError, match=f"another {word}.*--force"):
        next(generate_tasks(made[0], plan, root_seed=seed))
    assert manifests(made[0]) == before


def test_force_throws_the_old_set_away(tmp_path, tools):
    out = tmp_path / "set"
    list(
        generate_tasks(
            out, Plan(count=1, families=("timeseries/panel-v2",)), root_seed=3, tools=tools
        )
    )
    list(
        generate_tasks(
            out, Plan(count=1, families=("tabular/price-v2",)), root_seed=3, force=True, tools=tools
        )
    )
    assert list(manifests(out)) == ["0000-tabular-price-v2"]
    assert sorted(read_outcomes(out)) == [0]


def test_a_negative_root_seed_is_refused(tmp_path):
    with pytest.raises(UsageError, match="at least 0"):
        next(generate_tasks(tmp_path / "set", PLAN, root_seed=-1))
    assert not (tmp_path / "set").exists()


def attack(task, guesses):
    """Try root seeds with all that is public, and return the one that gives the task back."""
    family = FAMILIES.get(task.family)
    dna = get_seed(task.provenance.seed_task).dna()
    from sandmle.generate import Order

    for guess in guesses:
        order = Order(
            index=0,
            family=task.family,
            seed_id=task.provenance.seed_task,
            difficulty=task.provenance.difficulty,
        )
        draft = family.draft(dna, order.seed(guess, 0), difficulty=order.difficulty)
        if draft.task_id() == task.id:
            return guess
    return None


def test_a_public_generator_is_no_way_to_the_answers(secret):
    task_dir = next(iter(TaskSet.open(secret)))
    assert attack(task_dir.task, range(25)) is None
    digits = int(task_dir.task.id.rpartition(":")[2], 16)
    assert attack(task_dir.task, [digits]) is None
    # a space that cannot be searched
    assert int(read_set(secret).root_seed).bit_length() > 100


def test_a_small_root_seed_of_one_s_own_is_guessable_as_documented(made):
    task_dir = TaskSet.open(made[0]).get("0000-timeseries-panel-v2")
    if read_outcomes(made[0])[0].attempts[0].passed:
        assert attack(task_dir.task, range(5)) == 3


def test_nothing_public_holds_a_seed(secret):
    task_dir = next(iter(TaskSet.open(secret)))
    root = int(read_set(secret).root_seed)
    own = int(task_dir.hidden.recipe["seed"])
    public = [path for path in task_dir.public.rglob("*") if path.is_file()]
    texts = [path.read_bytes() for path in [*public, task_dir.path / "task.json"]]
    texts.append(str(task_dir.path).encode())
    for seed in (root, own):
        for form in (str(seed), f"{seed:x}", f"{seed:X}", json.dumps(seed)):
            assert not any(form.encode() in text for text in texts)


def test_a_set_of_the_tool_s_own_seed_differs_from_every_other(secret, tmp_path, tools):
    list(
        generate_tasks(
            tmp_path / "set", Plan(count=1, families=("timeseries/panel-v2",)), tools=tools
        )
    )
    assert manifests(tmp_path / "set") != manifests(secret)


def test_a_set_of_all_families_is_not_mixed_with_another_catalogue(tmp_path, tools):
    out = tmp_path / "set"
    write_file(
        out / "private" / "set.json",
        SetRecord(root_seed="1", plan=Plan(count=1), families=("gone/v1",), sandmle_version="0")
        .model_dump_json()
        .encode(),
    )
    with pytest.raises(UsageError, match="another catalogue of families"):
        next(generate_tasks(out, Plan(count=1), tools=tools))
