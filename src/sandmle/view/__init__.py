"""Pages for people; reads what the store holds and nothing else."""

from sandmle.view.report import write_report

__all__ = ["write_report"]
