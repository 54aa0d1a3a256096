"""Places and descriptors that a session's holder prepares and bubblewrap's arguments name."""

from __future__ import annotations

from pathlib import Path

STAGE = Path("/tmp")  # noqa: S108 - covered by a tmpfs that only the holder sees
"""Exists everywhere, and what is on the host's cannot be reached through it."""
PREFIXES = STAGE / "prefixes"
"""What the interpreter needs, by number: its own path may be closed to the unprivileged user."""
INPUT = STAGE / "input"
"""Copies of the task's public files."""
ETC = STAGE / "etc"
EMPTY_FILE = STAGE / "empty"
MASK = STAGE / "mask"
"""Covers a package that must not be imported."""
WORK = STAGE / "work"
"""The session's work directory: a tmpfs of limited size."""
SCRATCH = STAGE / "scratch"
"""Holds /tmp and /dev/shm: a tmpfs of limited size, new for each run."""

ARGUMENTS_FD, STATUS_FD, BLOCK_FD, SCRIPT_FD, FILTER_FD = range(3, 8)
"""Descriptors in which bubblewrap finds its arguments, tells what happens, waits for the start, and
finds the script and the system call filter."""
