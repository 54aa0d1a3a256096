"""How broad and how lifelike a set of tasks is, measured; `survey(folder)` gives the report."""

from __future__ import annotations

from sandmle.survey.facts import TaskFacts, read_facts
from sandmle.survey.report import Survey, survey

__all__ = ["Survey", "TaskFacts", "read_facts", "survey"]
