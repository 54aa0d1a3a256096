"""The backend `landlock`, as an ordinary user and as root, where the tests run as root."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from _landlock_users import LIMITS, USERS, command_of

from sandmle.core.errors import SandboxError, UsageError
from sandmle.core.execution import Execution, Sandbox
from sandmle.sandbox import landlock, make_sandbox
from sandmle.testing.check_sandbox import sandbox_checks
from sandmle.testing.remote import SandboxElsewhere

pytestmark = [
    pytest.mark.isolation,
    pytest.mark.skipif(bool(landlock.missing()), reason=landlock.missing()),
]


@pytest.fixture(scope="module", params=USERS)
def user(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def sandbox(user: str) -> Iterator[Sandbox]:
    with SandboxElsewhere(command_of(user), backend="landlock", slots=2) as made:
        yield made


def _run(sandbox: Sandbox, code: str, **files: bytes) -> Execution:
    with sandbox.open(files, LIMITS) as session:
        return session.run(textwrap.dedent(code))


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests of the contract run as this user")
@pytest.mark.parametrize("check", sandbox_checks(isolated=True))
def test_an_ordinary_users_sandbox_keeps_the_contract(check: str, contract: Sandbox) -> None:
    sandbox_checks(isolated=True)[check](contract)


@pytest.fixture(scope="module")
def contract() -> Iterator[Sandbox]:
    with SandboxElsewhere(command_of("ordinary"), backend="landlock", slots=4) as made:
        yield made


def test_code_never_runs_as_root(sandbox: Sandbox) -> None:
    execution = _run(sandbox, "import os; print(os.getresuid(), os.getresgid(), os.getgroups())")
    assert "(0," not in execution.stdout
    assert execution.ok
    assert execution.stdout.endswith(" []\n") or os.geteuid() != 0


def test_what_scripts_of_a_task_need_works(sandbox: Sandbox) -> None:
    code = """
        import asyncio, shutil, sqlite3, subprocess, sys, tempfile
        from concurrent.futures import ThreadPoolExecutor
        import joblib
        import numpy as np
        import pandas as pd
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV, cross_val_score

        table = pd.read_csv("input/train.csv")
        features, target = table[["a"]], table["b"]
        forest = RandomForestClassifier(5, n_jobs=-1)
        assert cross_val_score(forest, features, target, cv=2, n_jobs=-1).min() > 0.5
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, n_jobs=2).fit(features, target)
        joblib.dump(forest, "model")
        joblib.load("model")
        assert joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(n) for n in (-1, -2)) == [1, 2]
        shutil.copy("input/train.csv", "copy.csv")
        shutil.copytree("input", "inputs")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
        sqlite3.connect("base").execute("create table t(a)")
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(abs, [-1])) == [1]
        asyncio.run(asyncio.sleep(0))
        words = [sys.executable, "-c", "import numpy; print(numpy.ones(2).sum())"]
        assert subprocess.run(words, capture_output=True).stdout == b"2.0\\n"
        assert subprocess.run("echo $((1 + 2)) | cat", shell=True, capture_output=True).stdout
        table.to_csv("submission.csv", index=False)
        print("fine")
    """
    rows = "".join(f"{number},{int(number > 30)}\n" for number in range(60)).encode()
    with sandbox.open({"train.csv": b"a,b\n" + rows}, LIMITS) as session:
        execution = session.run(textwrap.dedent(code))
        assert (execution.stdout, execution.stderr) == ("fine\n", "")
        assert session.read("submission.csv", max_bytes=10_000) == b"a,b\n" + rows


def test_what_it_does_not_have_fails_with_an_error_that_scripts_can_catch(sandbox: Sandbox) -> None:
    code = """
        import multiprocessing, socket
        for attempt in (multiprocessing.Lock, socket.socket, lambda: open("/dev/shm/x", "w")):
            try:
                attempt()
            except PermissionError:
                print("refused")
    """
    assert _run(sandbox, code).stdout == "refused\n" * 3


def test_the_users_own_files_can_be_neither_read_nor_changed(user: str, sandbox: Sandbox) -> None:
    owner = os.getuid() if os.geteuid() != 0 else (65_534 if user == "ordinary" else 0)
    folder = Path("/tmp", f"of-a-user-{os.getpid()}-{user}")
    place = folder / "file"
    folder.mkdir(mode=0o755)
    try:
        place.write_text("secret")
        place.chmod(0o644)
        for path in (folder, place):
            os.utime(path, (1, 1))
            if os.geteuid() == 0:
                os.chown(path, owner, owner)
        code = f"""
            import os, shutil, subprocess
            place = {str(place)!r}
            for attempt in (
                lambda: open(place), lambda: open(place, "w"), lambda: os.truncate(place, 0),
                lambda: os.remove(place), lambda: os.rename(place, "mine"),
                lambda: os.link(place, "mine"), lambda: os.symlink(place, "way") or open("way"),
                lambda: open(place + "2", "w"), lambda: shutil.rmtree({str(folder)!r}),
                lambda: os.listdir({str(folder)!r}), lambda: os.chown(place, 1, 1),
                lambda: os.setxattr(place, "user.x", b"1"),
            ):
                try:
                    attempt()
                    print("did it")
                except OSError:
                    pass
            # These say that they did it.
            os.chmod(place, 0o777)
            os.utime(place, (2, 2))
            subprocess.run(["chmod", "000", place])
        """
        assert "did it" not in _run(sandbox, code).stdout
        found = place.stat()
        assert (place.read_text(), found.st_mode & 0o777, found.st_mtime) == ("secret", 0o644, 1)
        assert (found.st_uid, list(folder.iterdir())) == (owner, [place])
    finally:
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
        folder.rmdir()


def test_the_interpreters_files_cannot_be_changed_through_an_open_descriptor(
    sandbox: Sandbox,
) -> None:
    code = """
        import fcntl, json, os
        fd = os.open(json.__file__, os.O_RDONLY)
        before = os.stat(fd)
        os.fchmod(fd, 0)
        os.utime(fd, (1, 1))
        for attempt in (lambda: os.fchown(fd, 1, 1), lambda: os.truncate(f"/proc/self/fd/{fd}", 0),
                        lambda: open(f"/proc/self/fd/{fd}", "w"),
                        lambda: fcntl.ioctl(fd, 0x40086602, bytes(8))):
            try:
                attempt()
                print("did it")
            except OSError:
                pass
        print(os.stat(fd)[:9] == before[:9])
    """
    assert _run(sandbox, code).stdout == "True\n"


def test_sandmle_is_neither_importable_nor_readable(sandbox: Sandbox) -> None:
    import sandmle

    code = f"""
        import glob, os, subprocess, sys
        for name in ("sandmle", "sandmle.seeds"):
            try:
                __import__(name)
            except ImportError:
                print("absent")
        words = [sys.executable, "-c", "import sandmle"]
        print(b"ModuleNotFoundError" in subprocess.run(words, capture_output=True).stderr)
        sys.modules.pop("sandmle", None)
        sys.path.append({str(Path(sandmle.__file__).parents[1])!r})
        try:
            import sandmle
            print("imported")
        except ImportError:
            print("closed")
        for folder in sys.path:
            for place in glob.glob(folder + "/*sandmle*"):
                if os.path.isfile(place) and os.access(place, os.R_OK):
                    try:
                        print(open(place).read())
                    except OSError:
                        pass
    """
    assert _run(sandbox, code).stdout == "absent\nabsent\nTrue\nclosed\n"


def test_other_sessions_are_closed(sandbox: Sandbox) -> None:
    with sandbox.open({"secret": b"other"}, LIMITS) as other:
        place = other.run("import os; print(os.getcwd())").stdout.strip()
        code = f"""
            import os
            place = {place!r}
            for attempt in (lambda: open(place + "/input/secret"), lambda: os.listdir(place),
                            lambda: open(place + "/planted", "w"),
                            lambda: os.listdir(place + "/../..")):
                try:
                    attempt()
                    print("did it")
                except OSError:
                    pass
        """
        assert _run(sandbox, code).stdout == ""


def test_what_scripts_start_ends_with_them_however_they_hide(sandbox: Sandbox) -> None:
    code = """
        import os, signal, time
        for number in range(6):
            if os.fork() == 0:
                os.setsid()
                for name in ("SIGTERM", "SIGINT", "SIGHUP"):
                    signal.signal(getattr(signal, name), signal.SIG_IGN)
                if os.fork() == 0:
                    os.setpgid(0, 0)
                    with open(f"beat{number}", "ab", buffering=0) as file:
                        while True:
                            file.write(b".")
                            time.sleep(0.005)
                os._exit(0)
        time.sleep(0.3)
        print(len([name for name in os.listdir(".") if name.startswith("beat")]))
    """
    with sandbox.open({}, LIMITS) as session:
        execution = session.run(textwrap.dedent(code))
        assert execution.stdout == "6\n"
        assert execution.cpu_seconds > 0
        sizes = [len(session.read(f"beat{n}", max_bytes=1 << 20) or b"") for n in range(6)]
        time.sleep(0.2)
        assert sizes == [len(session.read(f"beat{n}", max_bytes=1 << 20) or b"") for n in range(6)]


def test_files_of_a_run_over_the_bound_end_it_and_go(sandbox: Sandbox) -> None:
    code = """
        import time
        for number in range(400):
            open(f"{number}", "wb").write(bytes(1 << 20))
            time.sleep(0.005)
    """
    with sandbox.open({}, LIMITS) as session:
        execution = session.run(textwrap.dedent(code))
        assert (execution.killed_by, execution.exit_code) == ("disk", None)
        after = session.run("import os; print(len(os.listdir('.')))")
        assert after.ok
        assert 2 <= int(after.stdout) <= LIMITS.disk_mib + 1


def test_an_input_that_was_put_aside_is_back_in_the_next_run(sandbox: Sandbox) -> None:
    code = """
        import os
        os.rename("input", "aside")
        os.mkdir("input")
        open("input/train.csv", "w").write("forged")
    """
    with sandbox.open({"train.csv": b"true"}, LIMITS) as session:
        assert session.run(textwrap.dedent(code)).ok
        assert session.run("print(open('input/train.csv').read())").stdout == "true\n"
        assert session.read("input/train.csv", max_bytes=9) == b"true"


def test_refused_calls_are_counted(sandbox: Sandbox) -> None:
    code = """
        import os, socket
        for _ in range(3):
            try:
                socket.socket()
            except PermissionError:
                pass
        try:
            os.chown("input", 1, 1)
        except PermissionError:
            pass
        try:
            open("/nowhere")
        except OSError:
            pass
    """
    audit = _run(sandbox, code).audit
    assert audit is not None
    assert (audit.refused, audit.opens) == ({"socket": 3, "chown": 1}, 1)


def test_a_gpu_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no GPU \(asked for 0\); use 'warm'"):
        make_sandbox("landlock", gpus=[0])


@pytest.mark.skipif(os.geteuid() != 0, reason="root is given up only where there is root")
def test_an_interpreter_that_others_cannot_reach_is_named_with_a_remedy(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", closed / "venv"], check=True)
    python = closed / "venv" / "bin" / "python"
    with make_sandbox("landlock", python=python) as sandbox, pytest.raises(SandboxError) as caught:
        sandbox.open({}, LIMITS)
    assert "is closed to other users" in str(caught.value)
    assert "chmod o+x" in str(caught.value)
