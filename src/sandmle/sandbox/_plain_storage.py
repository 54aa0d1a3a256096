"""The files of one session in ordinary folders, for machines that allow no mounts.

Stops: more files than allowed, as `Storage` does, but by looking now and then. Does not stop: a
burst between two looks, nor the replacement of `input/` as a whole, which is undone before the next
run; its files cannot be written because code cannot change their mode (see `_seccomp_strict`).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from sandmle.sandbox._disk_use import BLOCK, EVERYTHING, Use, removed_but_open, use_of
from sandmle.sandbox._landlock_view import SCRIPT_NAME, TEMPORARY, WORK
from sandmle.sandbox._mounts import SetupError
from sandmle.sandbox._removal import remove_tree
from sandmle.sandbox._staging import place_files

_ORIGINALS = "input"
_MIB = 1 << 20
_FILES_PER_MIB, _FILES_AT_LEAST = 64, 4_096
_SHARE_OF_TIME = 0.1
"""How much of the time looking may take."""


class PlainStorage:
    """A work directory, a temporary one for each run, and the task's public files.

    Args:
        place: A folder to make, for this session alone.
        files: Relative paths and sizes of the public files, in the order of `contents`.
        contents: Their contents, one after another.
        disk_mib: How much the folders of a run may hold together.
        owner: User and group of what code may write; None for this process's.
        input_name: Where in the work directory the public files are shown.

    Raises:
        SetupError: If a file cannot be written.
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
        self._work, self._temporary = place / WORK, place / TEMPORARY
        self._input = self._work / input_name
        self._owner = owner
        self._next_look = 0.0
        self._bound = EVERYTHING
        try:
            place.mkdir()
            place.chmod(0o700 if owner is None else 0o711)
            place_files(place / _ORIGINALS, files, contents)
            self._make(self._work)
            self._make(self._temporary)
            (place / SCRIPT_NAME).touch()
            self._give(place / SCRIPT_NAME)
            self._show_input()
        except OSError as exc:
            raise SetupError(f"cannot write a session's files: {exc}") from exc
        self.root = os.open(self._work, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
        """Descriptor of the work directory."""
        bound = Use(disk_mib * _MIB, max(_FILES_AT_LEAST, _FILES_PER_MIB * disk_mib))
        self._bound = bound.plus(self._use())

    def tree(self) -> int:
        """Return a descriptor of the session's folder, ready for a run."""
        os.fchmod(self.root, 0o755)
        if self._input_id() != self._shown:
            # Code cannot change the files in it, but it can put it aside as a whole.
            remove_tree(self._input)
            self._show_input()
        self._renew_temporary()
        return os.open(self._place, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)

    def overfull(self, pids: Sequence[int]) -> bool:
        """Say whether the files are more than allowed, as far as it is worth a look by now.

        Args:
            pids: The processes of the run, which may hold files open that have no name any more.
        """
        start = time.monotonic()
        if start < self._next_look:
            return False
        nameless = removed_but_open(pids, device=os.fstat(self.root).st_dev)
        over = self._use().plus(nameless).over(self._bound)
        seconds = time.monotonic() - start
        self._next_look = start + seconds / _SHARE_OF_TIME
        return over

    def settle(self) -> bool:
        """Remove, when a run is over, what it wrote last and beyond what is allowed.

        Returns:
            Whether there was something.
        """
        if not self._use().over(self._bound):
            return False
        self._renew_temporary()
        use = self._use(bound=EVERYTHING)
        for _, data, place in self._newest_first():
            if not use.over(self._bound):
                break
            with contextlib.suppress(OSError):
                place.unlink()
                use = Use(use.data - data, use.files - 1)
        if self._use().over(self._bound):
            # Folders alone can be too many, or too deep to look into.
            for place in self._work.iterdir():
                if place != self._input:
                    remove_tree(place)
        return True

    def close(self) -> None:
        """Remove the files."""
        os.close(self.root)
        remove_tree(self._place)

    def _use(self, *, bound: Use | None = None) -> Use:
        bound = bound or self._bound
        use = Use()
        for place in (self._work, self._temporary):
            with contextlib.suppress(OSError):
                fd = os.open(place, os.O_DIRECTORY | os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    use = use.plus(use_of(fd, bound=bound))
                finally:
                    os.close(fd)
        return use

    def _newest_first(self) -> list[tuple[int, int, Path]]:
        """Return the files in the work directory: times, which code cannot set, sizes, places."""
        found: list[tuple[int, int, Path]] = []
        with contextlib.suppress(OSError, RecursionError):
            for folder, folders, names in os.walk(self._work):
                if Path(folder) == self._work:
                    folders[:] = [name for name in folders if name != self._input.name]
                for place in (Path(folder, name) for name in names):
                    status = place.lstat()
                    found.append((status.st_ctime_ns, status.st_blocks * BLOCK, place))
        return sorted(found, reverse=True)

    def _renew_temporary(self) -> None:
        try:
            self._temporary.rmdir()
        except OSError:
            remove_tree(self._temporary)
        self._make(self._temporary)

    def _show_input(self) -> None:
        """Lay out the public files in the work directory."""
        originals = self._place / _ORIGINALS
        self._input.mkdir()
        folders = [self._input]
        for original in sorted(originals.rglob("*")):
            shown = self._input / original.relative_to(originals)
            if original.is_dir():
                shown.mkdir()
                folders.append(shown)
            else:
                shown.hardlink_to(original)
                shown.chmod(0o444)
        for folder in folders:
            folder.chmod(0o555)
        self._shown = self._input_id()

    def _input_id(self) -> tuple[int, int] | None:
        with contextlib.suppress(OSError):
            found = self._input.lstat()
            return found.st_dev, found.st_ino
        return None

    def _make(self, folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o755)
        self._give(folder)

    def _give(self, place: Path) -> None:
        if self._owner is not None:
            os.chown(place, self._owner, self._owner)
