"""What `kubectl apply -k` would send to a cluster, for every overlay."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from service.routes import health
from service.settings import Settings, unknown_variables

ROOT = Path(__file__).parents[3]
OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"
#: The first with `lifecycle.preStop.sleep` on by default.
OLDEST = "1.30"
#: Kinds that an operator adds to a cluster. No package has their schemas: their fields are checked below, one by one.
CUSTOM = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}
METRIC = "biasfree_queue_predicted_seconds"


@pytest.fixture(params=["cpu", "gpu", "keda"])
def overlay(request):
    """Name of one overlay."""
    return request.param


@pytest.fixture(scope="module")
def built():
    """Documents by kind, of each overlay."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not here: the overlays are not built")
    return {name: documents(name) for name in ("cpu", "gpu", "keda")}


def documents(name):
    """Build an overlay, and give its documents by kind."""
    command = ["kubectl", "kustomize", OVERLAYS / name]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    loaded = list(yaml.safe_load_all(text))
    by_kind = {each["kind"]: each for each in loaded}
    assert len(by_kind) == len(loaded), "two documents of one kind"
    return by_kind


@pytest.fixture
def objects(built, overlay):
    """Documents of one overlay by kind."""
    return built[overlay]


@pytest.fixture
def pod(objects):
    """The pod's specification."""
    return objects["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture
def container(pod):
    """The only container."""
    (only,) = pod["containers"]
    return only


@pytest.fixture
def variables(objects, container):
    """The environment that the manifests give to the container."""
    (source,) = container["envFrom"]
    assert source["configMapRef"]["name"] == objects["ConfigMap"]["metadata"]["name"]
    return objects["ConfigMap"]["data"] | {each["name"]: each.get("value") for each in container.get("env", [])}


def test_every_overlay_is_tried():
    """None is added without a test."""
    assert sorted(path.name for path in OVERLAYS.iterdir()) == ["cpu", "gpu", "keda"]


@pytest.fixture(scope="module")
def schemas():
    """The published schemas; to import them takes seconds, which collecting the tests need not wait for."""
    import kubernetes_validate

    return kubernetes_validate


@pytest.mark.parametrize("newest", [False, True], ids=["oldest", "newest"])
def test_every_document_follows_the_published_schema(objects, schemas, newest):
    """Of the oldest cluster that is supported and of the newest that is known; unknown fields are errors."""
    checked = [each for kind, each in objects.items() if kind not in CUSTOM]

    assert len(checked) >= 6
    for each in checked:
        schemas.validate(each, schemas.latest_version() if newest else OLDEST, strict=True)


def test_a_misspelt_field_is_found(objects, schemas):
    """So that the test above says something."""
    wrong = {**objects["Service"], "spce": {}}

    with pytest.raises(Exception, match="spce"):
        schemas.validate(wrong, OLDEST, strict=True)


def test_the_pod_is_restricted(pod, container):
    """What Kubernetes calls the restricted profile, a read-only root besides, and nobody's token."""
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers", "serviceAccountName"} & set(pod)


def test_only_a_bounded_tmpfs_can_be_written(pod, container):
    """At /tmp."""
    (mount,), (volume,) = container["volumeMounts"], pod["volumes"]

    assert (mount["name"], mount["mountPath"]) == (volume["name"], "/tmp")
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}


def test_the_user_is_the_images(pod):
    """The number of the Dockerfile."""
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]) == (int(user[1]), int(user[2]))


def test_the_namespace_refuses_what_is_not_restricted(objects):
    """And every other document is in it."""
    namespace = objects["Namespace"]["metadata"]

    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for kind, each in objects.items():
        assert kind == "Namespace" or each["metadata"]["namespace"] == namespace["name"]


def test_variables_are_settings_that_the_service_accepts(variables, monkeypatch):
    """Every name and every value."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert unknown_variables(variables) == []
    Settings()


def test_the_clusters_own_variables_stay_out(pod, objects):
    """A Service called biasfree would become BIASFREE_PORT=tcp://... in the pod."""
    assert objects["Service"]["metadata"]["name"] == "biasfree"
    assert pod["enableServiceLinks"] is False


def test_probes_ask_for_routes_of_the_service(container):
    """Life at the one that does no work, readiness at the other."""
    paths = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}

    assert paths == {"startupProbe": "/readyz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert set(paths.values()) <= {route.path for route in health.router.routes}


def test_ports_lead_to_the_service(objects, container):
    """Service, probes, network policy and monitor name the port that the image listens on."""
    (port,) = container["ports"]
    listening = re.search(r"BIASFREE_PORT=(\d+)", (ROOT / "Dockerfile").read_text())[1]
    named = [
        *(container[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")),
        *(each["targetPort"] for each in objects["Service"]["spec"]["ports"]),
        *(each["port"] for each in objects["NetworkPolicy"]["spec"]["ingress"][0]["ports"]),
    ]

    assert port["containerPort"] == int(listening)
    assert set(named) == {port["name"]}


def test_what_is_under_way_may_finish(pod, container, variables):
    """The grace period covers the wait before SIGTERM and the longest request."""
    waits_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    timeout_s = float(variables.get("BIASFREE_TIMEOUT_S", Settings.model_fields["timeout_s"].default))

    assert pod["terminationGracePeriodSeconds"] > waits_s + timeout_s


def test_selectors_find_the_pods(objects):
    """Those of Deployment, Service, disruption budget and monitor."""
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ]
    monitored = objects["ServiceMonitor"]["spec"]["selector"]["matchLabels"]

    assert all(selector.items() <= labels.items() for selector in selectors)
    assert monitored.items() <= objects["Service"]["metadata"]["labels"].items()


def test_nothing_leaves_the_pod(objects):
    """No rule for egress is one that forbids all of it."""
    policy = objects["NetworkPolicy"]["spec"]

    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert policy.get("egress", []) == []


def test_a_drain_takes_one_replica_at_a_time(objects):
    """Of at least two."""
    assert objects["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    scaler = objects.get("HorizontalPodAutoscaler", objects.get("ScaledObject"))["spec"]
    assert scaler.get("minReplicas", scaler.get("minReplicaCount")) >= 2
    assert "replicas" not in objects["Deployment"]["spec"]


def test_the_autoscaler_follows_the_predicted_queue(built):
    """Well before the service refuses."""
    for name in ("cpu", "gpu"):
        (metric,) = built[name]["HorizontalPodAutoscaler"]["spec"]["metrics"]
        assert metric["pods"]["metric"]["name"] == METRIC
        assert 0 < float(metric["pods"]["target"]["averageValue"]) < Settings.model_fields["queue_limit_s"].default


def test_keda_replaces_the_autoscaler(built):
    """By the same metric and numbers; two autoscalers of one deployment would fight."""
    autoscaler = built["cpu"]["HorizontalPodAutoscaler"]["spec"]
    scaled = built["keda"]["ScaledObject"]
    (trigger,) = scaled["spec"]["triggers"]

    assert "HorizontalPodAutoscaler" not in built["keda"]
    assert scaled["apiVersion"] == "keda.sh/v1alpha1"
    assert scaled["spec"]["scaleTargetRef"] == {"name": built["keda"]["Deployment"]["metadata"]["name"]}
    assert (scaled["spec"]["minReplicaCount"], scaled["spec"]["maxReplicaCount"]) == (
        autoscaler["minReplicas"],
        autoscaler["maxReplicas"],
    )
    assert scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == autoscaler["behavior"]
    assert (trigger["type"], trigger["metricType"]) == ("prometheus", "AverageValue")
    assert set(trigger["metadata"]) == {"serverAddress", "query", "threshold"}
    assert trigger["metadata"]["threshold"] == autoscaler["metrics"][0]["pods"]["target"]["averageValue"]
    assert trigger["metadata"]["query"] == f'sum({METRIC}{{namespace="biasfree"}})'


def test_the_monitor_scrapes_the_service(objects):
    """The fields that the Prometheus operator reads."""
    monitor = objects["ServiceMonitor"]
    (endpoint,) = monitor["spec"]["endpoints"]

    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert endpoint == {"port": objects["Service"]["spec"]["ports"][0]["name"], "path": "/metrics", "interval": "15s"}


def test_the_alerts_are_those_of_prometheus():
    """They are kept in two files, because the operator reads no file of rules, and need no kubectl to compare."""
    rule = yaml.safe_load((OVERLAYS.parent / "base" / "alerts.yaml").read_text())
    alone = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())

    assert (rule["apiVersion"], rule["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert rule["spec"] == alone


def test_the_alerts_name_the_job_that_the_monitor_makes(objects):
    """The Prometheus operator calls a job as the Service is called."""
    assert objects["Service"]["metadata"]["name"] == "biasfree"
    assert 'up{job="biasfree"}' in objects["PrometheusRule"]["spec"]["groups"][0]["rules"][0]["expr"]


def test_the_service_exports_what_the_autoscaler_reads():
    """Under that very name."""
    assert f'"{METRIC}"' in (ROOT / "service" / "telemetry" / "metrics.py").read_text()


def test_the_gpu_overlay_asks_for_a_gpu(built):
    """One, by an image that can use it, and it refuses to start without."""
    (container,) = built["gpu"]["Deployment"]["spec"]["template"]["spec"]["containers"]

    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert built["gpu"]["ConfigMap"]["data"]["BIASFREE_DEVICE"] == "cuda"
    assert container["image"].endswith("-cuda")
    # A GPU that is not there cannot be waited for.
    assert built["gpu"]["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0


def test_memory_and_cores_are_bounded(container):
    """The service takes its number of threads from the limit."""
    resources = container["resources"]

    assert resources["requests"]["cpu"] == resources["limits"]["cpu"]
    assert {"cpu", "memory"} <= set(resources["requests"])
    assert "memory" in resources["limits"]
