"""Which plan runs when: the fixed one is a strong one, and a forecast's plan has to earn its place."""

import numpy as np
import pytest

from cityzoo.traffic_signals.demand import SHARES, draw_days
from cityzoo.traffic_signals.forecast_file import Forecast, simple_forecast
from cityzoo.traffic_signals.junction import Junction
from cityzoo.traffic_signals.plans import (
    best_fixed,
    decide,
    plans_by_time_of_day,
    running_plans,
    turning_shares,
)

JUNCTION = Junction()


@pytest.fixture(scope="module")
def case():
    """A weekday in half hours: past movements, the day's flows by arm, its forecast, the fixed plan."""
    days = draw_days(0)
    flows = days.flows(30)
    past, today = flows[days.past_of_kind(-1)], flows[-1].sum(axis=-1)
    fixed = best_fixed(JUNCTION, past, 0.5)
    return past, today, simple_forecast(past.sum(axis=-1), today), fixed


def run(case, forecast=None, today=None, blocked=None):
    past, observed, simple, fixed = case
    observed = observed if today is None else today
    return decide(JUNCTION, fixed, forecast or simple, simple, turning_shares(past), observed, blocked or {})


def test_the_fixed_plan_is_no_straw_man(case):
    """It serves both peaks: no plan of a single period does better over past days, by the formula."""
    past, _, _, fixed = case
    assert not fixed.oversaturated and fixed.cycle >= 90  # long enough for the morning and the evening

    def lost(plan):
        queue, total = np.zeros((len(past), 8)), 0.0
        for flows in np.moveaxis(past, 1, 0):
            total += (JUNCTION.delay(plan, flows, 0.5, queue) * flows.sum((1, 2))).sum()
            queue = JUNCTION.queue_left(plan, flows, 0.5, queue)
        return total

    others = {JUNCTION.plan(flows) for flows in past.mean(axis=0)}
    assert lost(fixed) <= min(lost(plan) for plan in others)


def test_plans_by_time_of_day_follow_the_peaks(case):
    """East-west longer in the morning, north-south in the evening, short cycles at night."""
    plans = plans_by_time_of_day(JUNCTION, case[0])
    assert plans[16].greens[2] > plans[16].greens[0] and plans[35].greens[0] > plans[35].greens[2]
    assert plans[4].cycle < plans[16].cycle


def test_shares_are_those_of_the_drawn_turns(case):
    """Within what counting allows."""
    assert turning_shares(case[0]) == pytest.approx(SHARES, abs=0.01)


def test_a_good_forecast_is_applied_where_the_formula_sees_a_gain(case):
    """At all three levels; and what is kept has its reason."""
    decisions = run(case)
    assert sum(decision.applied for decision in decisions) > 40
    for decision in decisions:
        new, old = decision.expected, decision.expected_fixed
        wins = new[0] <= 0.95 * old[0] and all(a < b for a, b in zip(new[1:], old[1:], strict=True))
        assert wins or not decision.applied
        assert decision.why


def test_nothing_is_known_before_it_comes(case):
    """Other traffic from 8:00 on changes no decision up to 8:00. The simple forecast itself is given."""
    other = case[1].copy()
    other[16:] = other[16:, ::-1] * 2
    assert run(case)[:17] == run(case, today=other)[:17]
    assert run(case)[17:] != run(case, today=other)[17:]


def test_a_wrong_forecast_cannot_approve_its_own_plans(case):
    """North and east for each other in the morning, by half too much: fixed stays, and the reasons say why."""
    past, today, simple, fixed = case
    wrong = Forecast(
        simple.flows[:, [1, 0, 3, 2]] * [1.5, 0.3, 1.5, 0.3], simple.upper[:, [1, 0, 3, 2]] * 1.5, "wrong"
    )
    decisions = run(case, wrong)
    morning = decisions[14:20]
    assert not any(decision.applied for decision in morning)
    whys = " ".join(decision.why for decision in decisions)
    assert "second forecast" in whys and "last period's plan was worse" in whys
    assert running_plans(morning, fixed) == [fixed] * 6


def test_a_risky_one_is_kept_at_its_upper_quantile(case):
    """All well at the forecast, but it may be three times as much from one side."""
    past, today, simple, fixed = case
    risky = Forecast(simple.flows, simple.flows * [3, 1, 3, 1], "risky")
    kept = [decision for decision in run(case, risky) if not decision.applied]
    assert any("upper quantile" in decision.why for decision in kept)


def test_blocked_hours_keep_the_fixed_plan(case):
    """With the reason they were given."""
    decisions = run(case, blocked={8: "worse in rehearsal: 40 s/veh"})
    assert [decision.applied for decision in decisions[16:18]] == [False, False]
    assert decisions[16].why == "worse in rehearsal: 40 s/veh" and decisions[18].applied
