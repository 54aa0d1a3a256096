"""Which files of the host an interpreter needs, and which of them must be hidden from agents."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandmle.core.errors import UsageError

_SYSTEM = Path("/usr")
_ASK = """
import json, sys
prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
print(json.dumps({"executable": sys.executable, "prefixes": prefixes, "path": sys.path}))
"""
# Not the whole prefix: it may be a project's folder, with data and keys beside the interpreter.
_PARTS_OF_A_PREFIX = ("bin", "lib", "lib32", "lib64", "pyvenv.cfg")


@dataclass(frozen=True)
class Interpreter:
    """A Python as a sandbox must show it."""

    executable: Path
    binds: tuple[Path, ...]
    """Files and folders outside /usr that it needs, outer ones first."""
    masked: tuple[Path, ...]
    """Files and folders within what is shown that give a way to sandmle's source."""

    @classmethod
    def of(cls, python: Path) -> Interpreter:
        """Ask an interpreter where it lives.

        Raises:
            UsageError: If it does not run.
        """
        facts = _ask(python)
        executable = Path(facts["executable"])
        binds = _outermost(
            place for prefix in dict.fromkeys(facts["prefixes"]) for place in _parts(Path(prefix))
        )
        binds += _links_outside(executable, binds)
        shown = (_SYSTEM, *binds)
        folders = {Path(folder) for folder in facts["path"]}
        for root in shown:
            folders.update(root.glob("lib*/python3*/*-packages"))
            folders.update(root.glob("local/lib*/python3*/*-packages"))
            folders.update(root.glob("python3*/*-packages"))
            if root.name == "bin":
                folders.add(root)
        folders.add(_SYSTEM / "bin")
        folders.add(_SYSTEM / "local" / "bin")
        own = Path(__file__).resolve().parents[1]
        masked = {own, *(entry for folder in folders for entry in _revealing(folder))}
        return cls(
            executable,
            tuple(binds),
            tuple(sorted(place for place in masked if _within(place, shown))),
        )


def _ask(python: Path) -> dict[str, Any]:
    try:
        answer = subprocess.run(
            [python, "-I", "-c", _ASK], env={}, capture_output=True, timeout=60, check=True
        )
        facts: dict[str, Any] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as exc:
        raise UsageError(f"{python} is not a Python interpreter that runs: {exc}") from exc
    return facts


def _parts(prefix: Path) -> list[Path]:
    """Return what an interpreter needs of a prefix, by its given and by its real path."""
    return [
        root / name
        for root in dict.fromkeys((prefix, prefix.resolve()))
        for name in _PARTS_OF_A_PREFIX
        if (root / name).exists()
    ]


def _outermost(places: Any) -> list[Path]:
    kept: list[Path] = []
    for place in sorted(set(places), key=lambda place: len(place.parts)):
        if not _within(place, (_SYSTEM, *kept)):
            kept.append(place)
    return kept


def _links_outside(executable: Path, binds: list[Path]) -> list[Path]:
    """Return the links on the way to the interpreter's file that `binds` do not show."""
    found = []
    place = executable
    while place.is_symlink():
        place = place.parent / place.readlink()
        if not _within(place, (_SYSTEM, *binds)):
            found.append(place)
    return found


def _revealing(folder: Path) -> list[Path]:
    """Return the entries of a folder that are sandmle, name it, or lead to its source."""
    if not folder.is_dir():
        return []
    return [
        entry
        for entry in folder.iterdir()
        if "sandmle" in entry.name.lower() or (entry.suffix == ".pth" and _leads_to_us(entry))
    ]


def _leads_to_us(path_file: Path) -> bool:
    lines = path_file.read_text(encoding="utf-8", errors="replace").splitlines()
    return any("sandmle" in line or (Path(line) / "sandmle").is_dir() for line in lines if line)


def _within(place: Path, roots: tuple[Path, ...]) -> bool:
    return any(place.is_relative_to(root) for root in roots)
