"""A node's host in another process of this machine, also as another user."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandmle.core.errors import InvalidSubmission, SandboxError, UsageError
from sandmle.core.task import Limits
from sandmle.sandbox._remote_leash import __file__ as LEASH
from sandmle.testing._as_user import closed_folders
from sandmle.testing.check_sandbox import sandbox_checks
from sandmle.testing.remote import ORDINARY_USER, SandboxElsewhere, as_user

pytestmark = pytest.mark.isolation

LIMITS = Limits(step_seconds=30, memory_mib=512, disk_mib=16, processes=24)
ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[SandboxElsewhere]:
    with SandboxElsewhere(backend="cold", slots=2) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def of_another_user() -> Iterator[SandboxElsewhere]:
    with SandboxElsewhere(as_user() if ROOT else (), backend="cold") as sandbox:
        yield sandbox


def node_pid(sandbox: SandboxElsewhere) -> int:
    assert sandbox._launch is not None
    (pid,) = children(sandbox._launch._process.pid)
    return pid


def children(pid: int) -> list[int]:
    """Return what its threads have started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for listed in lists for word in listed.read_text().split()]


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def await_end(pids: list[int], *, seconds: float) -> list[int]:
    """Return which of them are still there after a while."""
    deadline = time.monotonic() + seconds
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [pid for pid in pids if is_alive(pid)]


@pytest.mark.parametrize("check", sandbox_checks(isolated=True))
def test_a_node_of_another_user_keeps_the_contract(
    check: str, of_another_user: SandboxElsewhere
) -> None:
    sandbox_checks(isolated=True)[check](of_another_user)


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_the_host_and_what_it_starts_belong_to_the_other_user(
    of_another_user: SandboxElsewhere,
) -> None:
    with of_another_user.open({}, LIMITS) as session:
        session.run("pass")
        pids = [node_pid(of_another_user), *children(node_pid(of_another_user))]
        assert len(pids) > 1
        for pid in pids:
            status = dict(
                line.split(":\t", 1)
                for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            )
            assert status["Uid"].split() == [str(ORDINARY_USER)] * 4
            assert status["Gid"].split() == [str(ORDINARY_USER)] * 4
            assert status["Groups"].split() == []
            if pid == node_pid(of_another_user):
                assert int(status["CapEff"], 16) == 0 == int(status["CapPrm"], 16)


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_of_a_closed_folder_only_what_is_needed_is_shown() -> None:
    code = (
        "import os, sys; print([n for n in os.listdir('/root')] if os.path.isdir('/root') else [])"
    )
    shown = subprocess.run(
        [*as_user(), sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    prefix = Path(sys.base_prefix)
    below_root = prefix.is_relative_to("/root")
    assert shown.strip() == (str([prefix.parts[2]]) if below_root else shown.strip())
    listing = subprocess.run(
        [*as_user(), "/bin/ls", "/proc/1/fd"], capture_output=True, check=False
    )
    assert b"Permission denied" in listing.stderr


def test_the_outermost_closed_folder_is_covered() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        top = Path(folder)
        inner = top / "closed" / "open" / "closed too"
        inner.mkdir(parents=True)
        for closed in (inner, top / "closed"):
            closed.chmod(0o700)
        top.chmod(0o755)
        needed = [inner / "python", inner.parent / "other"]
        assert closed_folders([*needed, Path("/usr/bin")]) == {top / "closed": needed}


def test_errors_cross_as_what_they_are(elsewhere: SandboxElsewhere) -> None:
    with elsewhere.open({}, LIMITS) as session:
        session.run("import os; os.symlink('/etc/passwd', 'link')")
        with pytest.raises(InvalidSubmission, match=r"^link is a symbolic link"):
            session.read("link", max_bytes=10)
        with pytest.raises(UsageError, match="not a path below"):
            session.write("../x", b"")
        with pytest.raises(UsageError, match=r"stateful|new interpreter"):
            elsewhere.open({}, LIMITS, stateful=True)
        assert session.run("print('goes on')").stdout == "goes on\n"


def test_what_a_script_prints_and_writes_comes_over_unchanged(elsewhere: SandboxElsewhere) -> None:
    files = {"odd näme.bin": bytes(range(256)) * 400, "empty": b""}
    code = """
        data = open("input/odd näme.bin", "rb").read()
        open("copy", "wb").write(data[::-1])
        print("\\x1b[31mü\\x00", len(data), len(open("input/empty").read()))
    """
    with elsewhere.open(files, LIMITS) as session:
        execution = session.run(textwrap.dedent(code))
        assert execution.stdout == "ü\\x00 102400 0\n"
        assert session.read("copy", max_bytes=200_000) == files["odd näme.bin"][::-1]
        assert session.read("none", max_bytes=9) is None
        session.write("given/data", bytes(100_000))
        assert session.run("print(len(open('given/data', 'rb').read()))").stdout == "100000\n"
        assert session.run("print('\ud800')").ok


def test_runs_over_the_slots_wait_and_say_how_long(elsewhere: SandboxElsewhere) -> None:
    with ThreadPoolExecutor(3) as threads:
        sessions = [elsewhere.open({}, LIMITS) for _ in range(3)]
        runs = [threads.submit(s.run, "import time; time.sleep(0.5)") for s in sessions]
        waited = sorted(run.result().queue_seconds for run in runs)
        for session in sessions:
            session.close()
    assert waited[0] < 0.3
    assert waited[1] < 0.3
    assert waited[2] > 0.35


def test_many_sessions_at_once_do_not_mix_and_leave_nothing_open(
    elsewhere: SandboxElsewhere,
) -> None:
    elsewhere.open({}, LIMITS).close()
    host = node_pid(elsewhere)
    before = descriptors(host), descriptors(os.getpid())

    def play(number: int) -> tuple[str, bytes | None]:
        with elsewhere.open({"n": b"%d" % number}, LIMITS) as session:
            seen = session.run("n = open('input/n').read(); open('out', 'w').write(n); print(n)")
            return seen.stdout, session.read("out", max_bytes=9)

    with ThreadPoolExecutor(16) as threads:
        played = list(threads.map(play, range(48)))
    assert played == [(f"{number}\n", b"%d" % number) for number in range(48)]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        after = descriptors(host), descriptors(os.getpid())
        # The first session may have been on its way out when it was counted.
        if after[0] <= before[0] and after[1] <= before[1] and children(host) == []:
            return
        time.sleep(0.05)
    raise AssertionError(f"{before} descriptors before, {after} after, {children(host)}")


def test_a_session_that_is_closed_while_it_runs_ends_at_once(elsewhere: SandboxElsewhere) -> None:
    with ThreadPoolExecutor(1) as threads:
        session = elsewhere.open({}, LIMITS)
        running = threads.submit(session.run, "import time; time.sleep(25)")
        time.sleep(0.3)
        start = time.monotonic()
        session.close()
        with pytest.raises(SandboxError, match="closed"):
            running.result()
        assert time.monotonic() - start < 3
        assert await_end(children(node_pid(elsewhere)), seconds=5) == []


def test_an_interrupted_run_never_gives_its_answer_to_the_next_one(
    elsewhere: SandboxElsewhere,
) -> None:
    with elsewhere.open({}, LIMITS) as session:
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.4, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.run("import time; time.sleep(1); print('late')")
        timer.join()
        with pytest.raises(SandboxError):
            session.run("print('new')")


def test_a_killed_host_fails_its_runs_at_once_and_the_next_session_works() -> None:
    with SandboxElsewhere(backend="cold") as sandbox, ThreadPoolExecutor(1) as threads:
        session = sandbox.open({}, LIMITS)
        running = threads.submit(session.run, "import time; time.sleep(25)")
        time.sleep(0.3)
        below = children(node_pid(sandbox))
        start = time.monotonic()
        os.kill(node_pid(sandbox), signal.SIGKILL)
        with pytest.raises(SandboxError, match="lost"):
            running.result()
        with pytest.raises(SandboxError):
            session.read("x", max_bytes=1)
        with sandbox.open({}, LIMITS) as again:
            assert again.run("print(1)").stdout == "1\n"
        assert time.monotonic() - start < 5
        assert await_end(below, seconds=5) == []
        session.close()


def test_closing_the_sandbox_closes_its_sessions_and_ends_the_host() -> None:
    sandbox = SandboxElsewhere(backend="cold")
    session = sandbox.open({}, LIMITS)
    pids = [node_pid(sandbox), *children(node_pid(sandbox))]
    sandbox.close()
    sandbox.close()
    assert await_end(pids, seconds=1) == []
    with pytest.raises(SandboxError):
        session.run("pass")
    with pytest.raises(SandboxError, match="closed"):
        sandbox.open({}, LIMITS)
    session.close()


@pytest.mark.parametrize("words", [[], as_user()] if ROOT else [[]])
def test_nothing_stays_behind_a_trainer_that_is_killed(words: list[str]) -> None:
    code = f"""
import sys
from sandmle.core.task import Limits
from sandmle.testing.remote import SandboxElsewhere
sandbox = SandboxElsewhere({words!r}, backend="cold")
session = sandbox.open({{}}, Limits())
print(sandbox._launch._process.pid, flush=True)
session.run("import os, time; os.fork(); time.sleep(60)")
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    ) as trainer:
        assert trainer.stdout is not None
        leash = int(trainer.stdout.readline())
        time.sleep(0.5)
        pids, found = [], [leash]
        while found:
            pids += found
            found = [child for pid in found for child in children(pid)]
        trainer.kill()
    assert len(pids) >= 5
    assert await_end(pids, seconds=5) == []


def test_a_host_that_does_not_isolate_is_refused() -> None:
    for backend in ("unsafe", "slurm"):
        with (
            SandboxElsewhere(backend=backend) as sandbox,
            pytest.raises(UsageError, match="name one that isolates"),
        ):
            sandbox.open({}, LIMITS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"backend": "colt"}, "Did you mean 'cold'"),
        ({"python": Path("/usr/bin/false")}, "not a Python interpreter"),
        ({"node_python": Path("/usr/bin/false")}, "the node's host ended"),
        ({"command": ["/no/such/program"]}, "cannot start /no/such/program: No such file"),
        ({"command": ["sh", "-c", "exec sleep 9"], "wait_seconds": 0.3}, "did not come up within"),
        ({"command": ["sh", "-c", "echo abc >&2; exit 3"]}, "the node's host ended: abc"),
    ],
)
def test_a_host_that_does_not_come_up_says_why(arguments: dict[str, object], words: str) -> None:
    start = time.monotonic()
    with (
        SandboxElsewhere(**{"backend": "cold", **arguments}) as sandbox,  # type: ignore[arg-type] # of several types
        pytest.raises((UsageError, SandboxError), match=words),
    ):
        sandbox.open({}, LIMITS)
    assert time.monotonic() - start < 10


def test_those_who_wait_for_a_host_that_does_not_come_fail_together() -> None:
    with (
        SandboxElsewhere(
            ["sh", "-c", "exec sleep 30"], backend="cold", wait_seconds=1.0
        ) as sandbox,
        ThreadPoolExecutor(6) as threads,
    ):
        start = time.monotonic()
        opening = [threads.submit(sandbox.open, {}, LIMITS) for _ in range(6)]
        for one in opening:
            with pytest.raises(SandboxError, match="did not come up within 1 s"):
                one.result()
        assert time.monotonic() - start < 4


def test_the_leash_hands_on_the_exit_status_and_the_first_line() -> None:
    with subprocess.Popen(
        [sys.executable, LEASH, "sh", "-c", "read line; echo got $line; exit 7"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as leash:
        assert leash.stdin is not None
        leash.stdin.write(b"word\n")
        leash.stdin.flush()
        assert leash.wait(10) == 7
        assert leash.stdout is not None
        assert leash.stdout.read() == b"got word\n"


def test_the_leash_ends_its_command_when_its_input_ends() -> None:
    with subprocess.Popen(
        [sys.executable, LEASH, "sh", "-c", "echo $$; exec sleep 60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as leash:
        assert leash.stdin is not None
        assert leash.stdout is not None
        leash.stdin.write(b"word\n")
        leash.stdin.flush()
        pid = int(leash.stdout.readline())
        leash.stdin.close()
        assert await_end([pid, leash.pid], seconds=5) == []


def test_the_leash_ends_daemons_of_its_command_and_buries_the_dead() -> None:
    daemons = "(trap '' TERM; setsid sh -c 'echo $$; exec sleep 60' &); (setsid true &)"
    with subprocess.Popen(
        [sys.executable, LEASH, "sh", "-c", f"{daemons}; echo $$; sleep 0.7; exit 5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as leash:
        assert leash.stdin is not None
        assert leash.stdout is not None
        leash.stdin.write(b"word\n")
        leash.stdin.flush()
        pids = [int(leash.stdout.readline()) for _ in range(2)]
        assert leash.wait(10) == 5
        assert await_end([*pids, leash.pid], seconds=1) == []
