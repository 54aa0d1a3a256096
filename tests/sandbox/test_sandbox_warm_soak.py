"""A small soak; `benchmarks/soak.py` is the long one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"

pytestmark = [
    pytest.mark.isolation,
    pytest.mark.skipif(os.geteuid() != 0, reason="looks into the sandbox's processes, as root"),
]


def test_after_many_hostile_steps_nothing_is_left_and_every_result_was_right() -> None:
    words = [sys.executable, str(SOAK), "--steps", "150", "--json"]
    ended = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300)
    assert ended.stderr == ""
    report = json.loads(ended.stdout)
    assert report["steps"] == 150
    assert {"time-out", "memory bomb", "crash", "fork bomb"} <= report["kinds"].keys()
    assert report["wrong_examples"] == []
    assert not any(report["left"].values()), report["left"]
    assert report["right"]
