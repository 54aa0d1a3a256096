"""How runs of `landlock` end when what holds them is killed or closed."""

from __future__ import annotations

import contextlib
import os
import signal
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _landlock_users import LIMITS, USERS, command_of

from sandmle.core.errors import SandboxError
from sandmle.core.execution import Execution, Sandbox, SandboxSession
from sandmle.sandbox import landlock
from sandmle.sandbox._landlock_host import _PREFIX
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


def test_a_killed_fork_server_is_an_infrastructure_error_and_is_soon_back(
    sandbox: Sandbox,
) -> None:
    code = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
        open("folder", "w").write(os.getcwd())
        print(os.getppid(), flush=True)
        time.sleep(60)
    """
    with sandbox.open({}, LIMITS) as session:
        folder = Path(session.run("import os; print(os.getcwd())").stdout.strip())
        before = _of_sandbox(folder)
        with _in_thread(lambda: session.run(textwrap.dedent(code))) as outcome:
            _wait(lambda: len(_of_sandbox(folder)) > len(before))
            time.sleep(0.5)
            servers = {
                pid for pid in _of_sandbox(folder) if _parent(pid) not in _of_sandbox(folder)
            }
            start = time.monotonic()
            for pid in servers:
                os.kill(pid, signal.SIGKILL)
        assert isinstance(outcome[0], SandboxError)
        while not (again := _attempt(session)):
            assert time.monotonic() - start < 8
        assert again.stdout == "back\n"
        _wait(lambda: not any(_sleeps(pid) for pid in _of_sandbox(folder)))


def test_nothing_is_left_behind_a_host_that_was_killed(user: str) -> None:
    code = """
        import os, time
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                time.sleep(60)
        time.sleep(60)
    """
    with SandboxElsewhere(command_of(user), backend="landlock", slots=1) as sandbox:
        with sandbox.open({}, LIMITS) as session:
            folder = Path(session.run("import os; print(os.getcwd())").stdout.strip())
            with _in_thread(lambda: session.run(textwrap.dedent(code))) as outcome:
                _wait(lambda: len(_of_sandbox(folder)) > 6)
                servers = _of_sandbox(folder)
                hosts = {_parent(pid) for pid in servers} - servers
                assert len(hosts) == 1
                os.kill(hosts.pop(), signal.SIGKILL)
            assert isinstance(outcome[0], SandboxError)
            _wait(lambda: not _of_sandbox(folder))
        root = folder.parents[1]
        assert root.name.startswith(_PREFIX)
        assert root.exists()
        _wait(lambda: _serves(sandbox))
        assert not root.exists()


def test_closing_leaves_neither_processes_nor_files(user: str) -> None:
    with SandboxElsewhere(command_of(user), backend="landlock", slots=1) as sandbox:
        with sandbox.open({}, LIMITS) as session:
            folder = Path(session.run("import os; print(os.getcwd())").stdout.strip())
            assert _of_sandbox(folder)
            assert folder.exists()
        _wait(lambda: not folder.exists())
        assert folder.parents[1].exists()
    _wait(lambda: not _of_sandbox(folder))
    _wait(lambda: not folder.parents[1].exists())


def _attempt(session: SandboxSession) -> Execution | None:
    with contextlib.suppress(SandboxError):
        return session.run("print('back')")
    return None


def _serves(sandbox: Sandbox) -> bool:
    with contextlib.suppress(SandboxError), sandbox.open({}, LIMITS) as session:
        return session.run("print('back')").ok
    return False


def _of_sandbox(work: Path) -> set[int]:
    """Return the processes of the sandbox that has this work directory, but for its host."""
    mark = f"{work.parents[1]}/".encode()
    found = set()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (place / "environ").read_bytes() and _lives(int(place.name)):
                found.add(int(place.name))
    return found


def _fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _lives(pid: int) -> bool:
    return _fields(pid)[0] != "Z"


def _sleeps(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return int(_fields(pid)[2]) != pid and _parent(pid) == 1
    return False


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(_fields(pid)[1])
    return -1


def _wait(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@contextlib.contextmanager
def _in_thread(act: Callable[[], object]) -> Iterator[list[object]]:
    """Do something meanwhile; gives a list that has its outcome at the end."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(act())
        except SandboxError as exc:
            outcome.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    yield outcome
    thread.join(timeout=60)
    assert not thread.is_alive()
