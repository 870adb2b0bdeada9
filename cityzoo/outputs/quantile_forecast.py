"""Forecasts with intervals: quantiles of the rows to come, compared with baselines that need no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.values import parse_number
from cityzoo.data.series.sensor_rules import SensorRules, parse_sensor_rule_file, parse_sensor_rules
from cityzoo.metrics import forecast_baselines, forecast_errors
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import WeightedMetrics
from cityzoo.outputs import Output
from cityzoo.outputs.forecast_alarms import ForecastAlarms

if TYPE_CHECKING:
    import keras

    from cityzoo.data.series.windows import WindowSet
    from heads.forecast import QuantileForecastHead

LISTED_SENSORS = 20  # with a slice of their own, those with the largest errors


@dataclass(frozen=True)
class QuantileForecast(ForecastAlarms, Output):
    """Quantiles of the first channel of each sensor for each step ahead; see `cityzoo.outputs.Output`."""

    class_names: tuple[str, ...] = ()
    rule_loss: Mapping[str, Any] | None = flag(
        None,
        "bounds and directions of sensors and sums that flow in and out of a place, which forecasts are trained to "
        "keep: a YAML file as --rules of evaluate.py takes it",
        parse_sensor_rule_file,
        "FILE",
    )
    rule_weight: float = flag(1.0, "weight of --rule-loss against the error", parse_number, "WEIGHT")
    refit: bool = flag(True, "train again on train and val, for the number of epochs that val chose")
    horizon: int = 12  # rows ahead, once the windows are known
    spread: float = 1.0  # standard deviation of the target on the training rows, once they are known
    known_rules: SensorRules | None = None  # of --rule-loss, once the sensors are known
    page: ClassVar[str] = "forecast"
    primary_metrics: ClassVar[tuple[str, ...]] = ("mae", "rmse", "coverage", "loss")
    lower_is_better: ClassVar[tuple[str, ...]] = ("mae", "rmse", "loss")
    supports_distillation: ClassVar[bool] = True
    bootstrap_samples: ClassVar[int] = 1000

    def with_train_statistics(self, train: WindowSet, may_lack_classes: bool = False) -> QuantileForecast:
        """Return the output that knows the horizon and the spread of the training rows."""
        values = train.series.values[train.rows.start : train.rows.stop, :, 0].astype(np.float64)
        rules = parse_sensor_rules(self.rule_loss, train.series.sensors) if self.rule_loss else None
        return replace(self, horizon=train.horizon, spread=float(np.nanstd(values)), known_rules=rules)

    @property
    def _head(self) -> QuantileForecastHead:
        from heads.forecast import QuantileForecastHead

        return QuantileForecastHead(self.horizon, self.quantiles)

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, horizon, sensors, quantiles) float32, in the unit of the first channel."""
        return self._head(features)

    def loss(self, size_hw: tuple[int, int] | None) -> keras.losses.Loss:
        """Return the pinball loss in standard deviations of the target, and the penalty of --rule-loss."""
        rules = self.known_rules
        if rules is None:
            return self._head.loss(self.spread)
        from heads.forecast import RuledPinballLoss

        return RuledPinballLoss(
            self.quantiles,
            self.spread,
            rules.least.tolist(),
            rules.most.tolist(),
            list(rules.balances.values()),
            rules.directions.tolist(),
            self.rule_weight,
        )

    def distillation_loss(self, size_hw: tuple[int, int] | None) -> keras.losses.Loss:
        """Return the absolute difference of the quantiles in standard deviations of the target."""
        from heads.distillation import RegressionDistillationLoss

        return RegressionDistillationLoss(self.spread)

    def decode(
        self, outputs: np.ndarray, matrices: np.ndarray | None, examples: Sequence[Any]
    ) -> list[np.ndarray]:
        """Return each window's quantiles, (horizon, sensors, quantiles) float32."""
        return list(np.asarray(outputs, np.float32))

    def metrics(self, truth: WindowSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return MAE, RMSE and MAPE by horizon, coverage of the interval and pinball loss."""
        return _once(self._weighted(truth, np.stack(list(results)), []), len(truth))

    def weighted_metrics(self, truth: WindowSet, results: Sequence[np.ndarray]) -> WeightedMetrics:
        """Return a function from weights of the windows to the same metrics, and the MAE of listed sensors."""
        quantiles = np.stack(list(results))
        return self._weighted(truth, quantiles, self._listed(truth, quantiles))

    def _weighted(self, truth: WindowSet, quantiles: np.ndarray, sensors: Sequence[int]) -> WeightedMetrics:
        return forecast_errors.weighted_forecast(
            truth.targets(),
            quantiles,
            self.quantiles,
            windows=_windows(truth),
            smallest=_smallest(truth),
            spread=truth.target_spread,
            sensors={truth.series.sensors[row]: row for row in sensors},
        )

    def _listed(self, truth: WindowSet, quantiles: np.ndarray) -> list[int]:
        errors = np.abs(truth.targets() - self._median(quantiles))
        known = np.isfinite(errors).any(axis=(0, 1))
        mae = np.nanmean(np.where(known, errors, 0.0), axis=(0, 1))
        return [int(row) for row in np.argsort(-mae, kind="stable") if known[row]][:LISTED_SENSORS]

    def _median(self, quantiles: np.ndarray) -> np.ndarray:
        return quantiles[..., self.quantiles.index(0.5)].astype(np.float64)

    def metric_slices(
        self, truth: WindowSet, results: Sequence[np.ndarray]
    ) -> dict[str, dict[str, tuple[str, int]]]:
        """Return the sensors with the largest errors: their MAE, and how many windows have a measurement."""
        quantiles, targets = np.stack(list(results)), truth.targets()
        counts = np.isfinite(targets).any(axis=1).sum(axis=0)
        names = truth.series.sensors
        rows = self._listed(truth, quantiles)
        return {"sensor": {names[r]: (pointer("per_sensor", names[r], "mae"), int(counts[r])) for r in rows}}

    def baselines(self, truth: WindowSet) -> dict[str, np.ndarray]:
        """Return the forecasts that need no network, (W, horizon, sensors) float64, by name."""
        series = truth.series
        values = series.values[..., 0].astype(np.float64)
        rows_a_day = max(1, 86400 // series.step_seconds)
        known = forecast_baselines.HistoryView(values, truth.rows.start, rows_a_day)
        return forecast_baselines.forecasts(known, truth.origins, truth.horizon)

    def details(self, truth: WindowSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return the baselines next to the model, errors by step and sensor, and how early warning would have done."""
        series, step = truth.series, truth.series.step_seconds
        targets = truth.targets().astype(np.float64)
        quantiles = np.stack(list(results))
        points = {**self.baselines(truth), "model": self._median(quantiles)}
        windows, smallest = _windows(truth), _smallest(truth)
        models = {
            name: _once(forecast_errors.weighted_points(targets, each, windows, smallest), len(truth))
            for name, each in points.items()
        }
        last = f"mae_{forecast_errors.format_horizon(truth.horizon, step)}"
        best = min((name for name in models if name != "model"), key=lambda name: models[name][last])
        worst = forecast_errors.worst_sensors(targets, points["model"], points[best], series.sensors)
        found = {
            **{name: rows for name, rows in models.items() if name != "model"},
            "models": models,
            "horizons": list(windows),
            "best_baseline": best,
            "gain": 1 - models["model"][last] / models[best][last] if models[best][last] else None,
            "interval": [self.quantiles[0], self.quantiles[-1]],
            "by_step": forecast_errors.errors_by_step(targets, points, step),
            "worst_sensors": worst,
            "unit": series.units[0],
            "channel": series.channels[0],
            "test": truth.span(),
            "n_sensors": len(series.sensors),
        }
        if self.check_rules(truth.series, truth.horizon):
            warning = self._early_warning(truth, quantiles)
            found["early_warning"] = warning.evaluate(points["time_of_day_mean"])
        return found

    def calibrate(
        self, model: keras.Model, predict: Callable[[], tuple[WindowSet, np.ndarray]]
    ) -> list[list[float]]:
        """Return conformal widths of the interval, fitted on the validation windows."""
        from heads.forecast import conformal_offsets

        windows, outputs = predict()
        return conformal_offsets(windows.targets(), outputs, self.quantiles).tolist()

    def apply_calibration(self, model: keras.Model, fitted: list[list[float]]) -> None:
        """Set the widths of the interval."""
        from heads.forecast import apply_conformal

        apply_conformal(model, np.array(fitted, np.float32))

    def headline(self, report: Mapping[str, Any]) -> str:
        """Return the errors by horizon next to those of the best baseline."""
        names, best = report["horizons"], report["best_baseline"]
        other = report["models"][best]
        shown = [f"MAE {report[f'mae_{h}']:.3f} RMSE {report[f'rmse_{h}']:.3f} at {h}" for h in names]
        beaten = [report[f"mae_{h}"] < other[f"mae_{h}"] for h in names]
        verdict = "better" if all(beaten) else "NOT better" if not any(beaten) else "better at some horizons"
        maes = ", ".join(f"{other[f'mae_{h}']:.3f}" for h in names)
        return (
            f"{report['n_sensors']} sensors: {', '.join(shown)}; {verdict} than {best} ({maes}); "
            f"the interval covers {100 * report['coverage']:.0f} %"
        )


def _once(weighted: WeightedMetrics, count: int) -> dict[str, float]:
    return {key: float(values[0]) for key, values in weighted(np.ones((1, count))).items()}


def _windows(truth: WindowSet) -> dict[str, tuple[int, int]]:
    # Reported horizons by name: rows ahead, and how many windows count.
    step = truth.series.step_seconds
    rows = forecast_errors.default_horizons(truth.horizon)
    return {forecast_errors.format_horizon(each, step): (each, truth.count(each)) for each in rows}


def _smallest(truth: WindowSet) -> float:
    return forecast_errors.LEAST_SHARE * float(
        np.nanmean(np.abs(truth.series.values[..., 0].astype(np.float64)))
    )
