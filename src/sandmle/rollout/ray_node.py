"""What a node of a Ray cluster does: it holds a sandbox and plays the episodes it is given.

Nothing here knows Ray; `ray_executor` makes an actor of `NodePlayer`.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import warnings
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from sandmle.core.errors import InfraError, PolicyRefused, SandmleError, UsageError, boundary
from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.grading import GRADER_VERSION
from sandmle.rollout.build import open_setup
from sandmle.rollout.executor import Played
from sandmle.rollout.run import Setup, play_episode
from sandmle.rollout.settings import RunSettings
from sandmle.rollout.shipped_tasks import Parcel, TaskCache
from sandmle.sandbox import UnisolatedWarning, make_sandbox
from sandmle.version import __version__

VERSIONS = (__version__, GRADER_VERSION)
"""Of sandmle and of the grader; episodes of one run come from equal ones."""


@dataclass(frozen=True)
class Share:
    """What one node does at once."""

    concurrency: int
    """Episodes."""
    model_slots: int | None
    """Calls of the model."""
    slots: int
    """Code runs."""


@dataclass(frozen=True)
class Trouble:
    """Why a node could not do something; sent as a value, for not every error can be pickled."""

    message: str
    is_usage: bool = False
    """Whether the user asked for something that cannot be."""
    is_refusal: bool = False
    """Whether the model takes no call at all, which ends the run."""


@dataclass(frozen=True)
class Ready:
    """A node that can play."""

    host: str
    versions: tuple[str, int]


class NodePlayer:
    """Plays episodes on one node. It writes nothing but its copies of the tasks.

    Args:
        settings: The run, as JSON.
        replay: Contents of the log that the policy `replay` repeats.
    """

    def __init__(self, settings: str, replay: bytes | None) -> None:
        self._settings = RunSettings.model_validate_json(settings)
        self._replay = replay
        self._open = AsyncExitStack()
        self._tasks: TaskCache | None = None
        self._setup: Setup | None = None
        self._playing: set[asyncio.Task[Played]] = set()

    async def start(self, share: Share) -> Ready | Trouble:
        """Make and try the sandbox, and all that plays in it."""
        try:
            with boundary(InfraError, "start on this node"):
                await self._start(share)
        except SandmleError as exc:
            await self._open.aclose()
            return Trouble(str(exc), is_usage=isinstance(exc, UsageError))
        return Ready(socket.gethostname(), VERSIONS)

    async def play(
        self, digest: str, parcel: Sequence[Awaitable[bytes]], replica: int
    ) -> Played | Trouble:
        """Play one episode of a task, which is fetched if it is not here yet.

        Args:
            digest: Hash of the task's parcel.
            parcel: A list with its bytes, still to be awaited; Ray would fetch it itself otherwise.
            replica: Which episode of the task it is.
        """
        if self._setup is None or self._tasks is None:
            return Trouble("the node was closed or never started")
        try:
            with boundary(InfraError, "fetch and unpack the task"):
                if digest not in self._tasks:
                    self._tasks.add(Parcel(digest, await parcel[0]))
            with self._tasks.using(digest) as task_dir:
                playing = asyncio.create_task(play_episode(task_dir, self._setup, replica=replica))
                self._playing.add(playing)
                try:
                    return await playing
                finally:
                    self._playing.discard(playing)
        except SandmleError as exc:
            return Trouble(str(exc), is_refusal=isinstance(exc, PolicyRefused))

    async def close(self) -> None:
        """Stop every episode, end the sandbox with all its processes, and drop the tasks."""
        self._setup = None
        playing = [*self._playing]
        for episode in playing:
            episode.cancel()
        await asyncio.gather(*playing, return_exceptions=True)
        await self._open.aclose()

    async def _start(self, share: Share) -> None:
        settings = self._settings
        sandbox = await asyncio.to_thread(_tried_sandbox, settings, share.slots)
        self._open.callback(sandbox.close)
        if self._replay is not None:
            folder = self._open.enter_context(tempfile.TemporaryDirectory(prefix="sandmle-replay-"))
            log = Path(folder) / "episodes.jsonl"
            log.write_bytes(self._replay)
            settings = settings.model_copy(update={"replay": str(log)})
        self._tasks = TaskCache()
        self._open.callback(self._tasks.close)
        self._setup = await self._open.enter_async_context(
            open_setup(
                settings, sandbox, concurrency=share.concurrency, model_slots=share.model_slots
            )
        )


def _tried_sandbox(settings: RunSettings, slots: int) -> Sandbox:
    """Make the sandbox and open a session; `unsafe` was allowed by naming it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnisolatedWarning)
        sandbox = make_sandbox(
            settings.sandbox,
            python=Path(settings.python) if settings.python else None,
            slots=slots,
            preload=settings.preload,
            gpus=settings.gpus,
            allow_unisolated=settings.sandbox == "unsafe",
        )
    try:
        sandbox.open({}, Limits(), stateful=settings.stateful).close()
    except BaseException:
        sandbox.close()
        raise
    return sandbox
