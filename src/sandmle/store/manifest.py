"""SHA-256 of every file of a folder, and what has changed since it was taken."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from sandmle.core.record import Record

MANIFEST = "manifest.json"


class FileEntry(Record):
    """One file of the manifest."""

    sha256: str
    bytes: int


def file_entry(data: bytes) -> FileEntry:
    """Describe a file by its contents."""
    return FileEntry(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def listing(folder: Path) -> list[str]:
    """Return every path below `folder`, sorted, with forward slashes; folders are left out.

    Links are listed and never followed.
    """
    paths = []
    for root, folders, names in os.walk(folder, followlinks=False):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        paths += [(Path(root) / name).relative_to(folder).as_posix() for name in names + links]
    return sorted(paths)


def write_manifest(folder: Path) -> None:
    """Describe every file of `folder` in its `manifest.json`."""
    entries = {
        path: file_entry((folder / path).read_bytes()).model_dump()
        for path in listing(folder)
        if path != MANIFEST
    }
    text = json.dumps(entries, indent=1, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def check_manifest(folder: Path) -> list[str]:
    """Return a sentence for every file that is missing, new, a link, or other than it was.

    An empty list means that the folder is as it was written.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return [f"{MANIFEST} is missing"]
    try:
        raw = json.loads(path.read_bytes())
        wanted = {name: FileEntry.model_validate(entry) for name, entry in raw.items()}
    except (ValueError, AttributeError):
        return [f"{MANIFEST} is not a manifest: it cannot be read as JSON of files"]
    present = [name for name in listing(folder) if name != MANIFEST]
    problems = [f"{name} is missing" for name in sorted(set(wanted) - set(present))]
    for name in present:
        file = folder / name
        if file.is_symlink() or not file.is_file():
            problems.append(f"{name} is not a regular file")
        elif name not in wanted:
            problems.append(f"{name} is not in {MANIFEST}")
        elif file_entry(file.read_bytes()) != wanted[name]:
            problems.append(f"{name} differs from what {MANIFEST} says")
    return problems
