import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandmle.core.errors import SandboxError, UsageError
from sandmle.core.task import Limits
from sandmle.sandbox.cold import ColdSandbox, bwrap_version, find_bwrap
from sandmle.sandbox.probe import probe, probe_levels

LIMITS = Limits(step_seconds=30, memory_mib=1_024, disk_mib=16, processes=24)


def test_a_missing_bubblewrap_is_named_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with ColdSandbox() as sandbox, pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        sandbox.open({}, LIMITS)


def test_a_bubblewrap_that_fails_is_an_infrastructure_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho no such luck >&2\nexit 1\n")
    broken.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with ColdSandbox() as sandbox, pytest.raises(SandboxError):
        sandbox.open({}, LIMITS)


def test_an_interpreter_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with (
        ColdSandbox(python=tmp_path / "python") as sandbox,
        pytest.raises(UsageError, match="not a Python interpreter"),
    ):
        sandbox.open({}, LIMITS)


@pytest.mark.isolation
def test_a_machine_without_namespaces_is_refused_with_a_remedy() -> None:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare to take namespaces away with")
    code = (
        "from sandmle.core.task import Limits\nfrom sandmle.core.errors import SandboxError\n"
        "from sandmle.sandbox.cold import ColdSandbox\n"
        "from sandmle.sandbox.probe import probe, probe_levels\n"
        "try:\n    ColdSandbox().open({}, Limits())\n"
        "except SandboxError as exc:\n    print(exc)\n"
        "print([c.name for c in probe() if c.needed and not c.available])\n"
        "print([level.sandbox for level in probe_levels() if level.works])\n"
    )
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    told = subprocess.run(
        [
            "unshare",
            "--user",
            "--map-root-user",
            "sh",
            "-c",
            forbid,
            "sh",
            sys.executable,
            "-c",
            code,
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot make a user namespace" in told.stdout
    assert "sysctl -w user.max_user_namespaces" in told.stdout
    assert "['user namespaces', 'memory file systems']" in told.stdout
    assert told.stdout.splitlines()[-1] in ("[]", "['landlock']")


@pytest.mark.isolation
def test_a_holder_that_dies_is_an_infrastructure_error_and_stays_one() -> None:
    with ColdSandbox() as sandbox, sandbox.open({}, LIMITS) as session:
        session.run("pass")
        session._holder._process.kill()
        for _ in range(2):
            with pytest.raises(SandboxError, match="_holder"):
                session.run("pass")


@pytest.mark.isolation
def test_closing_the_sandbox_closes_its_sessions() -> None:
    sandbox = ColdSandbox()
    session = sandbox.open({}, LIMITS)
    sandbox.close()
    with pytest.raises(SandboxError, match="closed"):
        session.run("pass")


@pytest.mark.isolation
def test_a_session_that_is_closed_while_it_runs_ends_at_once() -> None:
    with ColdSandbox() as sandbox, ThreadPoolExecutor(1) as threads:
        session = sandbox.open({}, LIMITS)
        running = threads.submit(session.run, "import time; time.sleep(25)")
        time.sleep(0.3)
        start = time.monotonic()
        session.close()
        with pytest.raises(SandboxError):
            running.result()
        assert time.monotonic() - start < 5


@pytest.mark.isolation
def test_an_interrupted_run_never_gives_its_answer_to_the_next_one() -> None:
    with ColdSandbox() as sandbox, sandbox.open({}, LIMITS) as session:
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.4, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.run("import time; time.sleep(1); print('late')")
        timer.join()
        with pytest.raises(SandboxError):
            session.run("print('new')")


@pytest.mark.isolation
def test_the_ml_stack_works_inside() -> None:
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
    with ColdSandbox() as sandbox, sandbox.open({"train.csv": rows.encode()}, LIMITS) as session:
        execution = session.run(code)
        assert execution.ok, execution
        assert execution.stderr == ""
        submission = session.read("submission.csv", max_bytes=10_000)
    assert submission is not None
    assert submission.startswith(b"x,y\n0,")


@pytest.mark.isolation
def test_an_interpreter_below_a_temporary_folder_works(tmp_path: Path) -> None:
    place = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    code = "import sys, os; print(sys.prefix, os.listdir('/tmp'))"
    with (
        ColdSandbox(python=place / "bin" / "python") as sandbox,
        sandbox.open({}, LIMITS) as session,
    ):
        first, second = session.run(code), session.run(code)
    assert first.stdout == second.stdout
    assert first.stdout.startswith(f"{place} ")


@pytest.mark.isolation
def test_a_task_with_many_files_and_odd_names_is_shown_in_full() -> None:
    files = {f"images/{n:03d}.png": bytes([n]) * n for n in range(200)} | {"a b/ü.txt": b"u"}
    code = (
        "import pathlib\n"
        "found = [p for p in pathlib.Path('input').rglob('*') if p.is_file()]\n"
        "print(len(found), sum(p.stat().st_size for p in found), open('input/a b/ü.txt').read())"
    )
    with ColdSandbox() as sandbox, sandbox.open(files, LIMITS) as session:
        assert session.run(code).stdout == f"201 {sum(range(200)) + 1} u\n"


@pytest.mark.isolation
def test_the_probe_finds_a_machine_that_isolates() -> None:
    found = {capability.name: capability for capability in probe()}
    assert [level.works for level in probe_levels()][:2] == [True, True]
    assert found["bubblewrap"].available
    assert bwrap_version(Path(find_bwrap()))[0] >= 0
    assert all(capability.available or capability.remedy for capability in found.values())


def test_the_probe_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {capability.name: capability for capability in probe()}
    assert not found["bubblewrap"].available
    assert "apt-get install bubblewrap" in found["bubblewrap"].remedy
