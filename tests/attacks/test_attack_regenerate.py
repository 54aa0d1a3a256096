"""The task generator is public: an agent that could run it would make the answers itself."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sandmle
from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox import make_sandbox

SEARCH = """
import os, subprocess, sys
try:
    import sandmle
    print("imported", sandmle)
except ImportError:
    pass
tell = ["find", "/", "-path", "/proc", "-prune", "-o", "-iname", "*sandmle*", "-print"]
found = []
for place in subprocess.run(tell, capture_output=True, text=True).stdout.splitlines():
    if os.path.isdir(place):
        found += [os.path.join(place, inner) for inner in os.listdir(place)]
    elif os.path.getsize(place):
        found.append(place)
# the environment itself may lie in a checkout of that name
for place in (place for place in found if not sys.prefix.startswith(place)):
    if os.path.isdir(place) or "ModuleNotFoundError" not in open(place).read():
        print("found", place)
print("searched")
"""


def test_the_source_is_nowhere(cold: Sandbox, limits: Limits) -> None:
    with cold.open({}, limits) as session:
        execution = session.run(SEARCH, timeout_seconds=90)
    assert execution.stdout == "searched\n", execution


@pytest.fixture
def full_venv(tmp_path: Path) -> Path:
    """An environment in which sandmle is installed, and reached by a path file too."""
    place = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    site = next(place.glob("lib/python3*/site-packages"))
    source = Path(sandmle.__file__).parent
    shutil.copytree(source, site / "sandmle", ignore=shutil.ignore_patterns("__pycache__"))
    info = site / "sandmle-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("sandmle/__init__.py,,\n")
    (site / "dev.pth").write_text(f"{source.parent}\n")
    (site / "_sandmle.pth").write_text(f"{source.parent}\n")
    (site / "innocent.py").write_text("VALUE = 1\n")
    return place


def test_an_installed_generator_is_masked(full_venv: Path, limits: Limits) -> None:
    python = full_venv / "bin" / "python"
    told = subprocess.run([python, "-I", "-c", "import sandmle.core"], check=False)
    assert told.returncode == 0, "the environment does have sandmle outside the sandbox"
    with make_sandbox("cold", python=python) as sandbox, sandbox.open({}, limits) as session:
        execution = session.run("import innocent, sys; print(sys.prefix)\n" + SEARCH)
    assert execution.stdout == f"{full_venv}\nsearched\n", execution


def test_path_files_that_lead_to_the_source_are_masked(full_venv: Path, limits: Limits) -> None:
    code = "import sys; print([p for p in sys.path if p.endswith('/src')])"
    python = full_venv / "bin" / "python"
    with make_sandbox("cold", python=python) as sandbox, sandbox.open({}, limits) as session:
        assert session.run(code).stdout == "[]\n"


def test_neither_pip_nor_the_network_can_fetch_it(cold: Sandbox, limits: Limits) -> None:
    code = """
import subprocess, sys
told = subprocess.run([sys.executable, "-m", "pip", "install", "--no-input", "--retries", "0",
                       "--timeout", "2", "--target", "/box/got", "sandmle"], capture_output=True)
print(told.returncode != 0)
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "True\n"
