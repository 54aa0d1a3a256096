"""Tasks and episodes on disk. `layout` is the only file that knows what is private and where."""

from sandmle.store.layout import TaskDir
from sandmle.store.tasks import TaskSet

__all__ = ["TaskDir", "TaskSet"]
