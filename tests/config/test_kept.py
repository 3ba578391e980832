"""Kept configs build what they always built."""

import json

import pytest

from tests.config.kept import GOLDEN, built, cases

WANTED = json.loads(GOLDEN.read_text())


def test_every_kept_config_is_watched():
    assert sorted(name for name, *_ in cases()) == sorted(WANTED)


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case[0])
def test_a_kept_config_builds_the_same_objects(case):
    name, *rest = case
    assert built(*rest) == WANTED[name]
