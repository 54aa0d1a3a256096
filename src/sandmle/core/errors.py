"""The errors of the project: whose fault a failure is decides what happens to the episode.

Foreign exceptions are turned into these at a boundary; see `boundary`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class SandmleError(Exception):
    """Base of every error that the project raises on purpose."""


class UsageError(SandmleError):
    """The user asked for something that cannot be; the message says what to do instead."""


class AuthorError(SandmleError):
    """An author could not produce a draft."""


class VerificationError(SandmleError):
    """A task failed verification; `reason` is the code that yield reports count."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidSubmission(SandmleError):
    """A submission cannot be scored: the agent's fault, written for the agent, reward 0."""


class InfraError(SandmleError):
    """Not the agent's fault: the episode is retried and, if that fails, masked from the loss."""


class SandboxError(InfraError):
    """The sandbox could not run code as promised."""


class GraderError(InfraError):
    """The grader failed on its own account."""


class PolicyError(InfraError):
    """The model or its server failed."""


class PolicyRefused(PolicyError):
    """No call can succeed: a wrong key, no such model, a field that the server does not take.

    It ends the whole run with this message, where retries would only mask every episode.
    """


class ContextOverflow(PolicyError):
    """The messages are longer than the model can read; a scaffold shows less and asks again."""


@contextmanager
def boundary(error: type[InfraError], what: str) -> Iterator[None]:
    """Turn every foreign exception inside the block into `error`; ours pass unchanged.

    The one place with a broad except: a failure of a library, of the machine or of our own code
    must never be read as a failure of the agent.

    Args:
        error: The error to raise instead.
        what: What was being done, for the message: "grade submission.csv".

    Raises:
        InfraError: Of the type `error`, from any exception that is not a `SandmleError`.
    """
    try:
        yield
    except SandmleError:
        raise
    except Exception as exc:
        raise error(f"could not {what}: {type(exc).__name__}: {exc}") from exc


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Build the error for an unknown name: the nearest known one and the whole list.

    Args:
        kind: What the name stands for: "metric".
        name: The unknown name.
        known: All names that exist.
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return UsageError(f"no {kind} {name!r}.{hint} Known: {', '.join(names)}")
