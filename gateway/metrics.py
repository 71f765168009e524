"""Prometheus metrics of a process: names are part of the product's contract (docs/operations.md)."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

LATE_S = 20
"""A station's heartbeat comes every 5 s; after so long without one it is late, …"""
UNKNOWN_S = 120
"""… and after so long its state is unknown everywhere."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86400)


def _by_verdict(about: str, registry: CollectorRegistry) -> Counter:
    """Every verdict from the start: a rate of what has not happened yet is 0, not missing."""
    counter = Counter("gateway_swipes_total", about, ["verdict"], registry=registry)
    for verdict in ("grant", "attend", "refuse"):
        counter.labels(verdict)
    return counter


class StationMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.swipes = _by_verdict("Swipes decided at the gate", r)
        self.reader_up = Gauge("gateway_reader_up", "1 while the reader is heard", ["reader"], registry=r)
        self.noise = Counter("gateway_reader_noise_total", "Noise on the line, events", ["reader"], registry=r)
        self.faults = Counter("gateway_reader_faults_total", "Cards that could not be read", ["reader"], registry=r)
        self.depth = Gauge("gateway_spool_depth", "Swipes that the centre has not acknowledged", registry=r)
        self.unrecorded = Counter("gateway_unrecorded_total", "Verdicts shown before they were on disk", registry=r)
        self.lost = Counter("gateway_spool_lost_total", "Swipes dropped at the station and declared lost", registry=r)
        self.refused = Counter(
            "gateway_bus_refused_total", "Messages to this station that it refused", ["on"], registry=r
        )
        self.bus_up = Gauge("gateway_bus_up", "1 while connected to the broker", registry=r)
        self.to_verdict = Histogram(
            "gateway_swipe_to_verdict_seconds",
            "From the card read to the verdict's hand-over to the outputs",
            buckets=SECONDS,
            registry=r,
        )
        self.doors = Counter("gateway_door_events_total", "What happened at doors", ["portal", "event"], registry=r)


class CentreMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.swipes = _by_verdict("Swipes received, by the verdict shown", r)
        self.stored = Counter("gateway_swipes_stored_total", "Swipes stored, each once", registry=r)
        self.repeated = Counter("gateway_swipes_repeated_total", "Swipes received again and not stored", registry=r)
        self.quarantined = Counter("gateway_quarantined_total", "Payloads set aside with a reason", registry=r)
        self.opened = Counter("gateway_cases_opened_total", "Cases opened", registry=r)
        self.closed = Counter("gateway_cases_closed_total", "Cases closed", registry=r)
        self.delivered = Counter("gateway_alerts_delivered_total", "Slips delivered to the broker", registry=r)
        self.bus_up = Gauge("gateway_bus_up", "1 while connected to the broker", registry=r)
        self.to_stored = Histogram(
            "gateway_swipe_to_stored_seconds",
            "From the swipe to its commit at the centre",
            buckets=SECONDS,
            registry=r,
        )
        self.to_case = Histogram(
            "gateway_swipe_to_case_seconds",
            "From the arrival of the swipe that opened a case to the case's commit",
            buckets=SECONDS,
            registry=r,
        )
        self.stations = StationReports()
        r.register(self.stations)


@dataclass(frozen=True, slots=True)
class Report:
    """What a station said of itself in its last status: counters since it started."""

    online: bool
    readers_up: Mapping[str, bool]
    noise: Mapping[str, int]
    depth: int
    unrecorded: int
    verdict_buckets: Sequence[int]
    """Cumulative counts, one for each bound of `SECONDS` and one for +Inf."""
    verdict_sum: float
    refused: int = 0


class StationReports(Collector):
    """The stations' own figures, told by their status messages, so that one scrape of the centre sees every gate.

    Of a station that is silent for `UNKNOWN_S` nothing is known: it is down, and its figures are left out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reports: dict[str, tuple[Report, float | None]] = {}
        self.holes: Callable[[], Sequence[tuple[str, int, int, Sequence[str]]]] = lambda: ()
        """(station, missing, lost, troubles): what nobody has accepted of each station, silent or not."""

    def update(self, station: str, report: Report, *, heard: bool, at: float) -> None:
        """A status came; `heard` says whether the station itself said it just now (monotonic `at`)."""
        before = self._reports.get(station)
        seen = at if heard and report.online else before[1] if before is not None and report.online else None
        self._reports = {**self._reports, station: (report, seen)}

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("gateway_reader_up", "1 while the reader is heard", labels=["station", "reader"])
        noise = CounterMetricFamily("gateway_reader_noise", "Noise on the line", labels=["station", "reader"])
        depth = GaugeMetricFamily("gateway_spool_depth", "Swipes not yet acknowledged", labels=["station"])
        late = CounterMetricFamily("gateway_unrecorded", "Verdicts shown before on disk", labels=["station"])
        verdict = HistogramMetricFamily(
            "gateway_swipe_to_verdict_seconds", "From the card read to the verdict's hand-over", labels=["station"]
        )
        alive = GaugeMetricFamily("gateway_station_up", "1 while the station is heard", labels=["station"])
        refused = CounterMetricFamily("gateway_bus_refused", "Messages refused by the station", labels=["station"])
        bounds = [*(str(float(s)) for s in SECONDS), "+Inf"]
        for station, (report, seen) in self._reports.items():
            known = seen is not None and self._clock() - seen < UNKNOWN_S
            alive.add_metric([station], float(known))
            if not known:
                continue
            for reader, is_up in report.readers_up.items():
                up.add_metric([station, reader], float(is_up))
            for reader, count in report.noise.items():
                noise.add_metric([station, reader], count)
            depth.add_metric([station], report.depth)
            late.add_metric([station], report.unrecorded)
            refused.add_metric([station], report.refused)
            counts = list(zip(bounds, report.verdict_buckets, strict=False))
            if len(counts) == len(bounds):
                verdict.add_metric([station], counts, report.verdict_sum)
        yield from (alive, up, noise, depth, late, refused, verdict, *self._holes())

    def _holes(self) -> Iterator[Metric]:
        missing = GaugeMetricFamily("gateway_station_missing", "Swipes that are not received", labels=["station"])
        lost = GaugeMetricFamily("gateway_station_lost", "Swipes declared lost, not accepted", labels=["station"])
        trouble = GaugeMetricFamily("gateway_station_trouble", "1 while it is wrong", labels=["station", "trouble"])
        for station, missed, gone, troubles in self.holes():
            missing.add_metric([station], missed)
            lost.add_metric([station], gone)
            for code in troubles:
                trouble.add_metric([station, code], 1)
        yield from (missing, lost, trouble)
