"""Readers of what strangers write never fail in an unforeseen way. `make fuzz` tries 100,000 cases of each."""

import logging
import random

import pytest
from fuzz_mutation import corpus, mutate
from fuzz_targets import TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", TARGETS)
def test_every_known_input_is_read_or_refused(name):
    known = corpus(name)
    assert known
    for data in known:
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_small_changes_of_known_inputs_are_read_or_refused(name):
    dice, known = random.Random(name), corpus(name)
    for _ in range(100):
        TARGETS[name](mutate(dice.choice(known), known, dice))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))))
def test_anything_is_read_or_refused(name, data):
    TARGETS[name](data)
