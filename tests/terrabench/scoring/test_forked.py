"""Work in halves gives what a plain loop gives, whatever happens to the second process."""

import os

import pytest

from terrabench.scoring.forked import WORTH, in_halves

MANY = list(range(2 * WORTH))


def test_the_result_and_its_order_are_those_of_a_plain_loop():
    assert in_halves(lambda n: (n, n * n), MANY) == [(n, n * n) for n in MANY]
    assert in_halves(lambda n: -n, MANY[:3]) == [0, -1, -2]
    assert in_halves(lambda n: n, []) == []


@pytest.mark.parametrize("wrong", [3, len(MANY) - 1])
def test_an_error_in_either_half_is_raised_as_it_is(wrong):
    def work(n):
        if n == wrong:
            raise ValueError(f"item {n}")
        return n

    with pytest.raises(ValueError, match=f"item {wrong}$"):
        in_halves(work, MANY)


def test_a_second_process_that_is_killed_loses_nothing():
    parent = os.getpid()

    def work(n):
        if os.getpid() != parent and n == len(MANY) - 1:
            os._exit(9)
        return n

    assert in_halves(work, MANY) == MANY


def test_results_that_cannot_be_sent_are_made_here():
    found = in_halves(lambda n: lambda: n, MANY)
    assert [make() for make in found] == MANY


def test_within_a_second_process_there_is_no_third():
    def nested(n):
        return sum(in_halves(lambda m: m, MANY)) if n in (0, len(MANY) - 1) else n

    found = in_halves(nested, MANY)
    assert found[0] == found[-1] == 499_500
