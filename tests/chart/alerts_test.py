#!/usr/bin/env python3
"""The alerts of the chart: promtool reads them, they fire when they should and not before, and each metric they name is one
of docs/metrics.md."""
import json
import pathlib
import re
import tempfile
import unittest

import yaml

import charts
from charts import Chart, ROOT, SERVER, at, merged

# What each alert is for: a series that makes it fire, as promtool writes series, and when to look.
FIRES = {
    "SuppressdWritesRefused": ("suppressd_writes_accepted", "0x10", "2m"),
    "SuppressdDiskFillsUp": ("suppressd_storage_free_bytes", "300000000x20", "10m"),
    "SuppressdStorageShedding": ("suppressd_storage_shedding", "1x20", "10m"),
    "SuppressdBackupOld": ("suppressd_backup_age_seconds", "172801x90", "1h"),
    "SuppressdOverloaded": ("suppressd_errors_total{reason=\"OVERLOADED\"}", "0+1x30", "20m"),
    "SuppressdReplicaStale": ("suppressd_replica_staleness_seconds", "61+60x20", "10m"),
    "SuppressdOutboxStuck": ("suppressd_outbox_oldest_seconds", "301+60x20", "10m"),
    "SuppressdReportsRefused": ("suppressd_outbox_refused_reports", "1x20", "10m"),
    "SuppressdConfigRefused": ("suppressd_config_reload_success{file=\"access.yaml\"}", "0x10", "2m"),
    "SuppressdCertificateExpires": ("suppressd_tls_certificate_not_after_seconds{use=\"server\"}", "600000x200", "2h"),
    "SuppressdAccessDenied": ("suppressd_access_denied_total{reason=\"denied\"}", "0+1x30", "20m"),
    "SuppressdLogLinesDropped": ("suppressd_log_dropped_lines_total", "0+1x30", "20m"),
}
# What another series of an alert says in both cases.
BESIDE = {"SuppressdDiskFillsUp": [{"series": "suppressd_storage_min_free_bytes", "values": "268435456x200"}],
          "SuppressdBackupOld": [{"series": "suppressd_backup_late_after_seconds", "values": "172800x200"}]}
# The same series of a server that is well.
WELL = {"suppressd_writes_accepted": "1x200", "suppressd_storage_free_bytes": "9000000000x200",
        "suppressd_backup_age_seconds": "86400x200", "suppressd_storage_shedding": "0x200", "suppressd_errors_total": "7x200", "suppressd_replica_staleness_seconds": "0.5x200",
        "suppressd_outbox_oldest_seconds": "2x200", "suppressd_outbox_refused_reports": "0x200",
        "suppressd_config_reload_success": "1x200", "suppressd_tls_certificate_not_after_seconds": "99999999x200",
        "suppressd_access_denied_total": "7x200", "suppressd_log_dropped_lines_total": "3x200"}


def rules():
    chart = Chart("suppressd", SERVER)
    changes = merged(at("metrics.prometheusRule.enabled", True), at("metrics.prometheusRule.alertLabels", {"team": "mail"}))
    return chart.object("PrometheusRule", changes)["spec"]


def no_key_twice(pairs):
    assert len(dict(pairs)) == len(pairs), f"a key stands twice among {pairs}"
    return dict(pairs)


class Alerts(unittest.TestCase):
    def promtool(self, *arguments):
        result = charts.run(charts.tool("promtool"), *arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_they_fire_when_they_should_and_are_quiet_where_all_is_well(self):
        spec = rules()
        names = {rule["alert"]: rule for rule in spec["groups"][0]["rules"]}
        self.assertEqual(set(names), set(FIRES))
        tests = []
        for name, (series, values, when) in FIRES.items():
            rule = names[name]
            labels = dict(re.findall(r'(\w+)="([^"]*)"', series))
            fired = {"exp_labels": {**labels, "severity": rule["labels"]["severity"], "team": "mail"},
                     "exp_annotations": rule["annotations"]}
            tests.append({"interval": "1m", "input_series": [{"series": series, "values": values}] + BESIDE.get(name, []),
                          "alert_rule_test": [{"eval_time": when, "alertname": name, "exp_alerts": [fired]}]})
            plain = series.split("{")[0]
            tests.append({"interval": "1m", "input_series": [{"series": series, "values": WELL[plain]}] + BESIDE.get(name, []),
                          "alert_rule_test": [{"eval_time": when, "alertname": name, "exp_alerts": []}]})
        with tempfile.TemporaryDirectory() as scratch:
            pathlib.Path(scratch, "rules.yaml").write_text(yaml.safe_dump(spec))
            pathlib.Path(scratch, "tests.yaml").write_text(yaml.safe_dump(
                {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}))
            self.promtool("check", "rules", f"{scratch}/rules.yaml")
            self.promtool("test", "rules", f"{scratch}/tests.yaml")

    def test_the_dashboard_asks_for_what_there_is(self):
        chart = Chart("suppressd", SERVER)
        maps = [part for part in chart.objects(at("metrics.dashboard.enabled", True)) if part["kind"] == "ConfigMap"]
        dashboard = json.loads(maps[0]["data"]["suppressd.json"])
        documented = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.M))
        asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        self.assertGreater(len(asked), 10)
        self.assertEqual(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]))
        for expression in asked:
            for metric in re.findall(r"\b(?:suppressd|grpc_server|process)_\w+", expression):
                self.assertIn(re.sub("_(bucket|count|sum)$", "", metric), documented, expression)
        known = [{"record": f"asked:{number}", "expr": expression.replace("$__rate_interval", "5m")}
                 for number, expression in enumerate(asked)]
        with tempfile.TemporaryDirectory() as scratch:
            pathlib.Path(scratch, "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": known}]}))
            self.promtool("check", "rules", f"{scratch}/rules.yaml")

    def test_the_form_of_the_dashboard_is_that_of_grafana(self):
        with open(ROOT / "helm" / "suppressd" / "files" / "dashboard.json", encoding="utf-8") as file:
            dashboard = json.load(file, object_pairs_hook=no_key_twice)
        self.assertEqual(set(dashboard), {"uid", "title", "schemaVersion", "version", "editable", "refresh", "time", "templating",
                                          "panels"})
        variables = {variable["name"] for variable in dashboard["templating"]["list"]}
        cells, titles = {}, set()
        for panel in dashboard["panels"]:
            with self.subTest(panel=panel["title"]):
                self.assertEqual(set(panel), {"id", "type", "title", "datasource", "gridPos", "fieldConfig", "targets"})
                self.assertEqual(panel["type"], "timeseries")
                self.assertEqual(panel["datasource"], {"type": "prometheus", "uid": "${datasource}"})
                self.assertEqual(set(panel["fieldConfig"]), {"defaults", "overrides"})
                self.assertIn(panel["fieldConfig"]["defaults"]["unit"], {"s", "reqps", "short", "bytes"})
                self.assertEqual([target["refId"] for target in panel["targets"]],
                                 [chr(ord("A") + number) for number in range(len(panel["targets"]))])
                for target in panel["targets"]:
                    self.assertEqual(set(target), {"refId", "expr", "legendFormat"})
                    self.assertIn("$job", target["expr"])
                    self.assertLessEqual(set(re.findall(r"\$(\w+)", target["expr"])), variables | {"__rate_interval"})
                    labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                    grouped = {name.strip() for names in re.findall(r"by \(([^)]*)\)", target["expr"]) for name in names.split(",")}
                    if re.search(r"\b(sum|max|min)\b", target["expr"]):
                        self.assertLessEqual(labels, grouped, "what the legend names must be left by the expression")
                self.assertNotIn(panel["title"], titles)
                titles.add(panel["title"])
                place = panel["gridPos"]
                self.assertEqual(set(place), {"h", "w", "x", "y"})
                self.assertLessEqual(place["x"] + place["w"], 24)
                for x in range(place["x"], place["x"] + place["w"]):
                    for y in range(place["y"], place["y"] + place["h"]):
                        self.assertNotIn((x, y), cells, "it lies over another")
                        cells[x, y] = panel["id"]

    def test_they_name_metrics_that_there_are(self):
        documented = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.M))
        for rule in rules()["groups"][0]["rules"]:
            for metric in re.findall(r"\b(?:suppressd|grpc|process)_\w+", rule["expr"]):
                self.assertIn(metric, documented, rule["alert"])
            self.assertTrue(rule["annotations"]["runbook"])


if __name__ == "__main__":
    charts.main()
