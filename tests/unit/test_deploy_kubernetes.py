"""`deploy/kubernetes`: valid by Kubernetes' own schemas, and its parts fit each other and the program."""

from __future__ import annotations

import re
from typing import Any

import kubernetes_validate
import pytest

from tests.support.dockerfile import command, stages
from tests.support.manifests import LONGEST_CALL, documents, no_settings, run_of_ours, unknown_words
from tests.support.redis_server import DEPLOY

FOLDER = DEPLOY / "kubernetes"
#: A version that is old enough to be in use, and one that is new.
VERSIONS = ("1.31", "1.35")
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
OBJECTS = [each for name in FILES if name != "kustomization.yaml" for each in documents(f"kubernetes/{name}")]
DEPLOYMENTS = {each["metadata"]["name"]: each["spec"] for each in OBJECTS if each["kind"] == "Deployment"}
every_deployment = pytest.mark.parametrize("name", DEPLOYMENTS)


def named(kind: str, name: str) -> dict[str, Any]:
    """The object of that kind and name."""
    (found,) = [each for each in OBJECTS if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def pod(name: str) -> dict[str, Any]:
    """What a deployment's pods are."""
    found: dict[str, Any] = DEPLOYMENTS[name]["template"]["spec"]
    return found


def container(name: str) -> dict[str, Any]:
    """The one container of its pods."""
    (found,) = pod(name)["containers"]
    return dict(found)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("each", OBJECTS, ids=lambda each: f"{each['kind']}/{each['metadata']['name']}")
def test_it_is_valid(each: dict[str, Any], version: str) -> None:
    """By the schema of that kind, which allows no field that it does not know."""
    kubernetes_validate.validate(each, version, strict=True)


def test_kustomize_names_what_is_there() -> None:
    """Every file is applied but the example of a Secret, and Flower, which is a choice."""
    (kustomization,) = documents("kubernetes/kustomization.yaml")
    applied = set(kustomization["resources"])
    assert set(FILES) - applied == {"kustomization.yaml", "secret.example.yaml", "flower.yaml"}
    assert applied <= set(FILES)
    assert {image["name"] for image in kustomization["images"]} == {container(name)["image"] for name in DEPLOYMENTS}


@every_deployment
def test_its_pods_have_no_rights(name: str) -> None:
    """They keep what the namespace enforces, the restricted Pod Security Standard, and have a read-only root too."""
    assert pod(name)["securityContext"].items() >= {"runAsNonRoot": True, "runAsUser": 10001}.items()
    assert pod(name)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod(name)["automountServiceAccountToken"]
    assert container(name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@every_deployment
def test_no_service_becomes_a_setting(name: str) -> None:
    """Kubernetes would set VOICE_NOTIFY_METRICS_PORT for the Service of that name, and the start would stop."""
    assert not pod(name)["enableServiceLinks"]


@every_deployment
def test_every_variable_is_a_setting(name: str) -> None:
    """Those of the ConfigMap and its own."""
    own = [variable["name"] for variable in container(name)["env"]]
    assert no_settings([*own, *named("ConfigMap", "voice-notify")["data"]]) == []


@every_deployment
def test_each_has_the_secrets_that_it_reads(name: str) -> None:
    """Those paths, no others, and all of them are in the example of the Secret."""
    (volume,) = [volume["secret"] for volume in pod(name)["volumes"] if "secret" in volume]
    given = {item["path"] for item in volume["items"]}
    assert set(re.findall(r"/run/secrets/voice-notify/([\w-]+)", str(container(name)))) == given
    assert given <= named("Secret", "voice-notify")["stringData"].keys()


@every_deployment
def test_its_labels_fit(name: str) -> None:
    """What selects its pods finds them, by the labels that they have."""
    labels = DEPLOYMENTS[name]["template"]["metadata"]["labels"]
    assert DEPLOYMENTS[name]["selector"]["matchLabels"] == labels
    policies = [each["spec"]["podSelector"]["matchLabels"] for each in OBJECTS if each["kind"] == "NetworkPolicy"]
    assert any(policy.items() <= labels.items() for policy in policies)


def test_the_others_select_the_workers() -> None:
    """The autoscaler, the disruption budget and the way to the provider are for workers."""
    labels = DEPLOYMENTS["voice-notify-worker"]["template"]["metadata"]["labels"]
    name = "voice-notify-worker"
    assert named("HorizontalPodAutoscaler", name)["spec"]["scaleTargetRef"]["name"] in DEPLOYMENTS
    assert named("PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"] == labels
    assert named("NetworkPolicy", name)["spec"]["podSelector"]["matchLabels"] == labels
    service = named("Service", "voice-notify-metrics")["spec"]["selector"]
    assert service == DEPLOYMENTS["voice-notify-metrics"]["template"]["metadata"]["labels"]


def test_nothing_comes_in_but_to_the_metrics() -> None:
    """One policy closes every pod of ours, and one opens the metrics to Prometheus."""
    closed = named("NetworkPolicy", "voice-notify")["spec"]
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in closed
    opened = [each["metadata"]["name"] for each in OBJECTS if "ingress" in each.get("spec", ())]
    assert opened == ["voice-notify-metrics"]


def test_only_workers_reach_the_provider() -> None:
    """By 443, and to no private address."""
    worker = named("NetworkPolicy", "voice-notify-worker")["spec"]["egress"]
    (rule,) = worker
    assert [port["port"] for port in rule["ports"]] == [443]
    assert "10.0.0.0/8" in rule["to"][0]["ipBlock"]["except"]
    assert "ipBlock" not in str(named("NetworkPolicy", "voice-notify"))


def test_a_worker_has_time_to_finish_its_calls() -> None:
    """Kubernetes kills it no sooner than its longest call can end."""
    assert pod("voice-notify-worker")["terminationGracePeriodSeconds"] > 2 * LONGEST_CALL


def test_a_worker_is_asked_by_the_command_for_it() -> None:
    """Its probes run what the image's health check runs."""
    probes = [container("voice-notify-worker")[probe]["exec"]["command"] for probe in ("startupProbe", "livenessProbe")]
    assert probes == [command(stages()[-1].one("HEALTHCHECK"))] * 2
    assert unknown_words(run_of_ours(probes[0])) == []


def test_what_the_exporter_runs_exists() -> None:
    """It is a command of ours, has these options, and listens where its Service leads."""
    run = run_of_ours(container("voice-notify-metrics")["command"])
    assert (run[0], unknown_words(run)) == ("metrics", [])
    (port,) = named("Service", "voice-notify-metrics")["spec"]["ports"]
    (listens,) = container("voice-notify-metrics")["ports"]
    assert port["targetPort"] in (listens["name"], listens["containerPort"])
    assert run[run.index("--port") + 1] == str(listens["containerPort"])
