"""The manifests hang together: what is selected, mounted, asked for and scaled exists, and nothing runs as root."""

import re

import pytest
import yaml

from gateway.api.health import ENDPOINTS
from headrace.services import SERVICES
from tests.infra import manifests
from tests.infra.compose import INFRA
from tests.infra.manifests import OBJECTS, PODS, RUNNING, container_of, labels_of, of_kind

REQUIRED = {
    "ConfigMap": {"data"},
    "Deployment": {"selector", "template"},
    "HorizontalPodAutoscaler": {"scaleTargetRef", "minReplicas", "maxReplicas", "metrics"},
    "Job": {"template", "backoffLimit"},
    "NetworkPolicy": {"podSelector", "policyTypes"},
    "PersistentVolumeClaim": {"accessModes", "resources"},
    "PodDisruptionBudget": {"selector", "maxUnavailable"},
    "ScaledObject": {"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "triggers"},
    "Service": {"selector", "ports"},
    "StatefulSet": {"selector", "template", "serviceName", "replicas", "volumeClaimTemplates"},
}
API = {
    "ConfigMap": "v1",
    "Deployment": "apps/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Job": "batch/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PersistentVolumeClaim": "v1",
    "PodDisruptionBudget": "policy/v1",
    "ScaledObject": "keda.sh/v1alpha1",
    "Service": "v1",
    "StatefulSet": "apps/v1",
}
GATEWAY_PATHS = {path for endpoint in ENDPOINTS for path in endpoint.paths}
PROBE_PATHS = {"probes": {"/health/live", "/health/ready", "/metrics"}, "http": GATEWAY_PATHS, "monitor": {"/healthz"}}


@pytest.mark.parametrize("one", OBJECTS, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_an_object_has_what_its_kind_requires(one: manifests.Manifest):
    assert one["apiVersion"] == API[one["kind"]]
    assert re.fullmatch(r"[a-z0-9-]{1,63}", one["metadata"]["name"])
    assert REQUIRED[one["kind"]] <= set(one.get("spec", one))


def test_everything_runs_that_makes_the_product():
    assert set(PODS) == {*SERVICES, "nats", "migrations"}
    assert {path.name for path in manifests.BASE.glob("*.yaml")} == {
        "kustomization.yaml",
        *manifests.kustomization()["resources"],
        *(patch["path"] for patch in manifests.kustomization()["patches"]),
    }


def test_configurations_are_those_that_are_tested():
    for name in ("nats/users.conf", "nats/cluster.conf", "init.sql"):
        assert (manifests.BASE / name).read_bytes() == (INFRA / name).read_bytes(), f"copy infra/{name} again"


class TestSelectors:
    @pytest.mark.parametrize("name", RUNNING)
    def test_a_workload_finds_its_own_pods(self, name: str):
        [workload] = [one for one in OBJECTS if one["metadata"]["name"] == name and "template" in one.get("spec", {})]

        assert set(workload["spec"]["selector"]["matchLabels"].items()) <= labels_of(PODS[name])

    def test_what_selects_pods_selects_some(self):
        selectors = [one["spec"]["selector"] for one in of_kind("Service")]
        selectors += [one["spec"]["selector"]["matchLabels"] for one in of_kind("PodDisruptionBudget")]
        selectors += [found.get("matchLabels", {}) for found in manifests.references(OBJECTS, "podSelector")]

        for selector in selectors:
            assert any(set(selector.items()) <= labels_of(pod) for pod in PODS.values()), selector

    @pytest.mark.parametrize("name", RUNNING)
    def test_every_workload_has_a_budget_of_disruptions(self, name: str):
        budgets = [one["spec"]["selector"]["matchLabels"] for one in of_kind("PodDisruptionBudget")]

        assert any(set(budget.items()) <= labels_of(PODS[name]) for budget in budgets)

    def test_what_is_scaled_is_a_deployment_without_a_number_of_its_own(self):
        deployments = {one["metadata"]["name"]: one["spec"] for one in of_kind("Deployment")}
        scalers = [*of_kind("ScaledObject"), *of_kind("HorizontalPodAutoscaler")]
        scaled = [one["spec"]["scaleTargetRef"]["name"] for one in scalers]

        assert sorted(scaled) == sorted(name for name, spec in deployments.items() if "replicas" not in spec)

    def test_a_service_points_at_ports_that_containers_open(self):
        for service in of_kind("Service"):
            ports = container_of(service["metadata"]["name"])["ports"]
            opened = {port["name"]: port["containerPort"] for port in ports}
            for port in service["spec"]["ports"]:
                assert port.get("targetPort", port["port"]) in {*opened, *opened.values()}


class TestReferences:
    def test_every_secret_and_key_is_in_the_example(self):
        text = (INFRA / "kubernetes/secrets.example.yaml").read_text()
        example = {one["metadata"]["name"]: set(one["stringData"]) for one in yaml.safe_load_all(text)}
        asked: dict[str, set[str]] = {}
        for reference in manifests.references(OBJECTS, "secretKeyRef"):
            asked.setdefault(reference["name"], set()).add(reference["key"])

        assert asked == example
        assert all(value == "" for one in yaml.safe_load_all(text) for value in one["stringData"].values())

    def test_every_configmap_exists(self):
        made = {one["metadata"]["name"] for one in of_kind("ConfigMap")}
        made |= {one["name"] for one in manifests.kustomization()["configMapGenerator"]}
        asked = {found["name"] for key in ("configMapRef", "configMap") for found in manifests.references(OBJECTS, key)}

        assert asked == made

    def test_generated_configmaps_have_their_files(self):
        files = [name for one in manifests.kustomization()["configMapGenerator"] for name in one["files"]]

        assert [name for name in files if not (manifests.BASE / name).is_file()] == []

    @pytest.mark.parametrize("name", sorted(PODS))
    def test_every_mount_has_its_volume(self, name: str):
        pod = PODS[name]
        templates = [one["spec"].get("volumeClaimTemplates", ()) for one in of_kind("StatefulSet")]
        claimed = [claim["metadata"]["name"] for claims in templates for claim in claims]
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", ())} | set(claimed)

        for container in manifests.containers(pod):
            assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes

    def test_images_are_pinned_and_the_same_everywhere(self):
        images = {found for pod in PODS.values() for found in manifests.references(pod, "image")}
        [own] = manifests.kustomization()["images"]
        compose = (INFRA / "compose.yaml").read_text()

        assert own["name"] in images
        assert f"headrace:${{HEADRACE_VERSION:-{own['newTag']}}}" in compose
        assert [image for image in images - {own["name"]} if f"image: {image}\n" not in compose] == []


class TestSafety:
    @pytest.mark.parametrize("name", sorted(PODS))
    def test_nothing_runs_as_root_or_writes_beside_its_volumes(self, name: str):
        assert PODS[name]["spec"]["securityContext"]["runAsNonRoot"] is True
        assert PODS[name]["spec"]["automountServiceAccountToken"] is False
        for container in manifests.containers(PODS[name]):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}

    @pytest.mark.parametrize("name", sorted(PODS))
    def test_every_container_has_its_share_and_its_bound(self, name: str):
        for container in manifests.containers(PODS[name]):
            assert set(container["resources"]) == {"requests", "limits"}
            assert all({"cpu", "memory"} == set(bound) for bound in container["resources"].values())

    @pytest.mark.parametrize("name", RUNNING)
    def test_probes_ask_where_somebody_answers(self, name: str):
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container_of(name)[kind]["httpGet"]
            assert asked["path"].split("?")[0] in PROBE_PATHS[asked["port"]]
            assert asked["port"] in {port["name"] for port in container_of(name)["ports"]}

    def test_no_secret_is_written_down(self):
        given = [one for pod in PODS.values() for env in manifests.references(pod, "env") for one in env]

        assert [one["name"] for one in given if "value" in one and re.search("PASSWORD|SECRET|KEY", one["name"])] == []

    def test_traffic_is_refused_unless_a_policy_lets_it_in(self):
        [default] = [one for one in of_kind("NetworkPolicy") if one["spec"]["podSelector"] == {}]

        assert set(default["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        assert "ingress" not in default["spec"]


def test_an_overlay_builds_on_the_base():
    for path in (INFRA / "kubernetes/overlays").glob("*/kustomization.yaml"):
        overlay = yaml.safe_load(path.read_text())

        assert [(path.parent / name).resolve() for name in overlay["resources"]] == [manifests.BASE]
        for patch in overlay["patches"]:
            target = (patch["target"]["kind"], patch["target"]["name"])
            [changed] = [one for one in OBJECTS if (one["kind"], one["metadata"]["name"]) == target]
            for step in yaml.safe_load(patch["patch"]):
                *_, key = step["path"].split("/")
                assert key in changed["data"]
