from sandmle.verify.checks import CHECKS
from sandmle.verify.context import Context

CHECK = CHECKS.get("determinism")


def test_another_hash_in_the_second_process_is_caught(toy):
    fault = CHECK.find(Context(toy, lambda: "0" * 64))
    assert fault.reason == "determinism.differs"


def test_the_same_hash_passes(toy):
    assert CHECK.find(Context(toy, toy.content_hash)) is None


def test_an_author_that_cannot_build_twice_is_not_checked(toy):
    assert CHECK.find(Context(toy)) is None
