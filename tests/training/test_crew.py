"""Several processes: each plays its share of a step, one writes the run's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandmle.core.errors import UsageError
from sandmle.store.episodes import EpisodeLog
from sandmle.testing.small_training import small_recipe
from sandmle.training.crew import ALONE, Crew
from sandmle.training.run_folder import TrainingFolder


def test_shares_are_whole_apart_and_in_order() -> None:
    items = list("abcdef")
    shares = [list(Crew(rank, 3).share(items)) for rank in range(3)]
    assert [item for share in shares for item in share] == items
    assert {len(share) for share in shares} == {2}
    assert ALONE.share(items) == items
    with pytest.raises(UsageError, match="6 tasks of a step cannot be dealt to 4 processes"):
        Crew(0, 4).share(items)


@pytest.mark.isolation
def test_two_processes_play_and_learn_together(tmp_path: Path) -> None:
    recipe, out = small_recipe(tmp_path, steps=2, tasks=4), tmp_path / "run"
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    launch += ["--standalone", "-m", "sandmle", "train", str(recipe), "--out", str(out)]
    process = subprocess.Popen(
        [*launch, "--cache", str(tmp_path / "cache")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = process.communicate(timeout=240)
    finally:
        # the launcher ends its processes when it is asked to, not when it is killed
        process.terminate()
        process.wait(30)
    assert process.returncode == 0, said
    folder = TrainingFolder.open(out)
    assert [step.step for step in folder.metrics.steps()] == [1, 2]
    assert all(step.grad_norm > 0 for step in folder.metrics.steps())
    for step in (1, 2):
        episodes = list(EpisodeLog(out / "episodes" / f"step-{step:06d}.jsonl"))
        played = [episode.task_id for episode in episodes]
        assert len(played) == 8
        assert sorted(played) == sorted(2 * list(dict.fromkeys(played)))
    assert [e.step for e in folder.metrics.evaluations()] == [0, 2]
    assert (folder.policy / "model.safetensors").is_file()
