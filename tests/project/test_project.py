"""Rules that hold for the whole project."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import sandmle

ROOT = Path(__file__).parents[2]


def test_no_python_file_has_more_than_400_lines():
    folders = ("src", "tests", "benchmarks", "examples")
    sizes = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    }
    assert len(sizes) > 50
    assert {path: size for path, size in sizes.items() if size > 400} == {}


def test_importing_sandmle_loads_nothing_heavy_and_takes_under_300_ms():
    code = (
        "import sys, time; start = time.process_time(); import sandmle;"
        "spent = time.process_time() - start;"
        "heavy = {'numpy', 'pandas', 'sklearn', 'pydantic', 'rich', 'typer', 'PIL'};"
        "print(spent, sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    spent, heavy = out.stdout.split(maxsplit=1)
    assert heavy.strip() == "[]"
    assert float(spent) < 0.3


def test_the_public_api_is_sorted_documented_and_complete():
    assert sandmle.__all__ == sorted(sandmle.__all__)
    for name in sandmle.__all__:
        value = getattr(sandmle, name)
        if callable(value):
            assert value.__doc__, f"{name} has no docstring"
    assert set(sandmle.__all__) <= set(dir(sandmle))


def test_the_api_page_names_every_public_name():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [name for name in sandmle.__all__ if f"sandmle.{name}" not in page]
    assert missing == []


def test_every_module_says_what_lives_in_it():
    for info in pkgutil.walk_packages(sandmle.__path__, "sandmle."):
        if info.name != "sandmle.__main__":
            assert importlib.import_module(info.name).__doc__, f"{info.name} has no docstring"


def test_print_and_environment_are_left_to_the_command_line_and_the_policies():
    for path in (ROOT / "src" / "sandmle").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        if path.parts[-2] not in {"cli", "policies"}:
            assert not calls & {"os.getenv", "os.environ.get"}, f"{path} reads the environment"
