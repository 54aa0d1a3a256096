"""What episodes say about a policy: medal rates with intervals, and paired comparisons."""

from sandmle.evaluation.comparison import Comparison, Difference, compare_runs, compare_runs_by
from sandmle.evaluation.runs import GROUP_KEYS, CountedRun, grouping, read_run
from sandmle.evaluation.tables import MedalTable, medal_table, runs_table, runs_tables_by
from sandmle.evaluation.tally import RATES, family_of, tally

__all__ = [
    "GROUP_KEYS",
    "RATES",
    "Comparison",
    "CountedRun",
    "Difference",
    "MedalTable",
    "compare_runs",
    "compare_runs_by",
    "family_of",
    "grouping",
    "medal_table",
    "read_run",
    "runs_table",
    "runs_tables_by",
    "tally",
]
