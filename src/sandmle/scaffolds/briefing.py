"""What every scaffold tells an agent about its task, and the first look that scripts take at it."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath

from sandmle.core.execution import INPUT_DIR
from sandmle.core.task import Task
from sandmle.env import Environment
from sandmle.scaffolds._base import prompt_file

FILES_SHOWN = 12
"""A folder with more files than this is described by their number."""

LOOK = """\
from pathlib import Path

for path in sorted(Path("input").rglob("*.csv")):
    print(path, path.stat().st_size, "bytes")
    with path.open(encoding="utf-8") as file:
        for _, line in zip(range(4), file):
            print(line.rstrip())
"""
"""A program that prints the first lines of every table."""


def files_text(task: Task) -> str:
    """List the task's files, one a line; a folder of many is one line."""
    folders = Counter(PurePosixPath(file.path).parent for file in task.files)
    lines = []
    for file in task.files:
        folder = PurePosixPath(file.path).parent
        if folders[folder] <= FILES_SHOWN:
            lines.append(f"- {INPUT_DIR}/{file.path} ({file.bytes:,} bytes)")
    for folder, count in sorted(folders.items()):
        if count > FILES_SHOWN:
            some = next(f.path for f in task.files if PurePosixPath(f.path).parent == folder)
            lines.append(f"- {INPUT_DIR}/{folder.as_posix()}/: {count:,} files, one is {some}")
    return "\n".join(lines)


def program_system(env: Environment, *, max_steps: int, rules: str) -> str:
    """Return the system prompt of the scaffolds whose turns are a plan and one program.

    Args:
        env: Its limits, and whether variables are kept.
        max_steps: How often the policy is asked at most.
        rules: Prompt file that says which submission counts.
    """
    limits = env.limits
    return prompt_file(
        "program_system",
        variables=prompt_file("variables_kept" if env.stateful else "variables_dropped"),
        max_steps=max_steps,
        step_seconds=f"{limits.step_seconds:g}",
        total_minutes=f"{limits.total_seconds / 60:g}",
        memory_mib=limits.memory_mib,
        direction="higher" if env.task.thresholds.higher_is_better else "lower",
        rules=prompt_file(rules),
    )
