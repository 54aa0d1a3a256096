"""The files of one session, on the host's private stage."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from sandmle.sandbox import _mounts as mounts
from sandmle.sandbox._staging import place_files
from sandmle.sandbox._trees import clone_tree


class SessionFiles(Protocol):
    """The files of one session as the host uses them."""

    root: int
    """Descriptor of the work directory."""

    def tree(self) -> int:
        """Return a descriptor of what a run is shown of them."""
        ...

    def overfull(self, pids: Sequence[int]) -> bool:
        """Say whether the files, those that `pids` hold open included, are more than allowed."""
        ...

    def settle(self) -> bool:
        """Drop, when a run is over, what is more than allowed; say whether there was something."""
        ...

    def close(self) -> None:
        """Drop the files."""
        ...


class Storage:
    """A work directory of limited size, with the task's public files read-only in it.

    Args:
        place: A folder to make; nobody but the host sees it.
        files: Relative paths and sizes of the public files, in the order of `contents`.
        contents: Their contents, one after another.
        disk_mib: How much the work directory may hold.
        owner: User and group of the work directory; None for this process's.
        input_name: Where in the work directory the public files are shown.

    Raises:
        SetupError: If the kernel refuses.
    """

    def __init__(
        self,
        place: Path,
        *,
        files: Iterable[tuple[str, int]],
        contents: bytes,
        disk_mib: int,
        owner: int | None,
        input_name: str,
    ) -> None:
        self._place = place
        self._work = place / "work"
        self._input = self._work / input_name
        place.mkdir(parents=True)
        self._work.mkdir()
        place_files(place / "input", files, contents)
        mounts.mount_tmpfs(self._work, mode=0o755, owner=owner, mib=disk_mib)
        self._input.mkdir()
        mounts.bind_path(str(place / "input"), str(self._input), read_only=True)
        self.root = os.open(self._work, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
        """Descriptor of the work directory."""

    def tree(self) -> int:
        """Return a descriptor of the session's mounts for one run."""
        # A script may have closed its own work directory; the next run must get in.
        os.fchmod(self.root, 0o755)
        return clone_tree(str(self._work))

    def overfull(self, pids: Sequence[int]) -> bool:
        """Say no: the kernel holds the bound."""
        return False

    def settle(self) -> bool:
        """Say no: the kernel holds the bound."""
        return False

    def close(self) -> None:
        """Drop the files."""
        os.close(self.root)
        mounts.unmount(self._input)
        mounts.unmount(self._work)
        shutil.rmtree(self._place)
