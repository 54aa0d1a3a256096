"""The public conformance suite over every family, and over families that are wrong on purpose."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import get_args

import pytest

from sandmle.authors.procedural import FAMILIES, families_of
from sandmle.authors.procedural.tabular_price import TabularPrice
from sandmle.core.draft import Baseline
from sandmle.core.seeding import Streams
from sandmle.core.task import Modality
from sandmle.seeds import seed_ids
from sandmle.testing.check_family import check_family, fitting_dna

HASHES = """
import json
from sandmle.authors.procedural import FAMILIES
from sandmle.testing.check_family import fitting_dna

families = [FAMILIES.get(name) for name in FAMILIES]
print(json.dumps({
    family.name: family.draft(fitting_dna(family), 41, difficulty=family.levels - 1).content_hash()
    for family in families
}))
"""


@pytest.mark.parametrize("name", FAMILIES.names())
def test_family_conforms(name):
    report = check_family(name)
    assert max(report.public_bytes.values()) < 20_000_000
    assert sorted(report.draft_seconds) == list(range(FAMILIES.get(name).levels))


def test_two_processes_with_other_hash_seeds_and_threads_make_the_same_drafts():
    answers = []
    for hash_seed, threads in (("1", "1"), ("77", "2")):
        settings = {
            "PYTHONHASHSEED": hash_seed,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }
        done = subprocess.run(
            [sys.executable, "-c", HASHES],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(json.loads(done.stdout))
    assert answers[0] == answers[1]
    assert sorted(answers[0]) == FAMILIES.names()


def test_every_seed_has_a_family():
    assert [seed_id for seed_id in seed_ids() if not families_of(seed_id)] == []


def test_families_cover_the_modalities_and_domains_they_promise():
    families = [FAMILIES.get(name) for name in FAMILIES]
    assert {family.modality for family in families} == set(get_args(Modality))
    domains = {
        family.design(fitting_dna(family), Streams(seed), difficulty=0).domain
        for family in families
        for seed in range(12)
    }
    assert domains >= {"healthcare", "retail", "manufacturing", "it", "transportation", "finance"}
    assert len(domains) >= 12


class Unsteady(TabularPrice):
    calls = 0

    def draft(self, dna, seed, *, difficulty, **sizes):
        draft = super().draft(dna, seed, difficulty=difficulty, **sizes)
        type(self).calls += 1
        return replace(draft, rule={**draft.rule, "calls": self.calls})


class Deaf(TabularPrice):
    def draft(self, dna, seed, *, difficulty, **sizes):
        return super().draft(dna, 5, difficulty=difficulty, **sizes)


class Boundless(TabularPrice):
    def draft(self, dna, seed, *, difficulty, **sizes):
        return super().draft(dna, seed, difficulty=max(0, min(2, difficulty)), **sizes)


class Spoiled(TabularPrice):
    """Each subclass plants one fault in every draft."""

    def draft(self, dna, seed, *, difficulty, **sizes):
        return self.spoil(super().draft(dna, seed, difficulty=difficulty, **sizes))


class Talkative(Spoiled):
    def spoil(self, draft):
        return replace(draft, public={**draft.public, "answers.csv": draft.answers})


class Mute(Spoiled):
    def spoil(self, draft):
        page = draft.description.replace("`test.csv`", "a file")
        return replace(
            draft, description=page, public={**draft.public, "description.md": page.encode()}
        )


class Short(Spoiled):
    def spoil(self, draft):
        return replace(draft, ladder=draft.ladder[:4])


class Foreign(Spoiled):
    def spoil(self, draft):
        cheat = Baseline("cheat", "import sandmle\n" + draft.ladder[0].script)
        return replace(draft, ladder=(*draft.ladder, cheat))


class Repeated(Spoiled):
    def spoil(self, draft):
        twin = Baseline("twin", draft.ladder[0].script)
        return replace(draft, ladder=(*draft.ladder, twin))


class Crowded(Spoiled):
    def spoil(self, draft):
        return replace(draft, train_rows=20_000)


class Flat(Spoiled):
    def spoil(self, draft):
        return replace(draft, skills=("log_target",))


class Misnamed(TabularPrice):
    name = "price"


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (Unsteady, "same seed gives another draft"),
        (Deaf, "another seed gives the same draft"),
        (Boundless, "must raise UsageError"),
        (Talkative, "answers.csv is named like a hidden one"),
        (Mute, "file test.csv is not described"),
        (Short, "the ladder has 4 rungs"),
        (Foreign, "imports sandmle"),
        (Repeated, "two rungs are the same script"),
        (Crowded, "20000 training samples"),
        (Flat, "skills do not grow"),
    ],
)
def test_a_family_that_breaks_the_contract_is_found_out(kind, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_family(kind())


def test_a_family_with_a_name_of_another_form_is_found_out(monkeypatch):
    family = Misnamed()
    FAMILIES.names()
    monkeypatch.setitem(FAMILIES._entries, "price", family)
    with pytest.raises(AssertionError, match="is not tabular/WORD-vN"):
        check_family(family)
