"""Control groups for the slots of a host process, version 1 and 2.

They are made below the group in which this process is, and nowhere else. What they stop and do not
stop is said in `_cgroup`.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from sandmle.sandbox._cgroup import (
    V1,
    V2,
    Group,
    Version,
    kill_all,
    pids_in,
    remove,
    words_in,
    write,
)
from sandmle.sandbox._claims import abandoned, claim
from sandmle.sandbox._mounts import SetupError

CONTROLLERS = ("memory", "pids")
_PREFIX = "sandmle-"
_numbers = itertools.count()
_OWN_PROCESS = "self"


class Groups:
    """The control groups of one host process; see `find`.

    Args:
        version: How files are called.
        folders: Where the slots' groups are made, by controller.
        home: The group to which this process goes back at the end, if it was moved.
    """

    def __init__(
        self, version: Version, folders: Mapping[str, Path], *, home: Path | None = None
    ) -> None:
        self._version = version
        self._folders = folders
        self._home = home
        self._slots: dict[int, Group] = {}
        self._claims = [claim(place) for place in dict.fromkeys(folders.values())]

    @classmethod
    def find(
        cls, *, proc: Path = Path("/proc/self"), controllers: tuple[str, ...] = CONTROLLERS
    ) -> Groups | None:
        """Prepare to make groups below the own one; None where this process may not.

        Version 1 needs write access. Version 2 needs it too (root, or a group delegated by
        systemd), and that the own group may hand on its controllers: it is the root group, or no
        other process is in it, in which case this one is moved to a group of its own below.

        Groups that owners who were killed left behind are removed.

        Args:
            proc: Where the kernel describes this process.
            controllers: What the groups must be able to bound.
        """
        own = own_groups(
            (proc / "cgroup").read_text(encoding="utf-8"),
            (proc / "mountinfo").read_text(encoding="utf-8"),
        )
        found = {name: own[name] for name in controllers if name in own}
        if controllers and len(found) == len(controllers):
            return cls._v1(found)
        return cls._v2(own[""], controllers) if "" in own and not found else None

    def slot(self, number: int) -> Group:
        """Return the group of a slot; it is made when first asked for.

        Raises:
            SetupError: If it cannot be made.
        """
        if number not in self._slots:
            folders = {name: place / f"s{number}" for name, place in self._folders.items()}
            try:
                self._slots[number] = Group(self._version, folders)
            except OSError as exc:
                raise SetupError(f"cannot make a control group: {exc}") from exc
        return self._slots[number]

    def close(self) -> None:
        """Kill what is in the groups and remove them; calling it twice is fine."""
        for group in self._slots.values():
            group.remove()
        self._slots.clear()
        places = tuple(dict.fromkeys(self._folders.values()))
        if self._home:
            with contextlib.suppress(OSError):
                _give_back(self._home, places[0])
            self._home = None
        for place in places:
            remove(place)
        while self._claims:
            os.close(self._claims.pop())

    @classmethod
    def _v1(cls, own: Mapping[str, Path]) -> Groups | None:
        name_of_all = _new_name()
        folders = {name: place / name_of_all for name, place in own.items()}
        try:
            for place in dict.fromkeys(own.values()):
                _drop_stale(place)
            for place in folders.values():
                place.mkdir(exist_ok=True)
            return cls(V1, folders)
        except OSError:
            for place in folders.values():
                remove(place)
            return None

    @classmethod
    def _v2(cls, own: Path, controllers: tuple[str, ...]) -> Groups | None:
        base = own / _new_name()
        try:
            if not set(controllers) <= words_in(own / "cgroup.controllers"):
                return None
            if not os.access(own / "cgroup.procs", os.W_OK):
                return None
            _drop_stale(own)
            base.mkdir(exist_ok=True)
            moved = _hand_on(own, base, controllers)
            # Without controllers, groups still kill as a whole.
            folders = dict.fromkeys(controllers or ("",), base)
            return cls(V2, folders, home=own if moved else None)
        except OSError:
            with contextlib.suppress(OSError):
                _give_back(own, base)
            remove(base)
            return None


def own_groups(cgroup: str, mountinfo: str) -> dict[str, Path]:
    """Return the folders of the own groups by controller; that of version 2 by "".

    Args:
        cgroup: Contents of /proc/self/cgroup.
        mountinfo: Contents of /proc/self/mountinfo.
    """
    paths: dict[str, str] = {}
    for line in cgroup.splitlines():
        _, names, path = line.split(":", 2)
        paths.update(dict.fromkeys(names.split(","), path))
    found: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        fields, _, end = line.partition(" - ")
        root, point = fields.split()[3:5]
        kind, _, options = end.split(" ", 2)
        for name in {"cgroup2": [""], "cgroup": options.split(",")}.get(kind, []):
            folder = _below(paths.get(name, ""), root, Path(point))
            if folder and folder.is_dir():
                found.setdefault(name, folder)
    return found


def _below(path: str, root: str, point: Path) -> Path | None:
    """Return where a group is found if its ancestor `root` is mounted at `point`."""
    if not path.startswith("/") or ".." in Path(path).parts or not Path(path).is_relative_to(root):
        return None
    return point / Path(path).relative_to(root)


def _hand_on(own: Path, base: Path, controllers: tuple[str, ...]) -> bool:
    """Give the groups below `base` the controllers; say whether this process was moved for it.

    Raises:
        OSError: If the kernel forbids it, as it does while other processes are in the own group.
    """
    words = " ".join(f"+{name}" for name in controllers)
    moved = False
    try:
        write(own / "cgroup.subtree_control", words)
    except OSError as exc:
        if exc.errno != errno.EBUSY or pids_in(own) != [os.getpid()]:
            raise
        (base / _OWN_PROCESS).mkdir(exist_ok=True)
        write(base / _OWN_PROCESS / "cgroup.procs", str(os.getpid()))
        moved = True
        write(own / "cgroup.subtree_control", words)
    write(base / "cgroup.subtree_control", words)
    return moved


def _give_back(own: Path, base: Path) -> None:
    """Undo `_hand_on` where this process was moved."""
    if os.getpid() not in pids_in(base / _OWN_PROCESS):
        return
    for place in (base, own):
        words = words_in(place / "cgroup.subtree_control")
        write(place / "cgroup.subtree_control", " ".join(f"-{name}" for name in words))
    write(own / "cgroup.procs", str(os.getpid()))
    remove(base / _OWN_PROCESS)


def _new_name() -> str:
    return f"{_PREFIX}{os.getpid()}-{next(_numbers)}"


def _drop_stale(own: Path) -> None:
    """Remove the groups of processes that were killed."""
    for base in own.glob(f"{_PREFIX}*"):
        pid = base.name.removeprefix(_PREFIX).partition("-")[0]
        dead = pid == str(os.getpid()) or not Path("/proc", pid).exists()
        # A living owner may be out of sight, in another process namespace; its claim is not.
        with abandoned(base) as left:
            if pid.isdecimal() and dead and left:
                for place in [*_folders_in(base), base]:
                    kill_all(pids_in(place))
                    remove(place)


def _folders_in(base: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        yield from (place for place in base.iterdir() if place.is_dir())
