"""Which places are allowed so that some can be read and others within them cannot."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sandmle.sandbox._landlock_view import closed_folder
from sandmle.sandbox._readable import Readable, readable


def _tree(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def _can_read(found: Readable, place: Path) -> bool:
    """Do what the kernel does: a rule on any folder above the real path is enough."""
    real = place.resolve()
    return any(str(above) in found.read for above in (real, *real.parents))


def test_a_folder_without_anything_hidden_is_one_place(tmp_path: Path) -> None:
    _tree(tmp_path, "lib/a/b", "lib/c")
    assert readable([f"{tmp_path}/lib"], ["/elsewhere"]) == ([f"{tmp_path}/lib"], [])


def test_what_is_hidden_is_left_out_and_its_neighbours_are_not(tmp_path: Path) -> None:
    _tree(tmp_path, "lib/site/secret/x", "lib/site/numpy/y", "lib/site/one.pth", "lib/os.py")
    found = readable([f"{tmp_path}/lib"], [f"{tmp_path}/lib/site/secret"])
    assert sorted(found.read) == sorted(
        f"{tmp_path}/lib/{name}" for name in ("os.py", "site/numpy", "site/one.pth")
    )
    assert found.list_only == [f"{tmp_path}/lib", f"{tmp_path}/lib/site"]


def test_a_place_within_what_is_hidden_stays_hidden(tmp_path: Path) -> None:
    _tree(tmp_path, "project/lib/x")
    assert readable([f"{tmp_path}/project/lib"], [f"{tmp_path}/project"]) == ([], [])


def test_a_link_does_not_lead_around(tmp_path: Path) -> None:
    _tree(tmp_path, "lib/site/secret/x", "lib/site/open", "elsewhere/y")
    (tmp_path / "lib64").symlink_to("lib")
    (tmp_path / "lib" / "way").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "lib" / "back").symlink_to(tmp_path / "lib" / "site" / "secret")
    found = readable([f"{tmp_path}/lib64"], [f"{tmp_path}/lib64/site/secret"])
    assert _can_read(found, tmp_path / "lib64" / "site" / "open")
    for place in ("lib/site/secret/x", "lib64/site/secret/x", "lib/back/x", "lib/way/y"):
        assert not _can_read(found, tmp_path / place), place


def test_missing_places_are_passed_over(tmp_path: Path) -> None:
    _tree(tmp_path, "lib/x")
    found = readable([f"{tmp_path}/lib", f"{tmp_path}/gone"], [f"{tmp_path}/lib/x/gone"])
    assert found == ([f"{tmp_path}/lib"], [])


_NAMES = st.sampled_from(["a", "b", "ab"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)


@given(
    files=st.lists(_PATHS, min_size=1, max_size=12),
    shown=st.lists(_PATHS, min_size=1, max_size=3),
    hidden=st.lists(_PATHS, max_size=3),
)
def test_a_file_can_be_read_just_if_it_is_shown_and_not_hidden(
    files: list[str], shown: list[str], hidden: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for path in files:
            place = folder / path
            if not any(above.is_file() for above in place.parents) and not place.exists():
                _tree(folder, path)
        found = readable([f"{folder}/{path}" for path in shown], [f"{folder}/{p}" for p in hidden])
        for place in folder.rglob("*"):
            within = {
                kind: any(place.is_relative_to(folder / path) for path in paths)
                for kind, paths in (("shown", shown), ("hidden", hidden))
            }
            if place.is_file():
                assert _can_read(found, place) == (within["shown"] and not within["hidden"])
        assert not set(found.read) & set(found.list_only)


def test_a_closed_folder_is_found_by_its_real_path_too(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "python").mkdir(parents=True)
    closed.chmod(0o700)
    tmp_path.chmod(0o755)
    (tmp_path / "link").symlink_to(closed / "python")
    for place in (closed / "python", tmp_path / "link" / "lib"):
        found = closed_folder([place])
        assert found is not None
        assert closed.is_relative_to(found)
    assert closed_folder([Path("/usr/bin")]) is None
