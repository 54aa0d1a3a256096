"""The conformance suite over every scaffold, and over scaffolds that are wrong on purpose."""

from dataclasses import dataclass

import pytest

from sandmle.sandbox.unsafe import UnsafeSandbox
from sandmle.scaffolds import SCAFFOLDS
from sandmle.scaffolds.react import React
from sandmle.testing.check_scaffold import check_scaffold

VARIANTS = [
    ("react", {"tools": "native"}),
    ("react", {"context_tokens": 50_000}),
    ("react", {"context_tokens": 50_000, "context_rule": "paper"}),
]


@pytest.fixture(scope="module")
def sandbox():
    with UnsafeSandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", SCAFFOLDS.names())
def test_scaffold_conforms(name, sandbox):
    assert SCAFFOLDS.get(name)(max_steps=2).name == name
    check_scaffold(name, sandbox)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_scaffold_conforms_with_options(name, options, sandbox):
    check_scaffold(name, sandbox, options=options)


@dataclass(frozen=True)
class Overlong(React):
    async def run(self, env, policy, *, trace):
        return await React(self.max_steps + 1).run(env, policy, trace=trace)


@dataclass(frozen=True)
class Forgetful(React):
    async def run(self, env, policy, *, trace):
        stop = await super().run(env, policy, trace=trace)
        trace.steps[1] = trace.steps[1].model_copy(update={"observation": "all went well"})
        return stop


@dataclass(frozen=True)
class Praising(React):
    async def run(self, env, policy, *, trace):
        stop = await super().run(env, policy, trace=trace)
        trace.steps[:] = [s.model_copy(update={"well_formed": True}) for s in trace.steps]
        return stop


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (Overlong, "with max_steps=1 it takes 2 steps"),
        (Forgetful, "step 2: the policy was shown something else"),
        (Praising, "well formed"),
    ],
)
def test_a_scaffold_that_breaks_the_contract_is_found_out(make, complaint, sandbox):
    with pytest.raises(AssertionError, match=complaint):
        check_scaffold(make, sandbox)
