"""DNA -> draft -> verification -> task on disk: the only place where authors and verify meet."""

from __future__ import annotations

from sandmle.generate.canary import write_canary
from sandmle.generate.canary_set import CanaryOutcome, generate_canaries
from sandmle.generate.make import Attempt, Drawn, Outcome, Tools, draw, make_task, write_task
from sandmle.generate.mix import PAPER, UNIFORM, Mix, family_shares, groups_of, read_mix
from sandmle.generate.plan import Order, Plan, orders
from sandmle.generate.recheck import Recheck, verify_dir
from sandmle.generate.task_set import SetRecord, generate_tasks, read_outcomes, read_set
from sandmle.generate.yields import FamilyYield, YieldReport, yield_report

__all__ = [
    "PAPER",
    "UNIFORM",
    "Attempt",
    "CanaryOutcome",
    "Drawn",
    "FamilyYield",
    "Mix",
    "Order",
    "Outcome",
    "Plan",
    "Recheck",
    "SetRecord",
    "Tools",
    "YieldReport",
    "draw",
    "family_shares",
    "generate_canaries",
    "generate_tasks",
    "groups_of",
    "make_task",
    "orders",
    "read_mix",
    "read_outcomes",
    "read_set",
    "verify_dir",
    "write_canary",
    "write_task",
    "yield_report",
]
