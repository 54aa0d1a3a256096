"""The sandbox `slurm` on a real Slurm of this one machine, which poses as two nodes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandmle.core.errors import SandboxError, UsageError
from sandmle.core.task import Limits
from sandmle.sandbox.slurm import SlurmSandbox
from sandmle.testing.check_sandbox import sandbox_checks
from sandmle.testing.slurm import OneMachineSlurm, missing

LIMITS = Limits(step_seconds=30, memory_mib=512, disk_mib=16, processes=24)
CPUS = 8
"""What each node offers, so that several allocations fit."""
LOOPBACK = "127.0.0.1"
SECRET = "a-key-of-the-trainer-5d1f"

pytestmark = [
    pytest.mark.isolation,
    pytest.mark.skipif(bool(missing()), reason=f"no Slurm can be started here: {missing()}"),
]


@pytest.fixture(scope="module")
def slurm() -> Iterator[OneMachineSlurm]:
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        OneMachineSlurm(Path(folder) / "slurm", nodes=2, cpus=CPUS) as made,
    ):
        for name, value in made.environment.items():
            patch.setenv(name, value)
        patch.setenv("SANDMLE_TEST_KEY", SECRET)
        yield made


@pytest.fixture(scope="module")
def two_nodes(slurm: OneMachineSlurm) -> Iterator[SlurmSandbox]:
    with SlurmSandbox(
        nodes=2, slots=2, address=LOOPBACK, replace_seconds=0.5, wait_seconds=60
    ) as sandbox:
        yield sandbox


def queue(slurm: OneMachineSlurm) -> list[str]:
    return slurm.ask("squeue", "--noheader", "--format=%j").split()


def await_that(holds: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


def hosts(sandbox: SlurmSandbox) -> dict[int, str]:
    """Return the process of each node's host, and the node's name."""
    assert sandbox._nodes is not None
    return hosts_of(sandbox._nodes.reachable[0])


def hosts_of(address: str) -> dict[int, str]:
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().decode().split("\0")
            variables = (place / "environ").read_bytes().decode().split("\0")
        except OSError:
            continue
        if address in words and "srun" not in words and "-S" not in words:
            settings = dict(variable.partition("=")[::2] for variable in variables if variable)
            if "SLURMD_NODENAME" in settings:
                found[int(place.name)] = settings["SLURMD_NODENAME"]
    return found


@pytest.mark.parametrize("check", sandbox_checks(isolated=True))
def test_slurm_keeps_the_contract(check: str, two_nodes: SlurmSandbox) -> None:
    sandbox_checks(isolated=True)[check](two_nodes)


def test_one_srun_serves_all_sessions_and_spreads_them_over_the_nodes(
    slurm: OneMachineSlurm, two_nodes: SlurmSandbox
) -> None:
    sessions = [two_nodes.open({"n": b"%d" % n}, LIMITS) for n in range(6)]
    with ThreadPoolExecutor(6) as threads:
        runs = list(threads.map(lambda s: s.run("print(open('input/n').read())"), sessions))
    assert [run.stdout for run in runs] == [f"{n}\n" for n in range(6)]
    assert sorted(session._node for session in sessions) == ["node0"] * 3 + ["node1"] * 3
    assert await_that(lambda: queue(slurm) == ["sandmle"], seconds=10)
    for session in sessions:
        session.close()


def test_no_secret_of_the_trainer_is_on_the_nodes(two_nodes: SlurmSandbox) -> None:
    two_nodes.open({}, LIMITS).close()
    found = hosts(two_nodes)
    assert sorted(found.values()) == ["node0", "node1"]
    assert two_nodes._nodes is not None
    token = two_nodes._nodes.token.strip()
    for pid in found:
        shown = (
            Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        assert SECRET.encode() not in shown
        assert token not in shown
    assert token not in Path(f"/proc/{os.getpid()}/cmdline").read_bytes()


def test_a_killed_node_fails_its_runs_and_is_replaced_while_the_other_works(
    two_nodes: SlurmSandbox,
) -> None:
    sessions = [two_nodes.open({}, LIMITS) for _ in range(2)]
    lost, kept = sorted(sessions, key=lambda session: session._node)
    (victim,) = [pid for pid, name in hosts(two_nodes).items() if name == lost._node]
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(lost.run, "import time; time.sleep(25)")
        time.sleep(0.3)
        start = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(SandboxError, match=f"lost {lost._node}"):
            running.result()
        assert time.monotonic() - start < 3
    assert kept.run("print(1)").stdout == "1\n"

    def both_again() -> bool:
        with two_nodes.open({}, LIMITS) as session:
            assert session.run("print(2)").stdout == "2\n"
        return set(hosts(two_nodes).values()) == {"node0", "node1"} and (
            two_nodes._nodes is not None and len(two_nodes._nodes.alive) == 2
        )

    assert await_that(both_again, seconds=30)
    assert kept.run("print(3)").stdout == "3\n"
    for session in sessions:
        session.close()


def test_when_srun_is_killed_runs_fail_and_the_next_session_starts_it_again(
    slurm: OneMachineSlurm,
) -> None:
    with (
        SlurmSandbox(address=LOOPBACK, backend="cold", srun=("srun", "--overcommit")) as sandbox,
        ThreadPoolExecutor(1) as threads,
    ):
        session = sandbox.open({}, LIMITS)
        for how in ("srun", "leash", "scancel"):
            running = threads.submit(session.run, "import time; time.sleep(25)")
            time.sleep(0.3)
            ((_, launch),) = sandbox._launches.items()
            before = hosts(sandbox)
            if how == "scancel":
                (job,) = slurm.ask("squeue", "-h", "-n", "sandmle", "-S-i", "-o%i").split()[:1]
                slurm.ask("scancel", job)
            elif how == "leash":
                launch._process.kill()
            else:
                subprocess.run(["pkill", "-KILL", "-P", str(launch._process.pid)], check=True)
            start = time.monotonic()
            with pytest.raises(SandboxError):
                running.result()
            assert time.monotonic() - start < 5
            assert await_that(lambda: not sandbox._nodes.alive, seconds=5)  # type: ignore[union-attr] # it is open
            session = sandbox.open({}, LIMITS)
            assert session.run("print(1)").stdout == "1\n"
            assert await_that(lambda old=before: not set(old) & set(hosts(sandbox)), seconds=5)


def test_nothing_stays_behind_a_trainer_that_is_killed(slurm: OneMachineSlurm) -> None:
    code = f"""
from sandmle.core.task import Limits
from sandmle.sandbox.slurm import SlurmSandbox
sandbox = SlurmSandbox(nodes=2, address={LOOPBACK!r}, backend="cold", srun=["srun", "--job-name=x"])
session = sandbox.open({{}}, Limits())
print(sandbox._nodes.reachable[0], flush=True)
session.run("import os, time; os.fork(); time.sleep(60)")
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as trainer:
        assert trainer.stdout is not None
        place = trainer.stdout.readline().strip()
        time.sleep(0.5)
        jobs = len(queue(slurm))
        trainer.kill()

    def gone() -> bool:
        listed = subprocess.run(["pgrep", "-f", place], capture_output=True, check=False)
        return not listed.stdout and len(queue(slurm)) == jobs - 1

    assert await_that(gone, seconds=10)


def test_a_trainer_killed_in_the_queue_leaves_the_queue(slurm: OneMachineSlurm) -> None:
    code = f"""
from sandmle.core.task import Limits
from sandmle.sandbox.slurm import SlurmSandbox
srun = ["srun", "--job-name=later", "--begin=now+1hour"]
SlurmSandbox(address={LOOPBACK!r}, srun=srun).open({{}}, Limits())
"""
    with subprocess.Popen([sys.executable, "-c", code]) as trainer:
        assert await_that(lambda: "later" in queue(slurm), seconds=15)
        trainer.kill()
    assert await_that(lambda: "later" not in queue(slurm), seconds=10)


@pytest.mark.usefixtures("slurm")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"srun": ("srun", "--begin=now+1hour"), "wait_seconds": 1.0},
            "0 of 1 nodes came within 1 s.*still pending.*squeue",
        ),
        ({"node_python": Path("/no/such/python")}, "srun ended.*does not have that interpreter"),
        ({"node_python": Path("/usr/bin/python3")}, "No module named.*install the same version"),
        ({"srun": ("srun", "--partition=none")}, "srun ended.*invalid partition.*sinfo"),
        ({"backend": "unsafe"}, "name one that isolates"),
        ({"backend": "slurm"}, "name one that isolates"),
        ({"python": Path("/usr/bin/false")}, "not a Python interpreter"),
        ({"address": "192.0.2.1"}, "cannot listen on '192.0.2.1'"),
    ],
)
def test_what_does_not_work_is_said_with_the_next_move(
    arguments: dict[str, object], words: str, slurm: OneMachineSlurm
) -> None:
    before = len(queue(slurm))
    with (
        SlurmSandbox(
            **{"address": LOOPBACK, "backend": "cold", "wait_seconds": 15.0, **arguments}  # type: ignore[arg-type] # of several types
        ) as sandbox,
        pytest.raises((SandboxError, UsageError), match=f"(?s){words}"),
    ):
        sandbox.open({}, LIMITS)
    assert await_that(lambda: len(queue(slurm)) == before, seconds=10)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare")
@pytest.mark.usefixtures("slurm")
def test_a_node_that_cannot_connect_back_is_said(tmp_path: Path) -> None:
    offline = tmp_path / "python"
    offline.write_text(f'#!/bin/sh\nexec unshare --net {sys.executable} "$@"\n')
    offline.chmod(0o755)
    with (
        SlurmSandbox(address=LOOPBACK, backend="cold", node_python=offline) as sandbox,
        pytest.raises(SandboxError, match=r"(?s)Network is unreachable.*firewall"),
    ):
        sandbox.open({}, LIMITS)


def test_inside_an_allocation_all_its_nodes_and_cores_are_used(slurm: OneMachineSlurm) -> None:
    code = f"""
from sandmle.core.task import Limits
from sandmle.sandbox.slurm import SlurmSandbox
with SlurmSandbox(address={LOOPBACK!r}, backend="cold") as sandbox:
    sessions = [sandbox.open({{}}, Limits()) for _ in range(2)]
    print([session.run("print(1)").stdout for session in sessions])
    print(sorted((node.name, node.slots) for node in sandbox._nodes.alive))
"""
    said = slurm.ask(
        "salloc", "--quiet", "--nodes=2", "--ntasks-per-node=2", sys.executable, "-c", code
    )
    cores = min(2, len(os.sched_getaffinity(0)))
    assert said.splitlines() == [
        "['1\\n', '1\\n']",
        str([("node0", cores), ("node1", cores)]),
    ]


def test_inside_an_allocation_a_lost_node_is_started_again_where_it_was(
    slurm: OneMachineSlurm,
) -> None:
    code = f"""
from sandmle.core.task import Limits
from sandmle.sandbox.slurm import SlurmSandbox
import time
with SlurmSandbox(address={LOOPBACK!r}, backend="cold", replace_seconds=0.5) as sandbox:
    sandbox.open({{}}, Limits()).close()
    print(sandbox._nodes.reachable[0], flush=True)
    input()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        sandbox.open({{}}, Limits()).close()
        if len(sandbox._nodes.alive) == 2:
            break
        time.sleep(0.1)
    print(sorted((node.name, node.launch) for node in sandbox._nodes.alive))
"""
    with subprocess.Popen(
        ["salloc", "--quiet", "--nodes=2", sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as trainer:
        assert trainer.stdout is not None
        found = hosts_of(trainer.stdout.readline().strip())
        (victim,) = [pid for pid, name in found.items() if name == "node1"]
        os.kill(victim, signal.SIGKILL)
        said, _ = trainer.communicate("go\n", timeout=60)
    assert said.strip() == str([("node0", 1), ("node1", 2)])


def test_a_batch_script_with_the_trainer_on_its_first_node_works(
    slurm: OneMachineSlurm, tmp_path: Path
) -> None:
    script = tmp_path / "train.sbatch"
    code = (
        "from sandmle.core.task import Limits; from sandmle.sandbox.slurm import SlurmSandbox\n"
        f"with SlurmSandbox(address={LOOPBACK!r}, backend='cold') as sandbox:\n"
        "    with sandbox.open({}, Limits()) as session: print(session.run('print(1)').stdout)\n"
    )
    script.write_text(
        "#!/bin/sh\n#SBATCH --nodes=2\n#SBATCH --ntasks-per-node=1\n#SBATCH --cpus-per-task=2\n"
        f'srun --nodes=1 --ntasks=1 --overlap {sys.executable} -c "{code}"\n'
    )
    out = tmp_path / "out"
    slurm.ask("sbatch", f"--output={out}", f"--chdir={tmp_path}", str(script))
    assert await_that(lambda: out.exists() and bool(out.read_text()), seconds=30)
    assert out.read_text().strip() == "1"
