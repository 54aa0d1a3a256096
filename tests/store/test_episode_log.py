"""`episodes.jsonl`: nothing finished is ever lost, nothing half-written is ever read."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError
from sandmle.core.policy import Message
from sandmle.store.episodes import EpisodeLog


def episode(replica=0, task_id="tiny:1", prompt="go"):
    return Episode(
        task_id=task_id, scaffold="react", policy="p", replica=replica, seed=2**63 - 1,
        prompt=(Message(role="user", content=prompt),), steps=(), stop_reason="max_steps",
    )  # fmt: skip


def filled(path, count):
    with EpisodeLog(path) as log:
        for replica in range(count):
            log.append(episode(replica))
    return path


def test_episodes_come_back_as_they_were_written(tmp_path):
    log = EpisodeLog(filled(tmp_path / "new" / "episodes.jsonl", 3))
    assert list(log) == [episode(0), episode(1), episode(2)]
    assert log.keys() == {("tiny:1", 0), ("tiny:1", 1), ("tiny:1", 2)}


def test_a_log_that_is_not_there_is_empty(tmp_path):
    log = EpisodeLog(tmp_path / "episodes.jsonl")
    assert list(log) == []
    assert log.keys() == set()


def test_any_text_fits_into_one_line(tmp_path):
    prompt = "a\nb\r\u2028\x00\x1f\x85 ü 😀"
    with EpisodeLog(tmp_path / "e.jsonl") as log:
        log.append(episode(prompt=prompt))
        log.append(episode(1))
    assert [e.prompt[0].content for e in EpisodeLog(tmp_path / "e.jsonl")] == [prompt, "go"]


@given(cut=st.integers(min_value=1))
def test_a_log_cut_anywhere_keeps_all_complete_lines_and_goes_on(tmp_path_factory, cut):
    path = filled(tmp_path_factory.mktemp("log") / "e.jsonl", 3)
    whole = path.read_bytes()
    size = cut % len(whole)
    path.write_bytes(whole[:size])
    complete = whole[:size].count(b"\n")
    assert list(EpisodeLog(path)) == [episode(replica) for replica in range(complete)]
    with EpisodeLog(path) as log:
        for replica in range(complete, 3):
            log.append(episode(replica))
    assert path.read_bytes() == whole
    torn = path.with_name("e.jsonl.torn")
    fragment = whole[:size].rpartition(b"\n")[2]
    assert (torn.read_bytes() if torn.exists() else b"") == (fragment + b"\n" if fragment else b"")


def test_a_torn_line_longer_than_a_block_is_set_aside(tmp_path):
    path = filled(tmp_path / "e.jsonl", 1)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"task_id": "' + b"x" * 200_000)
    with EpisodeLog(path):
        assert path.read_bytes() == whole
    assert path.with_name("e.jsonl.torn").stat().st_size == 200_000 + 14


def test_an_episode_is_never_written_twice(tmp_path):
    path = filled(tmp_path / "e.jsonl", 1)
    with EpisodeLog(path) as log, pytest.raises(UsageError, match="already holds replica 0"):
        log.append(episode(0))
    assert len(list(EpisodeLog(path))) == 1


def test_only_one_writer_at_a_time(tmp_path):
    path = tmp_path / "e.jsonl"
    with EpisodeLog(path) as log:
        with pytest.raises(UsageError, match="being written by another run"), EpisodeLog(path):
            pass
        with pytest.raises(UsageError, match="open for writing already"), log:
            pass
        log.append(episode(0))
        assert list(EpisodeLog(path)) == [episode(0)]
    with EpisodeLog(path) as log:
        log.append(episode(1))


def test_writing_needs_a_with_block(tmp_path):
    with pytest.raises(UsageError, match="use it in a `with` block"):
        EpisodeLog(tmp_path / "e.jsonl").append(episode())


@pytest.mark.parametrize(
    "line", [b"not JSON", b"{}", b"[]", b'{"task_id": "t", "replica": "x"}', b"\xff", b""]
)
def test_a_damaged_complete_line_is_named(tmp_path, line):
    path = filled(tmp_path / "e.jsonl", 2)
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(UsageError, match=r"e\.jsonl, line 3 is not an episode"):
        list(EpisodeLog(path))
    before = path.read_bytes()
    with pytest.raises(UsageError, match="line 3"), EpisodeLog(path):
        pass
    assert path.read_bytes() == before


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path):
    code = f"""
import resource, signal, sys
sys.path[:0] = {sys.path!r}
from sandmle.store.episodes import EpisodeLog
from sandmle.core.errors import UsageError
from test_episode_log import episode
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
with EpisodeLog(Path({str(tmp_path / "e.jsonl")!r})) as log:
    log.append(episode(0))
    try:
        log.append(episode(1, prompt="x" * 5_000))
    except UsageError as exc:
        print(exc)
    log.append(episode(2))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )  # fmt: skip
    assert "cannot be written" in run.stdout
    assert list(EpisodeLog(tmp_path / "e.jsonl")) == [episode(0), episode(2)]


def test_a_killed_writer_loses_nothing_that_append_returned_for(tmp_path):
    path = tmp_path / "e.jsonl"
    code = f"""
import sys
sys.path[:0] = {[*sys.path, str(Path(__file__).parent)]!r}
from sandmle.store.episodes import EpisodeLog
from test_episode_log import episode
from pathlib import Path
with EpisodeLog(Path({str(path)!r})) as log:
    for replica in range(10**6):
        log.append(episode(replica))
        print(replica, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.2)
        writer.send_signal(signal.SIGKILL)
        said = 1 + writer.stdout.read().count(b"\n")
    kept = [e.replica for e in EpisodeLog(path)]
    assert kept == list(range(len(kept)))
    assert len(kept) >= said
    with EpisodeLog(path) as log:
        log.append(episode(len(kept)))
