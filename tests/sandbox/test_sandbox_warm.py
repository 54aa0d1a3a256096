import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandmle.core.errors import SandboxError
from sandmle.core.task import Limits
from sandmle.sandbox._process_tree import tree
from sandmle.sandbox.warm import WarmSandbox

pytestmark = pytest.mark.isolation

LIMITS = Limits(step_seconds=30, memory_mib=1_024, disk_mib=16, processes=24)
SLEEP = "import time; time.sleep(25)"


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmSandbox]:
    with WarmSandbox() as sandbox:
        yield sandbox


def _processes(sandbox: WarmSandbox) -> list[int]:
    """Return the host and all that it started."""
    assert sandbox._host is not None
    return tree(sandbox._host._process.pid)


def _words(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _bubblewraps(sandbox: WarmSandbox) -> list[int]:
    host, *rest = _processes(sandbox)
    own = Path(f"/proc/{host}/task/{host}/children")
    started = {int(word) for word in own.read_text().split()}
    tasks = Path(f"/proc/{host}/task").glob("*/children")
    started |= {int(word) for path in tasks for word in path.read_text().split()}
    return [pid for pid in rest if pid in started]


def test_the_ml_stack_works_inside(warm: WarmSandbox) -> None:
    code = """
import pandas as pd
from PIL import Image
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import GridSearchCV
train = pd.read_csv("input/train.csv")
grid = GridSearchCV(RandomForestClassifier(5, random_state=0), {"max_depth": [1, 2]}, n_jobs=-1)
grid.fit(train[["x"]], train["y"])
HistGradientBoostingClassifier(max_iter=2).fit(train[["x"]], train["y"])
Image.new("L", (8, 8)).save("image.png")
train[["x"]].assign(y=grid.predict(train[["x"]])).to_csv("submission.csv", index=False)
"""
    rows = "x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(60))
    with warm.open({"train.csv": rows.encode()}, LIMITS) as session:
        execution = session.run(code)
        assert execution.ok, execution
        assert execution.stderr == ""
        submission = session.read("submission.csv", max_bytes=10_000)
    assert submission is not None
    assert submission.startswith(b"x,y\n0,")


def test_a_fork_server_that_is_killed_is_an_infrastructure_error_and_soon_back() -> None:
    with WarmSandbox() as sandbox, sandbox.open({}, LIMITS) as session, ThreadPoolExecutor() as on:
        assert session.run("open('kept', 'w').write('here')").ok
        running = on.submit(session.run, SLEEP)
        time.sleep(0.5)
        before = time.monotonic()
        for pid in _bubblewraps(sandbox):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(SandboxError, match="fork server died"):
            running.result()
        again = session.run("print(open('kept').read())")
        assert time.monotonic() - before < 20
    assert again.stdout == "here\n"


def test_a_host_that_is_killed_costs_its_sessions_only() -> None:
    with WarmSandbox() as sandbox, ThreadPoolExecutor() as threads:
        session = sandbox.open({}, LIMITS)
        running = threads.submit(session.run, SLEEP)
        time.sleep(0.5)
        everything = _processes(sandbox)
        before = time.monotonic()
        os.kill(everything[0], signal.SIGKILL)
        with pytest.raises(SandboxError, match="_host"):
            running.result()
        with sandbox.open({}, LIMITS) as other:
            assert other.run("print(1)").ok
        assert time.monotonic() - before < 20
        with pytest.raises(SandboxError):
            session.run("print(1)")
        session.close()
    assert _all_gone(everything)


def test_nothing_is_left_when_the_sandbox_is_closed() -> None:
    sandbox = WarmSandbox()
    session = sandbox.open({}, LIMITS, stateful=True)
    session.run("import subprocess; subprocess.Popen(['sleep', '100'])")
    everything = _processes(sandbox)
    assert len(everything) > 8
    sandbox.close()
    assert _all_gone(everything)
    with pytest.raises(SandboxError, match="closed"):
        session.run("pass")


def _all_gone(pids: list[int]) -> bool:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.02)
    return False


def test_a_session_that_is_closed_while_it_runs_ends_at_once(warm: WarmSandbox) -> None:
    with ThreadPoolExecutor(1) as threads:
        session = warm.open({}, LIMITS)
        running = threads.submit(session.run, SLEEP)
        time.sleep(0.4)
        before = set(_processes(warm))
        start = time.monotonic()
        session.close()
        with pytest.raises(SandboxError, match="closed"):
            running.result()
        assert time.monotonic() - start < 5
    end = time.monotonic() + 5
    while len(before & set(_processes(warm))) == len(before) and time.monotonic() < end:
        time.sleep(0.02)
    assert before - set(_processes(warm)), "the run was killed"


def test_an_interrupted_run_never_gives_its_answer_to_the_next_one(warm: WarmSandbox) -> None:
    with warm.open({}, LIMITS) as session:
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.4, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.run("import time; time.sleep(1); print('late')")
        timer.join()
        with pytest.raises(SandboxError):
            session.run("print('new')")


def test_slots_are_given_in_turn() -> None:
    code = "import time; time.sleep(0.15)"
    order = []
    with WarmSandbox(slots=1) as sandbox, ThreadPoolExecutor(6) as threads:
        sessions = [sandbox.open({}, LIMITS) for _ in range(6)]
        sessions[0].run("pass")

        def play(number: int) -> float:
            execution = sessions[number].run(code)
            order.append(number)
            return execution.queue_seconds

        waits = []
        for number in range(6):
            waits.append(threads.submit(play, number))
            time.sleep(0.03)
        queued = [wait.result() for wait in waits]
    assert order == list(range(6))
    assert queued == sorted(queued)
    assert queued[0] < 0.1 < 0.5 < queued[-1]


def test_a_module_that_is_not_preloaded_is_imported_by_the_script() -> None:
    code = "import sys; print('numpy' in sys.modules, 'json' in sys.modules)"
    with (
        WarmSandbox(preload=["json", "no_such_module"]) as sandbox,
        sandbox.open({}, LIMITS) as session,
    ):
        seen = session.run(code)
        later = session.run("import numpy; print(numpy.arange(3).sum())")
    assert seen.stdout == "False True\n"
    assert later.stdout == "3\n"


def test_a_fork_server_is_replaced_while_it_serves() -> None:
    class Impatient(WarmSandbox):
        _runs = 3

    with Impatient(slots=1, preload=["json"]) as sandbox, sandbox.open({}, LIMITS) as session:
        session.run("pass")
        first = set(_bubblewraps(sandbox))
        end = time.monotonic() + 60
        while first & set(_bubblewraps(sandbox)) and time.monotonic() < end:
            assert session.run("print('served')").stdout == "served\n"
        assert not first & set(_bubblewraps(sandbox)), "the first server is gone"
        assert session.run("print('served')").stdout == "served\n"


def test_a_usual_script_imports_nothing_that_the_fork_server_has_not(warm: WarmSandbox) -> None:
    code = """
import sys
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
before = set(sys.modules)
table = pd.DataFrame({"a": range(30), "y": [0, 1] * 15})
model = make_pipeline(StandardScaler(), LogisticRegression())
cross_val_score(model, table[["a"]], table["y"], cv=3)
table.assign(y=model.fit(table[["a"]], table["y"]).predict(table[["a"]])).to_csv("s.csv")
print(sorted(set(sys.modules) - before))
"""
    with warm.open({}, LIMITS) as session:
        execution = session.run(code)
    assert execution.stdout == "[]\n", execution


def test_another_interpreter_runs_the_code_and_cannot_import_sandmle(tmp_path: Path) -> None:
    place = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    code = """
import sys, os
try:
    import sandmle
except ImportError as exc:
    print(exc.name, sys.prefix, os.listdir("/tmp"))
"""
    with (
        WarmSandbox(python=place / "bin" / "python") as sandbox,
        sandbox.open({}, LIMITS) as session,
    ):
        first, second = session.run(code), session.run(code)
    assert first.stdout == second.stdout
    assert first.stdout.startswith(f"sandmle {place} ")


def test_what_is_refused_is_counted(warm: WarmSandbox) -> None:
    code = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
for _ in range(3):
    assert libc.unshare(0x10000000) == -1 and ctypes.get_errno() == 1
assert libc.mount(b"a", b"/tmp", b"tmpfs", 0, 0) == -1 and ctypes.get_errno() == 1
for family in (socket.AF_VSOCK, socket.AF_PACKET):
    try:
        socket.socket(family, socket.SOCK_RAW)
    except OSError as exc:
        assert exc.errno == 97, exc
for host in ("127.0.0.1", "10.0.0.1"):
    try:
        socket.create_connection((host, 80), timeout=1)
    except OSError:
        pass
for path in ("/root/.ssh/id_rsa", "../private/answers.csv", "/home/me/answers.csv", "/etc/hosts"):
    try:
        open(path)
    except OSError:
        pass
"""
    with warm.open({}, LIMITS) as session:
        execution = session.run(code)
        after = session.run("print(open('/etc/hosts').read() > '')")
    assert execution.ok, execution
    assert execution.audit is not None
    assert execution.audit.refused == {"unshare": 3, "mount": 1, "socket of another family": 2}
    assert execution.audit.connects == 2
    assert execution.audit.opens == 3
    assert execution.audit.attempts == 11
    assert after.audit is not None
    assert after.audit.attempts == 0


def test_a_script_that_asks_without_end_is_no_burden(warm: WarmSandbox) -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print({libc.unshare(0x10000000) for _ in range(3_000)}, ctypes.get_errno())
"""
    with warm.open({}, LIMITS) as session:
        execution = session.run(code)
    assert execution.stdout == "{-1} 38\n", execution
    assert execution.audit is not None
    assert execution.audit.refused == {"unshare": 1_000}


def test_memory_of_a_burst_is_cut_off_by_the_kernel_where_it_can(warm: WarmSandbox) -> None:
    code = """
import os
for _ in range(6):
    if os.fork() == 0:
        held = bytearray(b"x") * (700 << 20)
        os._exit(0)
for _ in range(6):
    os.wait()
print("took it")
"""
    with warm.open({}, Limits(memory_mib=512, disk_mib=16, processes=24)) as session:
        execution = session.run(code)
        assert not execution.stdout
        assert execution.killed_by == "memory", execution
        assert session.run("print(1)").ok


def test_many_sessions_are_open_at_once(warm: WarmSandbox) -> None:
    with ThreadPoolExecutor(16) as threads:
        sessions = list(
            threads.map(lambda n: warm.open({"n": str(n).encode()}, LIMITS), range(120))
        )
        said = list(threads.map(lambda s: s.run("print(open('input/n').read())").stdout, sessions))
        list(threads.map(lambda session: session.close(), sessions))
    assert said == [f"{number}\n" for number in range(120)]
