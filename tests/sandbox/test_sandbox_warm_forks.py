"""Whether libraries with threads and random streams of their own survive a fork in `warm`.

`benchmarks/soak.py --forks 500` does the same more often.
"""

import importlib.util
import os
import runpy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandmle.core.execution import Execution
from sandmle.core.task import Limits
from sandmle.sandbox._process_tree import tree
from sandmle.sandbox.warm import WarmSandbox

pytestmark = pytest.mark.isolation

SCRIPTS: dict[str, str] = runpy.run_path(
    str(Path(__file__).parents[2] / "benchmarks" / "_soak_forks.py")
)["FORK_SCRIPTS"]
FORKS = 40
SESSIONS = 2
HANG_SECONDS = 60.0
THREADS = """
import threadpoolctl, joblib, os
import numpy, scipy.linalg, sklearn.ensemble
counts = [library["num_threads"] for library in threadpoolctl.threadpool_info()]
print(len(counts) > 1, set(counts), joblib.cpu_count(), len(os.listdir("/proc/self/task")))
"""


def needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None, reason=f"{module} is not installed"
    )


def libraries() -> list[object]:
    marks = {name: [needs(name)] for name in ("lightgbm", "torch")}
    return [pytest.param(name, marks=marks.get(name, []), id=name) for name in SCRIPTS]


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmSandbox]:
    with WarmSandbox(slots=SESSIONS) as sandbox:
        yield sandbox


def run_often(sandbox: WarmSandbox, code: str, runs: int) -> list[Execution]:
    """Run code in sessions side by side, so that children of one server live at the same time."""

    def one_session(count: int) -> list[Execution]:
        with sandbox.open({}, Limits()) as session:
            return [session.run(code, timeout_seconds=HANG_SECONDS) for _ in range(count)]

    with ThreadPoolExecutor(SESSIONS) as threads:
        found = threads.map(one_session, [runs // SESSIONS] * SESSIONS)
        return [execution for executions in found for execution in executions]


@pytest.mark.parametrize("library", libraries())
def test_no_fork_hangs_in_a_library_with_threads(warm: WarmSandbox, library: str) -> None:
    executions = run_often(warm, SCRIPTS[library], FORKS)
    assert len(executions) == FORKS
    assert [seen for seen in executions if seen.stdout != "ok\n"] == []


@pytest.mark.parametrize(
    "draw",
    [
        "import random; print(random.random())",
        "import random; print(random.SystemRandom().random())",
        "import numpy; print(numpy.random.random())",
        "import numpy; print(numpy.random.default_rng().random())",
        "import sklearn.utils; print(sklearn.utils.check_random_state(None).random())",
        "import uuid; print(uuid.uuid4())",
        "import tempfile; print(tempfile.mktemp())",
        pytest.param("import torch; print(torch.rand(()).item())", marks=needs("torch")),
    ],
)
def test_no_two_siblings_share_a_random_stream(warm: WarmSandbox, draw: str) -> None:
    executions = run_often(warm, draw, 12)
    assert all(seen.ok for seen in executions)
    assert len({seen.stdout for seen in executions}) == 12


def test_libraries_use_one_thread_and_see_one_core(warm: WarmSandbox) -> None:
    with warm.open({}, Limits()) as session:
        assert session.run(THREADS).stdout == "True {1} 1 1\n"


@needs("torch")
def test_torch_uses_one_thread(warm: WarmSandbox) -> None:
    with warm.open({}, Limits()) as session:
        seen = session.run("import torch; print(torch.get_num_threads())")
    assert seen.stdout == "1\n"


def test_a_fork_server_has_one_thread_after_its_children_used_many(warm: WarmSandbox) -> None:
    run_often(warm, SCRIPTS["random_forest"], SESSIONS)
    servers = fork_servers()
    assert len(servers) >= 2
    assert {len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in servers} == {1}


def fork_servers() -> set[int]:
    """Return the parents of those idle processes that come first in the namespace of a run."""
    stats = [Path(f"/proc/{pid}/stat") for pid in tree(os.getpid())]
    texts = [stat.read_text(encoding="utf-8", errors="replace") for stat in stats if stat.exists()]
    return {int(text.rpartition(")")[2].split()[1]) for text in texts if "(sleep)" in text}
