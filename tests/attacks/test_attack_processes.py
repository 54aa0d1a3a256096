import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox._process_tree import tree

ATTACKS = {
    "kill everything": ("import os; os.kill(-1, 9); print('alive')", None),
    "kill the first process": ("import os; os.kill(1, 9); print('alive')", "alive\n"),
    "leave at once": ("import os; os._exit(0)", ""),
    "close the streams": ("import os; os.close(1); os.close(2); os.close(0)", None),
    "dump core": ("import os; os.abort()", None),
    "crash": ("import ctypes; ctypes.string_at(0)", None),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_the_run_ends_and_the_next_one_works(name: str, cold: Sandbox, limits: Limits) -> None:
    code, expected = ATTACKS[name]
    with cold.open({}, limits) as session:
        execution = session.run(code)
        assert execution.killed_by is None
        assert expected is None or execution.stdout == expected
        after = session.run("import os; print(os.listdir('.'))")
    assert after.stdout == "['input']\n", "no core file is left"


HANGS = {
    "stop itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "ignore signals": (
        "import signal\n"
        "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        "while True: pass"
    ),
    "hang at exit": "import atexit, time; atexit.register(time.sleep, 60)",
    "never end a thread": (
        "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()"
    ),
    "wait for input": "import time\ntry: input()\nexcept EOFError: time.sleep(60)",
    "spin in native code": "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')",
}


@pytest.mark.parametrize("name", HANGS)
def test_what_hangs_is_killed_in_time(name: str, cold: Sandbox, limits: Limits) -> None:
    with cold.open({}, limits) as session:
        start = time.monotonic()
        execution = session.run(HANGS[name], timeout_seconds=0.8)
        assert execution.killed_by == "time"
        assert time.monotonic() - start < 6
        assert session.run("print(1)").ok


@pytest.mark.parametrize(
    "start", ["os.fork() or time.sleep(20)", "_thread.start_new_thread(time.sleep, (20,))"]
)
def test_a_bomb_of_processes_or_threads_stays_within_the_limit(
    start: str, cold: Sandbox, limits: Limits
) -> None:
    code = f"""
import os, time, _thread
made, end = 0, time.monotonic() + 0.5
while time.monotonic() < end:
    try:
        {start}
        made += 1
    except (OSError, RuntimeError):
        pass
    if made > 5_000:
        break
print(made)
os._exit(0)
"""
    with cold.open({}, limits) as session:
        execution = session.run(code)
        assert 0 < int(execution.stdout) <= limits.processes
        assert session.run("print(1)").ok


def test_a_program_gains_no_privileges(cold: Sandbox, limits: Limits) -> None:
    code = """
import os, subprocess
for attempt in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]),
                lambda: os.chown("/box", 0, 0), lambda: os.nice(-5), lambda: os.chroot("/")):
    try:
        attempt()
        print("allowed")
    except OSError:
        pass
open("program", "wb").write(open("/usr/bin/id", "rb").read())
os.chmod("program", 0o6755)
print(subprocess.run(["./program", "-u"], capture_output=True, text=True).stdout.strip())
told = subprocess.run(["su", "-c", "id"], capture_output=True, stdin=subprocess.DEVNULL)
print(told.returncode != 0)
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "1000\nTrue\n"


def test_nothing_survives_a_trainer_that_is_killed(tmp_path: Path) -> None:
    code = """
import sys, threading, time
from sandmle.core.task import Limits
from sandmle.sandbox import make_sandbox
session = make_sandbox("cold").open({}, Limits())
threading.Thread(target=session.run, args=("import time; time.sleep(60)",)).start()
print("started", flush=True)
time.sleep(60)
"""
    places = os.pathsep.join(path for path in sys.path if path)
    trainer = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": places, "TMPDIR": str(tmp_path)},
    )
    assert trainer.stdout is not None
    with trainer.stdout:
        assert trainer.stdout.readline() == b"started\n"
        end = time.monotonic() + 10
        # The holder, bubblewrap, the first process of the sandbox, and the script.
        while len(started := tree(trainer.pid)[1:]) < 4 and time.monotonic() < end:
            time.sleep(0.05)
        assert len(started) == 4
        trainer.kill()
        trainer.wait()
    end = time.monotonic() + 5
    while (left := [pid for pid in started if Path(f"/proc/{pid}").exists()]) and (
        time.monotonic() < end
    ):
        time.sleep(0.05)
    assert not left
    assert not list(tmp_path.iterdir())
