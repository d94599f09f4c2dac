"""Prometheus's metrics from plain values, and their text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

Values = Mapping[tuple[str, ...], float | None]  # by the values of the labels; None is unknown


def text_of(metrics: list[Metric]) -> bytes:
    """Return the text exposition format of metrics."""
    registry = CollectorRegistry()
    registry.register(_Once(metrics))
    return generate_latest(registry)


class _Once(Collector):
    """Hands over metrics that are already there."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def metric(
    family: type[GaugeMetricFamily | CounterMetricFamily],
    name: str,
    text: str,
    values: Values,
    labels: Sequence[str] = (),
) -> Metric:
    """Return a metric with the values that are known."""
    made = family(name, text, labels=labels)
    for label_values, value in values.items():
        if value is not None:
            made.add_metric(list(label_values), value)
    return made


def gauge(name: str, text: str, value: float | None) -> Metric:
    """Return a gauge without labels; unknown is absent."""
    return metric(GaugeMetricFamily, name, text, {(): value})


def counter(name: str, text: str, value: float | None) -> Metric:
    """Return a counter without labels; unknown is absent."""
    return metric(CounterMetricFamily, name, text, {(): value})
