"""Tasks that are sent to other machines."""

import os
import stat
import subprocess
import sys

import pytest

from sandmle.core.errors import InfraError, UsageError
from sandmle.rollout.shipped_tasks import Parcel, TaskCache, pack
from sandmle.store.manifest import check_manifest


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def cache():
    made = TaskCache(most=1)
    yield made
    made.close()


def test_a_task_arrives_whole_and_equal_folders_have_equal_hashes(tasks, cache, tmp_path):
    subprocess.run(["cp", "-r", tasks[0].path, tmp_path / "copy"], check=True)
    parcel = pack(tasks[0])
    assert parcel == pack(type(tasks[0])(tmp_path / "copy"))
    assert parcel.digest != pack(tasks[1]).digest
    cache.add(parcel)
    with cache.using(parcel.digest) as task_dir:
        assert task_dir.task == tasks[0].task
        assert task_dir.answers() == tasks[0].answers()
        assert check_manifest(task_dir.path) == []


def test_damaged_bytes_are_refused(tasks, cache):
    parcel = pack(tasks[0])
    with pytest.raises(InfraError, match="arrived damaged"):
        cache.add(Parcel(parcel.digest, parcel.data[:-1] + b"x"))
    assert parcel.digest not in cache


def test_old_tasks_make_room_but_none_that_is_in_use(tasks, cache):
    parcels = [pack(task_dir) for task_dir in tasks]
    for parcel in parcels:
        cache.add(parcel)
    with cache.using(parcels[0].digest) as first:
        with cache.using(parcels[1].digest) as second:
            assert second.task == tasks[1].task
        assert first.task == tasks[0].task
        assert parcels[2].digest not in cache
    assert sum(parcel.digest in cache for parcel in parcels) == 1


def test_only_the_user_may_look_into_the_cache_and_closing_removes_it(place, tasks, cache):
    cache.add(pack(tasks[0]))
    (folder,) = place.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    cache.close()
    cache.close()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(place, cache):
    code = (
        "from sandmle.rollout.shipped_tasks import TaskCache; import os\n"
        "TaskCache(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ})
    assert len(list(place.iterdir())) == 2
    other = TaskCache()
    assert len(list(place.iterdir())) == 2
    other.close()
    assert len(list(place.iterdir())) == 1


def test_a_link_is_not_sent(tasks, tmp_path):
    subprocess.run(["cp", "-r", tasks[0].path, tmp_path / "copy"], check=True)
    (tmp_path / "copy" / "private" / "link").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="not a regular file"):
        pack(type(tasks[0])(tmp_path / "copy"))
