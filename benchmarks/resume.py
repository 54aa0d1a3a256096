"""Kills the driver of a run again and again and compares what is left with an undisturbed run.

    python benchmarks/resume.py [--quick] [--json]

Plays ladders on tiny tasks in a process of its own, which is killed with SIGKILL at random moments
(20; with --quick 4) and started again with the same command until the run is whole. Says whether
the set of episodes and their grades equal those of a run that nobody disturbed, how many records
there are twice, and how long processes of the killed runs stayed alive at most.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from sandmle.rollout.run_dir import RunDir
from sandmle.sandbox._process_tree import tree
from sandmle.testing.tiny_task import tiny_task
from sandmle.view.run_diff import run_diff


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="4 kills instead of 20")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), kills=4 if options.quick else 20, seed=options.seed)
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        for name, value in found.items():
            print(f"{name}: {value}")
    sys.exit(0 if found["equal"] and not found["duplicates"] else 1)


def measure(folder: Path, *, kills: int, seed: int) -> dict[str, object]:
    """Play an undisturbed run and a killed one, and compare them."""
    rng = random.Random(seed)
    for number in range(8):
        tiny_task(folder / "tasks" / f"t{number}", name=f"t{number}")
    began = time.monotonic()
    start(folder, "calm", group_size=3 * kills).wait()
    seconds = time.monotonic() - began
    done, longest, early = 0, 0.0, 0
    while done < kills:
        driver = start(folder, "killed", group_size=3 * kills)
        # uniform over twice the time of a kill's share: from the start-up to well in the middle
        time.sleep(rng.uniform(0.05, 1.0 + 2 * seconds / kills))
        family = tree(driver.pid)
        if driver.poll() is not None:
            early += 1
            break
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        done += 1
        longest = max(longest, until_gone(family[1:]))
    start(folder, "killed", group_size=3 * kills).wait()
    calm, killed = RunDir(folder / "calm"), RunDir(folder / "killed")
    diff = run_diff(calm.log, killed.log)
    records = Counter((episode.task_id, episode.replica) for episode in killed.log)
    return {
        "kills": done,
        "ended_before_all_kills": bool(early),
        "episodes": len(records),
        "equal": diff.equal_grades,
        "duplicates": sum(count - 1 for count in records.values()),
        "longest_seconds_alive_after_a_kill": round(longest, 2),
        "undisturbed_seconds": round(seconds, 1),
    }


def until_gone(pids: list[int]) -> float:
    """Wait until processes have ended, a minute at most, and return how long that took."""
    began = time.monotonic()
    while time.monotonic() < began + 60 and any(Path(f"/proc/{pid}").exists() for pid in pids):
        time.sleep(0.02)
    return time.monotonic() - began


def start(folder: Path, run: str, *, group_size: int) -> subprocess.Popen[bytes]:
    """Start a driver."""
    command = [
        sys.executable, "-m", "sandmle", "run", str(folder / "tasks"), "--out", str(folder / run),
        "-G", str(group_size), "--sandbox", "warm", "--max-concurrent", "2",
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
