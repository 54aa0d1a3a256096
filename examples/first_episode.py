"""Make two tasks, let an expert script play each in the sandbox, print grade and reward."""

import asyncio
import sys
from pathlib import Path

from sandmle import (
    LadderPolicy,
    Plan,
    Setup,
    TaskSet,
    generate_tasks,
    get_reward,
    make_sandbox,
    make_scaffold,
    run_episode,
)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "tasks")
plan = Plan(count=2, families=("tabular/price-v2", "text/morph-v2"))
made = list(generate_tasks(folder, plan, root_seed=7))

react = make_scaffold("react")
with make_sandbox("warm") as sandbox:
    setup = Setup(sandbox, react, LadderPolicy(react, "expert"), get_reward("milestone"))
    for task in TaskSet.open(folder):
        episode = asyncio.run(run_episode(task, setup))
        grade, metric = episode.grade, task.task.metric.name
        print(f"{task.task.title} {metric} {grade.score:.2f}: {grade.medal.name.lower()} medal,")
        print(f"  reward {episode.reward.total:.2f}, {len(episode.steps)} steps")
