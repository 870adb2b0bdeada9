"""From measured seconds to a plan, by hand; what the user has set is never changed."""

import pytest

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.fit.time_budget import Costs, Work, adapt, choose, seconds_needed
from cityzoo.spec import Phase, ResolvedFitFlags, ResolvedSpec

ALL = frozenset({"image_size", "limit", "views", "epochs"})
# The README's first command: VGG16, 1,200 demo images, one view, 18 epochs of 75 steps at 256 x 320.
MAIN = Work(1200, 100, 1, (256, 320), (18,), 16, (256, 320))
FAST = Costs(20.0, 0.07, (0.15,))  # 20 + 48 + 7.2 + 1.15 * (91 + 18 * (75 + 3.125) * .15) = 422 s
LAPTOP = Costs(60.0, 0.5, (0.9,))  # 60 + 48 + 7.2 + 1.15 * (650 + 1265.6) = 2318 s


def test_seconds_by_hand():
    assert seconds_needed(FAST, MAIN) == pytest.approx(20 + 48 + 7.2 + 1.15 * (91 + 18 * 78.125 * 0.15))
    assert seconds_needed(LAPTOP, MAIN) == pytest.approx(60 + 48 + 7.2 + 1.15 * (650 + 1265.625))


def test_a_fast_machine_keeps_the_full_settings():
    assert choose(FAST, MAIN, 600, ALL) == MAIN


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (2400, ((256, 320), 1200, (18,))),
        (1700, ((256, 320), 804, (21,))),  # 51 steps: 18 * .8 * 75 / 51
        (1010, ((256, 320), 408, (23,))),  # 26 steps: 18 * .45 * 75 / 26
        (
            600,
            ((192, 256), 300, (25,)),
        ),  # .6 of the pixels: 108 + 10 + 1.15 * .6 * (200 + 25 * 22.1 * .9) = 600
    ],
)
def test_a_laptop_gets_fewer_images_and_steps_and_then_smaller_images(seconds, expected):
    work = choose(LAPTOP, MAIN, seconds, ALL)
    assert (work.size_hw, work.images, work.epochs) == expected
    assert seconds_needed(LAPTOP, work) <= 1.1 * seconds


@pytest.mark.parametrize("missing", sorted(ALL))
def test_what_the_user_has_set_stays(missing):
    work = choose(LAPTOP, MAIN, 300, ALL - {missing})
    kept = {"image_size": "size_hw", "limit": "images"}.get(missing, missing)
    assert getattr(work, kept) == getattr(MAIN, kept)
    assert seconds_needed(LAPTOP, work) < seconds_needed(LAPTOP, MAIN)


def test_the_least_is_chosen_where_nothing_fits():
    work = choose(LAPTOP, MAIN, 1, ALL)
    assert (work.size_hw, work.images, work.epochs) == ((160, 192), 240, (22,))  # 18 * .25 * 75 / 15


def test_views_and_every_phase_but_the_closed_form_get_fewer():
    """Half of four views; .45 of twenty epochs: 56 + 4 + 1.15 * (336 + 9 * 10.5) = 555 s; a single pass stays one."""
    full = Work(160, 16, 4, (64, 64), (1, 20), 16, (64, 64))
    work = choose(Costs(0, 1.0, (0.0, 1.0)), full, 520, frozenset({"views", "epochs"}))
    assert (work.views, work.epochs) == (2, (1, 9))


class Data:
    """Two splits of some length."""

    def __init__(self, train, val):
        self.train, self.val = range(train), range(val)


def resolved(task="vehicle_detect", planned=(18,), **flags):
    """A spec as asked for, and resolved by hand."""
    asked = tasks.find(task).make_spec({"task": task, **flags})
    fit = ResolvedFitFlags(**{**vars(asked.fit), "batch_size": 16})
    plan = tuple(Phase("backbone", number, 0.002) for number in planned)
    spec = ResolvedSpec(asked.run, fit, asked.modality, asked.output, asked.reader, plan)
    return asked, spec.replace(**({"image_size": (256, 320), "views": 1} if task == "vehicle_detect" else {}))


def never():
    raise AssertionError("nothing is to be measured")


def adapted(asked, spec, costs, data=None):
    task = tasks.find(spec.run.task)
    return adapt(asked, spec, task, data or Data(1200, 100), costs if callable(costs) else lambda: costs)


def test_the_main_job_has_ten_minutes_and_says_what_it_chose(caplog):
    caplog.set_level("INFO")
    spec = adapted(*resolved(), LAPTOP)
    assert (spec.run.limit, spec.modality.image_size, spec.plan[0].epochs) == (300, (192, 256), 25)
    for words in ("full settings would take about 39 minutes", "192x256 instead of 256x320", "900 ms"):
        assert words in caplog.text
    assert adapted(*resolved(), FAST) == resolved()[1]


def test_minutes_that_make_a_training_short_slow_its_early_stages():
    """As `--epochs` below 20 does, and unless the user has set it; longer ones do not."""
    short, long = Costs(0, 0, (0.4,)), Costs(0, 0, (0.1,))
    common = {"planned": (40,), "data": "street", "backbone": "mobilenet_025", "minutes": 9}
    found = {
        (given, costs): adapted(*resolved(**common, **given_flags), costs)
        for given, given_flags in (("auto", {}), ("given", {"layer_decay": 0.9}))
        for costs in (short, long)
    }
    assert found["auto", short].plan[0].epochs < 20 <= found["auto", long].plan[0].epochs
    assert found["auto", short].modality.layer_decay == 0.7
    assert found["given", short].modality.layer_decay == 0.9


@pytest.mark.parametrize(
    "flags", [{"data": "street"}, {"epochs": 3}, {"limit": 50}, {"phases": (("backbone", 2),)}]
)
def test_without_the_flag_only_the_whole_demo_job_is_measured(flags):
    asked, spec = resolved(**flags)
    assert adapted(asked, spec, never) == spec


def test_a_resumed_run_measures_nothing():
    _, spec = resolved(minutes=5.0)
    assert adapted(spec, spec, never) == spec


def test_own_data_is_used_as_a_whole():
    spec = adapted(*resolved(data="street", minutes=5.0), LAPTOP)
    assert spec.run.limit is None and spec.modality.image_size == (160, 192)


def test_more_minutes_are_more_epochs_where_each_shows_new_views():
    """48 + .4 * epochs + 1.15 * epochs * (75 + 3.125) * .1: 18 epochs take 217 s, 36 take 386 s, 54 take 555 s."""
    for minutes, epochs in ((3.7, 18), (7, 36), (30, 54)):
        asked, spec = resolved(data="street", minutes=minutes)
        assert adapted(asked, spec.replace(views=0), Costs(0, 0, (0.1,))).plan[0].epochs == epochs
        assert adapted(asked, spec, Costs(0, 0, (0.1,))).plan[0].epochs == 18
    asked, spec = resolved(data="street", minutes=30, epochs=18)
    assert adapted(asked, spec.replace(views=0), Costs(0, 0, (0.1,))).plan[0].epochs == 18


def test_series_get_fewer_epochs():
    """48 + 8 + 1.15 * 20 * (100 + 5) * .1 = 297.5 s; 16 epochs take 247.6 s, 12 take 197.7 s."""
    asked, spec = resolved("traffic_flow", (20,), minutes=200 / 60)
    assert adapted(asked, spec, Costs(0, 0, (0.1,)), Data(1600, 160)).plan[0].epochs == 12


def test_no_time_at_all_is_refused():
    with pytest.raises(InputError, match="--minutes 0"):
        adapted(*resolved(minutes=0.0), never)
