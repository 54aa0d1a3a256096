import subprocess
import sys
from pathlib import Path

import pytest

from sandmle.core.errors import UsageError
from sandmle.sandbox._interpreter import Interpreter
from sandmle.sandbox._view import arguments


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    place = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    return place


def test_a_virtual_environment_shows_its_base_too(venv: Path) -> None:
    interpreter = Interpreter.of(venv / "bin" / "python")
    assert interpreter.executable == venv / "bin" / "python"
    base = Path(sys.base_prefix)
    for place in (venv / "lib", venv / "bin", venv / "pyvenv.cfg", base / "lib"):
        shown = (Path("/usr"), *interpreter.binds)
        assert any(place.is_relative_to(root) for root in shown), place


def test_only_the_interpreters_parts_of_a_prefix_are_shown(venv: Path) -> None:
    (venv / "data").mkdir()
    (venv / ".env").write_text("KEY=1")
    interpreter = Interpreter.of(venv / "bin" / "python")
    assert venv not in interpreter.binds
    assert not any((venv / "data").is_relative_to(place) for place in interpreter.binds)
    assert venv / ".env" not in interpreter.binds


def test_what_gives_a_way_to_the_source_is_masked(venv: Path) -> None:
    site = next(venv.glob("lib/python3*/site-packages"))
    (site / "sandmle").mkdir()
    (site / "sandmle-0.1.dist-info").mkdir()
    for name, text in (
        ("__editable___sandmle_finder.py", ""),
        ("dev.pth", "/somewhere/sandmle/src\n"),
        ("other.pth", "/elsewhere\nimport os\n"),
        ("numpy.py", ""),
    ):
        (site / name).write_text(text)
    masked = {
        place.name
        for place in Interpreter.of(venv / "bin" / "python").masked
        if venv in place.parents
    }
    assert masked == {
        "sandmle",
        "sandmle-0.1.dist-info",
        "__editable___sandmle_finder.py",
        "dev.pth",
    }


def test_a_link_outside_the_prefixes_is_shown_itself(venv: Path, tmp_path: Path) -> None:
    python = venv / "bin" / "python"
    target = python.resolve()
    hop = tmp_path / "hop" / "python-link"
    hop.parent.mkdir()
    hop.symlink_to(target)
    python.unlink()
    python.symlink_to(hop)
    interpreter = Interpreter.of(python)
    assert hop in interpreter.binds


@pytest.mark.parametrize("content", [None, "#!/bin/sh\nexit 3\n", "#!/bin/sh\necho hello\n"])
def test_what_is_no_interpreter_is_refused(tmp_path: Path, content: str | None) -> None:
    python = tmp_path / "python"
    if content:
        python.write_text(content)
        python.chmod(0o755)
    with pytest.raises(UsageError, match="not a Python interpreter"):
        Interpreter.of(python)


def test_every_parent_of_a_bind_is_made_readable(venv: Path) -> None:
    words = arguments(Interpreter.of(venv / "bin" / "python"), disable_userns=True, seccomp=True)
    for place in (venv / "lib").parents:
        if place not in (Path("/"), Path("/tmp")):
            at = [number for number, word in enumerate(words) if word == str(place)]
            assert any(words[n - 3 : n] == ["--perms", "0755", "--dir"] for n in at), place


def test_nothing_of_the_host_is_writable(venv: Path) -> None:
    words = arguments(Interpreter.of(venv / "bin" / "python"), disable_userns=True, seccomp=True)
    writable = [words[n + 2] for n, word in enumerate(words) if word in ("--bind", "--bind-try")]
    assert sorted(writable) == ["/box", "/dev/shm", "/tmp"]
    assert words.count("--clearenv") == words.count("--unshare-net") == 1
