import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandmle.core.errors import SandboxError
from sandmle.core.task import Limits
from sandmle.sandbox._process_tree import tree
from sandmle.sandbox.unsafe import UnsafeSandbox

LIMITS = Limits(step_seconds=20, memory_mib=1_024, disk_mib=16, processes=24)


@pytest.fixture(scope="module")
def unsafe() -> Iterator[UnsafeSandbox]:
    with UnsafeSandbox(slots=1) as sandbox:
        yield sandbox


def _servers() -> list[int]:
    return [
        pid
        for pid in tree(os.getpid())
        if b"_fork_server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_the_stack_is_imported_before_the_run(unsafe: UnsafeSandbox) -> None:
    code = "import sys; print({'numpy', 'pandas', 'sklearn.ensemble'} <= set(sys.modules))"
    with unsafe.open({}, LIMITS) as session:
        assert session.run(code).stdout == "True\n"


def test_a_warm_run_costs_little(unsafe: UnsafeSandbox) -> None:
    with unsafe.open({}, LIMITS) as session:
        session.run("pass")
        seconds = []
        for _ in range(9):
            start = time.perf_counter()
            session.run("import sklearn.linear_model, pandas")
            seconds.append(time.perf_counter() - start)
    cold = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import sklearn.linear_model, pandas"], check=True)
    cold = time.perf_counter() - cold
    assert statistics.median(seconds) < cold / 3


def test_random_numbers_differ_from_run_to_run(unsafe: UnsafeSandbox) -> None:
    code = "import random, numpy; print(random.random(), numpy.random.random())"
    with unsafe.open({}, LIMITS) as session:
        drawn = {word for _ in range(3) for word in session.run(code).stdout.split()}
    assert len(drawn) == 6


def test_a_seeded_script_repeats_itself(unsafe: UnsafeSandbox) -> None:
    code = """
import numpy as np
from sklearn.ensemble import RandomForestClassifier
rng = np.random.default_rng(0)
table, target = rng.normal(size=(60, 4)), rng.integers(0, 2, 60)
forest = RandomForestClassifier(10, random_state=0, n_jobs=-1).fit(table, target)
print(forest.predict_proba(table).sum(0))
"""
    with unsafe.open({}, LIMITS) as session:
        assert session.run(code).stdout == session.run(code).stdout != ""


def test_native_thread_pools_do_not_hang_after_the_fork(unsafe: UnsafeSandbox) -> None:
    code = """
import numpy as np
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingRegressor
table = np.random.default_rng(0).normal(size=(300, 5))
HistGradientBoostingRegressor(max_iter=5).fit(table, table[:, 0])
KMeans(3, n_init=1).fit(table)
print((table @ table.T).shape)
"""
    with unsafe.open({}, LIMITS) as session:
        for _ in range(3):
            assert session.run(code, timeout_seconds=15).stdout == "(300, 300)\n"


def test_a_server_that_dies_is_replaced_and_the_failure_is_not_the_scripts() -> None:
    with UnsafeSandbox(slots=1) as sandbox, sandbox.open({}, LIMITS) as session:
        assert session.run("open('kept', 'w').write('x')").ok
        with pytest.raises(SandboxError, match="SIGKILL"):
            session.run("import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
        assert session.run("print(open('kept').read())").stdout == "x\n"


def test_a_server_that_died_while_idle_is_not_noticed() -> None:
    with UnsafeSandbox(slots=1) as sandbox, sandbox.open({}, LIMITS) as session:
        session.run("pass")
        for pid in _servers():
            os.kill(pid, signal.SIGKILL)
            while " Z " not in Path(f"/proc/{pid}/stat").read_text():
                time.sleep(0.01)
        assert session.run("print(1)").stdout == "1\n"


def test_an_interpreter_that_does_not_start_is_an_infrastructure_error(tmp_path: Path) -> None:
    with (
        UnsafeSandbox(python=tmp_path / "none") as sandbox,
        sandbox.open({}, LIMITS) as session,
        pytest.raises(SandboxError, match="cannot start"),
    ):
        session.run("pass")


def test_folders_of_killed_trainers_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = subprocess.Popen(["true"])
    dead.wait()
    stale = tmp_path / f"sandmle-unsafe-{dead.pid}-abc"
    living = tmp_path / f"sandmle-unsafe-{os.getpid()}-abc"
    for folder in (stale, living):
        (folder / "work").mkdir(parents=True)
    with UnsafeSandbox() as sandbox, sandbox.open({}, LIMITS):
        assert not stale.exists()
        assert living.exists()


def test_a_session_leaves_no_folder_even_of_a_deep_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unsafe: UnsafeSandbox
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    deep = "import os\nfor _ in range(1_000):\n    os.mkdir('d')\n    os.chdir('d')"
    with unsafe.open({}, LIMITS) as session:
        assert session.run(deep).ok
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_exit_handlers_and_threads_end_as_in_an_interpreter(unsafe: UnsafeSandbox) -> None:
    code = """
import atexit, threading, time
atexit.register(print, "handler")
threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
print("end")
"""
    with unsafe.open({}, LIMITS) as session:
        assert session.run(code).stdout == "end\nthread\nhandler\n"


def test_worker_processes_of_joblib_find_the_script(unsafe: UnsafeSandbox) -> None:
    code = """
from joblib import Parallel, delayed
def square(number):
    return number ** 2
if __name__ == "__main__":
    print(Parallel(n_jobs=2)(delayed(square)(number) for number in range(4)))
"""
    with unsafe.open({}, LIMITS) as session:
        assert session.run(code).stdout == "[0, 1, 4, 9]\n"
