from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.faces.search_budget import SearchBudget


@given(st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(0.0, 3.0)), min_size=1, max_size=60))
def test_searches_get_their_share_of_the_time_and_never_more_than_a_burst_beyond(steps):
    clock = ManualClock()
    budget = SearchBudget(clock.monotonic, share=0.4, burst_seconds=1.0)
    spent = passed = longest = 0.0
    for wait, cost in steps:
        clock.advance(wait)
        passed += wait
        if budget.has_left():
            budget.spend(cost)
            spent, longest = spent + cost, max(longest, cost)
    # What a search costs is known only afterwards, and a debt is forgiven beyond a burst.
    assert spent <= 0.4 * passed + 1.0 + sum(max(0.0, cost - 1.0) for _, cost in steps) + longest


def test_a_budget_that_was_spent_comes_back():
    clock = ManualClock()
    budget = SearchBudget(clock.monotonic, share=0.5, burst_seconds=1.0)
    budget.spend(1.5)
    assert not budget.has_left()
    clock.advance(0.9)
    assert not budget.has_left()
    clock.advance(0.2)
    assert budget.has_left()
