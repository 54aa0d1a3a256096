"""The trainer itself may die at any moment, killed in a way that no clean-up survives."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest
from _attack import left_of
from _planted import processes_named
from _targets import Target, targets

from sandmle.sandbox._process_tree import tree

_TRAINER = """
import threading, time
from _targets import Target
from sandmle.core.task import Limits
script = '''
import ctypes, os, time
os.fork()
ctypes.CDLL(None).prctl(15, b"{token}", 0, 0, 0)
time.sleep(60)
'''
session = Target("{backend}", given_up=False).make(preload=()).open({{}}, Limits())
threading.Thread(target=session.run, args=(script,)).start()
time.sleep(60)
"""


BACKENDS = [target for target in targets() if not target.given_up]


@pytest.mark.parametrize("target", BACKENDS, ids=[target.title for target in BACKENDS])
def test_nothing_survives_a_trainer_that_is_killed(target: Target, tmp_path: Path) -> None:
    if target.lacking:
        pytest.skip(target.lacking)
    token = f"t-{secrets.token_hex(5)}"
    code = _TRAINER.format(token=token, backend=target.backend)
    places = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": places, "TMPDIR": str(tmp_path)}
    trainer = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        end = time.monotonic() + 30
        while len(processes_named(token)) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        assert len(processes_named(token)) == 2, "the script runs, and a child of it"
        started = tree(trainer.pid)[1:]
        assert len(started) > 2
    finally:
        trainer.kill()
        trainer.wait()
    assert not left_of(token, dying=True)
    end = time.monotonic() + 10
    while (left := [pid for pid in started if Path(f"/proc/{pid}").exists()]) and (
        time.monotonic() < end
    ):
        time.sleep(0.05)
    assert not left
    assert not list(tmp_path.iterdir())
