"""Early warning by forecasts: the alarm rules of a task, and the probabilities that val chose for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.cli import flag

if TYPE_CHECKING:
    from cityzoo.alarms.forecast_alarms import EarlyWarning
    from cityzoo.alarms.rules import Rule
    from cityzoo.data.series.series import Series
    from cityzoo.data.series.windows import WindowSet

UNKNOWN = 0.5  # in place of any probability, to find rules that differ by it alone


def parse_rules(text: str) -> tuple[str, ...]:
    """Read alarm rules separated by semicolons, and check each.

    Raises:
        InputError: not a valid rule.
    """
    from cityzoo.alarms.rules import parse_rule

    rules = tuple(part.strip() for part in text.split(";") if part.strip())
    for rule in rules:
        parse_rule(rule)
    return rules


@dataclass(frozen=True)
class ForecastAlarms:
    """Alarm rules on forecasts, of an `Output` with quantiles."""

    alarm: tuple[str, ...] = flag(
        (),
        "rules for early warning, separated by ';': 'pm25 > 75 within 6h with 0.8 probability', or '... with at most 1 "
        "false alarm a week', for which training chooses the probability",
        parse_rules,
        "RULES",
        separator=";",
    )
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)  # rising, .5 among them

    def check_rules(self, series: Series | None, horizon: int = 0) -> list[Rule]:
        """Return the alarm rules; if the series is given, without optional ones that do not apply to it.

        Raises:
            InputError: not a valid rule, or, if the series is given, one about something that is not forecast.
        """
        from cityzoo.alarms.rules import parse_rule, select_rules

        rules = [parse_rule(rule) for rule in self.alarm]
        return (
            rules
            if series is None
            else select_rules(rules, series.channels[:1], series.step_seconds, horizon)
        )

    def _early_warning(self, truth: WindowSet, quantiles: np.ndarray) -> EarlyWarning:
        from cityzoo.alarms.forecast_alarms import EarlyWarning

        rules = self.check_rules(truth.series, truth.horizon)
        return EarlyWarning(tuple(rules), truth, quantiles, self.quantiles)

    def write_results(self, truth: WindowSet, results: Sequence[np.ndarray], folder: Path) -> None:
        """Write `alarms.jsonl` and `alarms.txt` if there are rules."""
        if self.check_rules(truth.series, truth.horizon):
            self._early_warning(truth, np.stack(list(results))).write(folder)

    def choose_thresholds(
        self, predict: Callable[[], tuple[WindowSet, np.ndarray]], fitted: list[list[float]] | None
    ) -> Any:
        """Return the output whose rules on false alarms have the probability that the validation windows chose."""
        if all(rule.is_chosen for rule in self.check_rules(None)):
            return self
        from cityzoo.alarms.alarm_threshold import choose_probability, widen

        windows, outputs = predict()
        widths = np.array(fitted, np.float64)
        warning = self._early_warning(windows, widen(outputs, self.quantiles.index(0.5), widths))
        forecast = warning.forecasts[windows.series.channels[0]]
        return self._with_rules(
            [choose_probability(each, forecast, warning.measured) for each in warning.rules]
        )

    def restore(self, report: Mapping[str, Any]) -> Any:
        """Return the output with the probabilities that the run chose for its rules on false alarms."""
        from cityzoo.alarms.rules import parse_rule

        known = [parse_rule(each) for each in (report.get("early_warning") or {}).get("rules", ())]
        return self._with_rules(known)

    def _with_rules(self, chosen: Sequence[Rule]) -> Any:
        by_condition = {replace(rule, probability=UNKNOWN): rule for rule in chosen}
        rules = []
        for rule in self.check_rules(None):
            found = by_condition.get(replace(rule, probability=UNKNOWN), rule)
            rules.append(f"{rule if rule.is_chosen else found}{' if possible' if rule.optional else ''}")
        return replace(self, alarm=tuple(rules))  # type: ignore[type-var]
