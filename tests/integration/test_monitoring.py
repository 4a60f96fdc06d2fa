"""Alerts, dashboard and compose file fit the service."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.queue.ledger import QueueState
from service.telemetry.device_memory import DeviceMemory
from service.telemetry.metrics import STAGES, Metrics

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "biasfree.json"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
#: What Prometheus itself adds.
OWN, LABELS = {"up"}, {"instance", "job"}


def alerts() -> dict[str, str]:
    """Expressions by the alerts' names."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def dashboard() -> dict:
    """As Grafana reads it."""
    return json.loads(DASHBOARD.read_text())


def expressions() -> list[str]:
    """Of all alerts and panels."""
    return [*alerts().values(), *(target["expr"] for panel in dashboard()["panels"] for target in panel["targets"])]


def with_gpu() -> str:
    """What a service with a GPU adds."""
    metrics = Metrics(models=[], reasons=[])
    idle = QueueState(jobs=0, tiles=0, pixels=0, predicted_s=0, budget_px=1, batches=0, closed=None, died=False)
    metrics.watch(lambda: idle, limit_s=1, memory=lambda: DeviceMemory(used=3, free=5), ready=lambda: True)
    return generate_latest(metrics.registry).decode()


@pytest.fixture
async def exported(client) -> dict[str, set[str]]:
    """Labels by the name of every sample that a service has, with or without a GPU."""
    await client.get("/limits")
    labels: dict[str, set[str]] = {}
    for text in ((await client.get("/metrics")).text, with_gpu()):
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


async def test_every_metric_and_label_that_is_asked_for_exists(exported):
    """In alerts and panels alike."""
    asked = set()
    for expression in expressions():
        for name, matchers in re.findall(r"\b((?:biasfree|process)_\w+|up\b)(?:\{([^}]*)\})?", expression):
            asked.add(name)
            assert name in exported.keys() | OWN, name
            found = set(re.findall(r"(\w+)\s*[=!]~?", re.sub(r'"[^"]*"', "", matchers)))
            assert found <= exported.get(name, set()) | LABELS, expression
        for grouped in re.findall(r"\b(?:by|without|ignoring) \(([^)]*)\)", expression):
            assert set(re.split(r",\s*", grouped)) <= set.union(*exported.values()) | LABELS, expression
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported if name.startswith("biasfree_")}
    assert ours == {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked if name.startswith("biasfree_")}


async def test_every_metric_is_in_the_operators_document(exported):
    """By its name, and every stage and alert too."""
    for name in exported:
        if name.startswith("biasfree_"):
            assert f"`{re.sub(r'_(bucket|sum|count)$', '', name)}`" in OPERATIONS, name
    for name in (*alerts(), *STAGES):
        assert f"`{name}`" in OPERATIONS, name


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here (Debian's package prometheus)")
@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
)
def test_promtool_takes_the_rules_and_they_fire_when_they_should(command):
    """Every alert has a case in which it fires and one in which it does not."""
    done = subprocess.run(["promtool", *command], cwd=ALERTS.parent, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case():
    """Also where promtool is not."""
    tests = yaml.safe_load((ALERTS.parent / "alerts_test.yml").read_text())["tests"]
    fires = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each.get("exp_alerts")}
    quiet = {each["alertname"] for test in tests for each in test["alert_rule_test"] if not each.get("exp_alerts")}
    assert fires == quiet == set(alerts())


def test_compose_serves_alone_and_provisions_the_rest_on_demand():
    """What is mounted exists, the dashboard's data source too, and nothing is open to other machines."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert [name for name, each in services.items() if "profiles" not in each] == ["biasfree"]
    assert services["biasfree-gpu"]["environment"]["BIASFREE_DEVICE"] == "cuda"
    for each in services.values():
        assert all(port.startswith("127.0.0.1:") for port in each["ports"])
        for volume in each.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (ROOT / source).is_dir(), volume
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    (folder,) = yaml.safe_load((provisioning / "dashboards" / "biasfree.yml").read_text())["providers"]
    mounted = dict(each.split(":")[:2] for each in services["grafana"]["volumes"] if each.startswith("."))
    assert {value: key for key, value in mounted.items()}[folder["options"]["path"]] == "./deploy/grafana/dashboards"
    assert {panel["datasource"]["uid"] for panel in dashboard()["panels"]} == {source["uid"]}
