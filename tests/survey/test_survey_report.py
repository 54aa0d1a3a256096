"""A survey of a real set, and its page."""

import json

import pytest
from typer.testing import CliRunner

from sandmle.cli._app import app
from sandmle.core.errors import UsageError
from sandmle.generate import Plan, Tools, generate_tasks
from sandmle.survey import survey
from sandmle.view.set_page import write_set_page

KEYS = {
    "tasks",
    "families",
    "max_family_share",
    "modalities",
    "task_types",
    "metrics",
    "domains",
    "filled_cells",
    "distinct_rules_share",
    "near_duplicate_share",
    "vendi_ratio",
    "first_draw_yield",
    "yield_3_attempts",
    "seeds_covered",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("surveyed") / "set"
    plan = Plan(count=4, families=("tabular/price-v2", "timeseries/panel-v2"))
    with Tools.open() as tools:
        list(generate_tasks(out, plan, root_seed=5, tools=tools))
    return out


def test_the_report_of_a_set_has_all_its_keys_and_right_counts(folder):
    shown = CliRunner().invoke(app, ["tasks", "report", str(folder), "--json"])
    assert shown.exit_code == 0, shown.output
    report = json.loads(shown.stdout)
    assert set(report) >= KEYS
    assert (report["tasks"], report["max_family_share"]) == (4, 0.5)
    assert sum(report["cells"].values()) == 4
    assert report["distinct_rules_share"] == 1.0
    assert report["near_duplicate_share"] == 0.0
    assert report["seeds_covered"] == len(report["seeds"]) >= 3
    assert report["yield_3_attempts"] == 1.0
    assert report["vendi_ratio"] is None
    assert report["tables"] == 2


def test_the_report_is_printed_for_people_too(folder):
    shown = CliRunner().invoke(app, ["tasks", "report", str(folder)])
    assert shown.exit_code == 0, shown.output
    for line in ("first draws that passed", "near-duplicates", "tabular/price-v2", "paper"):
        assert line in shown.stdout


def test_the_page_stands_alone_and_names_every_family(folder, tmp_path):
    found = survey(folder)
    page = tmp_path / "set.html"
    write_set_page(page, found, title="a <set>")
    text = page.read_text()
    assert "a &lt;set&gt;" in text
    assert "<script" not in text
    assert "http" not in text
    assert all(name in text for name in (*found.families, *found.metrics, *found.domains))


def test_a_folder_without_tasks_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no task"):
        survey(tmp_path)
