"""Metrics: the names that operators build upon, and what stations tell of themselves."""

import time
from dataclasses import replace

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import SECONDS, UNKNOWN_S, CentreMetrics, Report, StationMetrics, StationReports


def samples(registry: CollectorRegistry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def names(registry: CollectorRegistry) -> set[str]:
    return {name for name, _ in samples(registry)}


def test_the_station_has_the_promised_names() -> None:
    metrics = StationMetrics()
    metrics.swipes.labels("grant").inc()
    metrics.reader_up.labels("east-in").set(1)
    metrics.noise.labels("east-in").inc()
    assert names(metrics.registry) >= {
        "gateway_swipes_total",
        "gateway_reader_up",
        "gateway_reader_noise_total",
        "gateway_spool_depth",
        "gateway_unrecorded_total",
        "gateway_swipe_to_verdict_seconds_bucket",
    }


def test_the_centre_has_the_promised_names_and_its_stations_figures() -> None:
    metrics = CentreMetrics()
    metrics.swipes.labels("attend").inc()
    buckets = [min(i, 7) for i in range(len(SECONDS) + 1)]
    metrics.stations.update(
        "yuan-1", Report(True, {"east-in": True}, {"east-in": 4}, 9, 2, buckets, 0.5), heard=True, at=time.monotonic()
    )
    found = samples(metrics.registry)
    assert names(metrics.registry) >= {
        "gateway_swipes_total",
        "gateway_swipes_stored_total",
        "gateway_cases_opened_total",
        "gateway_cases_closed_total",
        "gateway_alerts_delivered_total",
        "gateway_swipe_to_stored_seconds_bucket",
        "gateway_swipe_to_case_seconds_bucket",
    }
    station = ("station", "yuan-1")
    reader = ("reader", "east-in")
    assert found["gateway_reader_up", (reader, station)] == 1
    assert found["gateway_reader_noise_total", (reader, station)] == 4
    assert found["gateway_spool_depth", (station,)] == 9
    assert found["gateway_unrecorded_total", (station,)] == 2
    assert found["gateway_swipe_to_verdict_seconds_bucket", (("le", "+Inf"), station)] == 7
    assert found["gateway_swipe_to_verdict_seconds_sum", (station,)] == 0.5


def test_a_report_with_other_bounds_than_ours_is_left_out_and_breaks_nothing() -> None:
    metrics = CentreMetrics()
    metrics.stations.update("old", Report(True, {}, {}, 1, 0, [1, 2, 3], 0.5), heard=True, at=time.monotonic())
    assert ("gateway_spool_depth", (("station", "old"),)) in samples(metrics.registry)
    assert "gateway_swipe_to_verdict_seconds_bucket" not in names(metrics.registry)


def test_the_newest_report_of_a_station_stands() -> None:
    metrics = CentreMetrics()
    for depth in (5, 3):
        metrics.stations.update("yuan-1", Report(True, {}, {}, depth, 0, [], 0.0), heard=True, at=time.monotonic())
    assert samples(metrics.registry)["gateway_spool_depth", (("station", "yuan-1"),)] == 3


def test_of_a_station_that_is_silent_nothing_is_known() -> None:
    now = [1000.0]
    reports = StationReports(lambda: now[0])
    registry = CollectorRegistry()
    registry.register(reports)
    up, reader = ("gateway_station_up", (("station", "yuan-1"),)), ("reader", "east-in")
    report = Report(True, {"east-in": True}, {"east-in": 0}, 4, 0, [], 0.0)
    reports.update("yuan-1", report, heard=False, at=now[0])
    assert samples(registry) == {up: 0}, "a retained word says how it was, and not that it is there"
    reports.update("yuan-1", report, heard=True, at=now[0])
    assert samples(registry)["gateway_reader_up", (reader, ("station", "yuan-1"))] == 1
    now[0] += UNKNOWN_S
    assert samples(registry) == {up: 0}
    reports.update("yuan-1", report, heard=True, at=now[0])
    assert samples(registry)[up] == 1
    reports.update("yuan-1", replace(report, online=False), heard=False, at=now[0])
    assert samples(registry) == {up: 0}, "its last will"


def test_what_is_missing_and_wrong_of_a_station_is_told_also_while_it_is_silent() -> None:
    metrics = CentreMetrics()
    metrics.stations.holes = lambda: [("yuan-1", 7, 2, ("cloned",)), ("yuan-2", 0, 0, ())]
    found = samples(metrics.registry)
    assert found["gateway_station_missing", (("station", "yuan-1"),)] == 7
    assert found["gateway_station_lost", (("station", "yuan-1"),)] == 2
    assert found["gateway_station_trouble", (("station", "yuan-1"), ("trouble", "cloned"))] == 1
    assert found["gateway_station_missing", (("station", "yuan-2"),)] == 0
