"""An agent's attempt at one task: a sandbox session, two tools, and the grade at the end.

The environment says what the agent may know; how turns are written is a scaffold's matter.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from sandmle.core.episode import Timings
from sandmle.core.errors import InvalidSubmission, SandboxError, UsageError, boundary
from sandmle.core.execution import SUBMISSION, Execution, Sandbox, SandboxSession
from sandmle.core.grade import Grade
from sandmle.core.task import FeedbackMode, Limits
from sandmle.env.feedback import VARIABLES_LOST, execution_text, refusal, score_text
from sandmle.env.submissions import Graded, SubmissionRule, Submissions
from sandmle.env.task_grader import task_grader
from sandmle.metrics import get_metric
from sandmle.store import TaskDir
from sandmle.store.artefacts import sha256_of

T = TypeVar("T")

_MOVE_AWAY = f"""\
import os as _os, uuid as _uuid
_os.rename({SUBMISSION!r}, {SUBMISSION!r} + _uuid.uuid4().hex)
"""


@dataclass(frozen=True)
class Observation:
    """What a tool answered."""

    text: str
    """For the agent."""
    execution: Execution | None = None
    grade: Grade | None = None
    """What the score tool measured; the host's, whatever `text` says of it."""
    seconds: float = 0.0
    """Wall time of the call, waiting included."""
    script: str | None = None
    """SHA-256 of the program that was run."""
    submission: str | None = None
    """SHA-256 of the submission that was measured."""


class Environment:
    """One attempt at one task; used once, by one agent, inside `async with`.

    Feedback of the score tool: `none` confirms the call; `valid` says whether the submission is
    valid; `public` gives the score on the public split; `milestone`, the paper's way, gives score
    and thresholds on all hidden rows, so an agent can climb on rows that it is graded on. The grade
    always comes from the private split.

    The agent's clock runs while it thinks and while its code runs; waiting for a free slot of the
    sandbox or of the model and grading are not counted.

    Args:
        task_dir: The task.
        sandbox: Where code runs; it is given `public/` and nothing else.
        feedback: How much the score tool tells.
        counts: Which submission is graded.
        limits: Replace the task's own limits.
        stateful: Whether variables live on from run to run, as in a notebook; not every sandbox
            can.
        keep: Given every program and submission once it was used; returns its SHA-256.
        clock: Seconds, never going back.
    """

    def __init__(
        self,
        task_dir: TaskDir,
        sandbox: Sandbox,
        *,
        feedback: FeedbackMode = "public",
        counts: SubmissionRule = "last",
        limits: Limits | None = None,
        stateful: bool = False,
        keep: Callable[[bytes], str] = sha256_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.task = task_dir.task
        self.feedback = feedback
        self.counts = counts
        self.limits = limits or self.task.limits
        self.stateful = stateful
        self._task_dir = task_dir
        self._sandbox = sandbox
        self.final_submission: str | None = None
        """SHA-256 of the submission that was graded; None before, and where there was none."""
        self._keep = keep
        self._clock = clock
        self._spent = Timings()
        self._threads: ThreadPoolExecutor | None = None
        self._session: SandboxSession | None = None
        self._submissions: Submissions | None = None
        self._started = 0.0
        self._waited = 0.0

    async def __aenter__(self) -> Self:
        """Read the answers and open the sandbox session.

        Raises:
            UsageError: If the environment was used before, the task's folder is damaged, or the
                sandbox has no stateful sessions.
            SandboxError: If the session cannot be opened.
            GraderError: If the answers cannot be read.
        """
        if self._threads is not None:
            raise UsageError(f"the environment of task {self.task.id} was used; make a new one")
        # Threads of its own: with a shared pool, closing would wait behind the runs it must kill.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="environment")
        began = self._clock()
        opening = asyncio.ensure_future(self._in_thread(self._open))
        try:
            await asyncio.shield(opening)
        except BaseException:
            # A session that is still being opened must be waited for, or nobody would close it.
            await asyncio.wait([opening])
            await self._close()
            raise
        self._started = self._clock()
        self._spend("sandbox", self._started - began)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def seconds_left(self) -> float:
        """Seconds that the agent has left; negative when its time is over."""
        return self.limits.total_seconds - (self._clock() - self._started - self._waited)

    @property
    def timings(self) -> Timings:
        """Where the time went so far; `model` and `other` are not this object's to know."""
        return self._spent

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Stop the agent's clock while a block waits for something that others use."""
        began = self._clock()
        try:
            yield
        finally:
            seconds = self._clock() - began
            self._waited += seconds
            self._spend("queue", seconds)

    def give_back(self, seconds: float) -> None:
        """Leave seconds out of the agent's time that were lost through no fault of its own."""
        self._waited += seconds

    async def python(self, code: str) -> Observation:
        """Run code in the work directory and describe the run.

        Raises:
            SandboxError: If the sandbox failed; nothing that the agent's code does is one.
        """
        session, _ = self._opened()
        left = self.seconds_left
        if left <= 0:
            return Observation("The code was not run: the time for this task is over.")
        if (reason := refusal(code)) is not None:
            return Observation(reason)
        timeout = min(self.limits.step_seconds, left)
        began = self._clock()
        execution = await self._in_thread(lambda: _run(session, code, timeout))
        seconds = self._clock() - began
        self._waited += max(0.0, seconds - execution.seconds)
        self._spend("queue", execution.queue_seconds)
        self._spend("sandbox", seconds - execution.queue_seconds)
        text = execution_text(execution, self.limits, timeout_seconds=timeout)
        if self.stateful and execution.killed_by is not None:
            text += f"\n{VARIABLES_LOST}"
        script = self._keep(code.encode())
        return Observation(text, execution=execution, seconds=seconds, script=script)

    async def score(self) -> Observation:
        """Measure `submission.csv` as it is now and say what the feedback mode allows.

        Raises:
            SandboxError: If the file could not be fetched.
            GraderError: If the grader failed.
        """
        _, submissions = self._opened()
        began = self._clock()
        graded = await self._in_thread(
            lambda: submissions.measure(None if self.feedback == "milestone" else "public")
        )
        seconds = self._clock() - began
        self._waited += seconds
        self._spend("grading", seconds)
        grade = graded.grade
        title = get_metric(self.task.metric).full_title
        text = score_text(self.feedback, grade, self.task, metric_title=title)
        return Observation(text, grade=grade, seconds=seconds, submission=self._kept(graded))

    async def read_submission(self) -> bytes | None:
        """Return `submission.csv` as it is now; None where there is none that can be graded.

        For scaffolds that try many scripts and hand in the best one's file.

        Raises:
            SandboxError: If the file could not be fetched.
        """
        _, submissions = self._opened()
        return await self._in_thread(submissions.read)

    async def write_submission(self, data: bytes) -> None:
        """Put a file that `read_submission` returned back in place; empty: clear it away.

        Raises:
            SandboxError: If the file could not be written.
        """
        session, _ = self._opened()
        with boundary(SandboxError, f"write {SUBMISSION}"):
            await self._in_thread(lambda: _put(session, data))

    async def finish(self) -> Grade:
        """Grade the submission that counts on the private split and close the session.

        Raises:
            SandboxError: If the file could not be fetched.
            GraderError: If the grader failed.
        """
        _, submissions = self._opened()
        began = self._clock()
        graded = await self._in_thread(submissions.final)
        closing = self._clock()
        self._spend("grading", closing - began)
        await self._close()
        self._spend("sandbox", self._clock() - closing)
        self.final_submission = self._kept(graded)
        return graded.grade

    def _kept(self, graded: Graded) -> str | None:
        return None if graded.data is None else self._keep(graded.data)

    def _spend(self, part: str, seconds: float) -> None:
        spent = getattr(self._spent, part) + max(0.0, seconds)
        self._spent = self._spent.model_copy(update={part: spent})

    def _open(self) -> None:
        grader = task_grader(self._task_dir)
        with boundary(SandboxError, "open a sandbox session"):
            self._session = self._sandbox.open(
                self._task_dir.public, self.limits, stateful=self.stateful
            )
        self._submissions = Submissions(
            self._session, grader, thresholds=self.task.thresholds, rule=self.counts
        )

    def _opened(self) -> tuple[SandboxSession, Submissions]:
        if self._session is None or self._submissions is None:
            raise UsageError(
                f"the environment of task {self.task.id} is not open; use it inside `async with` "
                "and before `finish()`"
            )
        return self._session, self._submissions

    async def _close(self) -> None:
        session, self._session, self._submissions = self._session, None, None
        try:
            if session is not None:
                with boundary(SandboxError, "close a sandbox session"):
                    await self._in_thread(session.close)
        finally:
            if self._threads is not None:
                self._threads.shutdown(wait=False)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        if self._threads is None:
            raise UsageError(f"the environment of task {self.task.id} is not open")
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _run(session: SandboxSession, code: str, timeout_seconds: float) -> Execution:
    with boundary(SandboxError, "run the agent's code"):
        return session.run(code, timeout_seconds=timeout_seconds)


def _put(session: SandboxSession, data: bytes) -> None:
    try:
        session.write(SUBMISSION, data)
    except (OSError, InvalidSubmission, SandboxError):
        # What an agent put in its place, such as a directory, must not break its episode.
        session.run(_MOVE_AWAY, timeout_seconds=10)
        session.write(SUBMISSION, data)
