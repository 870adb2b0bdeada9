"""Files that start the server name flags, paths, ports and metrics that the real one has."""

import asyncio
import importlib.util
import io
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from cityzoo.commands.serve import parse_settings
from cityzoo.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
USER = 10001


def documents(name):
    """The objects of a Kubernetes file by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / name).read_text())}


@pytest.fixture(scope="module")
def cluster():
    """The objects of the Deployment's file."""
    return documents("kubernetes-serve.yaml")


PODS = {
    "kubernetes-serve.yaml": lambda: documents("kubernetes-serve.yaml")["Deployment"]["spec"]["template"][
        "spec"
    ],
    "kserve-inference-service.yaml": lambda: documents("kserve-inference-service.yaml")["InferenceService"][
        "spec"
    ]["predictor"],
}
each_pod = pytest.mark.parametrize("pod", [make() for make in PODS.values()], ids=PODS)


@pytest.fixture(scope="module")
def paths():
    """Every path of the server."""
    pytest.importorskip("fastapi_offline")
    from cityzoo.serve.app import make_app

    return set(make_app(FakeServices(parse_settings(["models"]))).openapi()["paths"])


class FakeServices:
    """As much of the services as the routes need to be listed."""

    def __init__(self, settings):
        self.settings = settings
        self.repository = self.access = self.monitor = self.audit = self.conversations = None


@each_pod
def test_flags_and_probes_are_those_of_the_server(pod, paths):
    """The flags parse; probes and volumes exist; the port is the server's."""
    (container,) = pod["containers"]
    settings = parse_settings(container["args"])
    port = container["ports"][0]
    assert settings.port == port["containerPort"] == 8000
    assert settings.host == "0.0.0.0"
    assert settings.authenticates
    for kind in ("readinessProbe", "livenessProbe"):
        request = container[kind]["httpGet"]
        assert request["path"] in paths
        assert request["port"] in (port["name"], port["containerPort"])
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    assert Path(settings.api_keys).parent == Path(mounts["keys"])
    assert str(settings.models) in (*mounts.values(), "/mnt/models")


@each_pod
def test_a_pod_has_time_to_answer_what_is_in_flight(pod):
    """Before it is killed: preStop, drain, the longest request."""
    (container,) = pod["containers"]
    settings = parse_settings(container["args"])
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    needed = pause + settings.drain_seconds + settings.timeout_seconds
    assert pod["terminationGracePeriodSeconds"] > needed


@each_pod
def test_a_pod_has_no_rights_that_it_does_not_need(pod):
    """Not root, nothing written but in volumes, no capabilities."""
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == USER
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    rights = pod["containers"][0]["securityContext"]
    assert rights == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_names_of_the_deployment_agree(cluster):
    """Service, autoscaler, budget and network policy pick the Deployment's pods."""
    deployment = cluster["Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert cluster["Service"]["spec"]["selector"] == labels
    assert cluster["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert cluster["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert cluster["NetworkPolicy"]["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 8000}]
    target = cluster["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert "replicas" not in deployment["spec"]
    assert cluster["Service"]["spec"]["ports"][0]["targetPort"] == "http"


def test_the_autoscaler_reads_a_metric_of_the_server(cluster):
    """By its real name, from where the pods' annotations say."""
    pytest.importorskip("prometheus_client")
    from cityzoo.monitor.metrics import Monitor

    content, _ = Monitor().render()
    (pods, _) = cluster["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert f"\n{pods['pods']['metric']['name']} ".encode() in content
    notes = cluster["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert notes["prometheus.io/port"] == "8000"
    assert notes["prometheus.io/path"] == "/metrics"


def test_the_kubernetes_schemas_accept_the_files():
    """Those of the API server; KServe's own kind has none there."""
    validate = pytest.importorskip("kubernetes_validate")
    for name in ("kubernetes-serve.yaml", "kubernetes-job.yaml", "kubernetes-update.yaml"):
        for each in yaml.safe_load_all((DEPLOY / name).read_text()):
            validate.validate(each, "1.30", strict=True)


def test_compose_starts_the_server_and_mounts_files_that_exist(paths):
    """The server's flags parse; it is not root and its files cannot be written."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    server = compose["services"]["cityzoo"]
    settings = parse_settings(server["command"])
    assert server["ports"] == [f"127.0.0.1:{settings.port}:{settings.port}"]
    assert server["read_only"]
    assert server["cap_drop"] == ["ALL"]
    assert server["user"] == f"{USER}:{USER}"
    assert (DEPLOY / server["build"]["context"] / server["build"]["dockerfile"]).is_file()
    named = {
        volume.split(":")[0] for service in compose["services"].values() for volume in service["volumes"]
    }
    assert {name for name in named if not name.startswith(".")} == set(compose["volumes"])
    assert all((DEPLOY / name).exists() for name in named if name.startswith("./"))
    (scraped,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    assert scraped["static_configs"][0]["targets"] == [f"cityzoo:{settings.port}"]
    mounted = [volume.split(":")[1] for volume in compose["services"]["prometheus"]["volumes"]]
    assert scraped["authorization"]["credentials_file"] in mounted
    assert int(server["stop_grace_period"][:-1]) > settings.drain_seconds + settings.timeout_seconds


def test_the_image_is_built_of_files_that_exist_and_asks_a_path_that_exists(paths):
    """Hashes for all, no training dependencies, not root."""
    text = (DEPLOY / "Dockerfile.serve").read_text()
    assert (DEPLOY / "requirements-serve.txt").is_file()
    assert "--require-hashes" in text
    assert "pip install --no-cache-dir --no-deps ." in text
    assert f"USER {USER}:{USER}" in text
    assert re.search(r"127\.0\.0\.1:8000(/[\w/]+)'", text)[1] in paths


def test_the_requirements_have_all_of_the_extra_with_hashes():
    """And nothing of the training's: the image has what setup.cfg names."""
    import configparser

    extras = configparser.ConfigParser()
    extras.read(ROOT / "setup.cfg")
    wanted = set(re.findall(r"^([\w-]+)", extras["options.extras_require"]["serve"], re.MULTILINE))
    text = (DEPLOY / "requirements-serve.txt").read_text()
    pinned = re.findall(r"^([\w-]+)(?:\[[\w,]+\])?==\S+(.*)", text, re.MULTILINE)
    assert wanted <= {name for name, _ in pinned}
    assert all(rest.rstrip().endswith("\\") for _, rest in pinned)  # its hashes follow
    assert not {"tensorflow", "keras", "torch", "pandas", "scipy"} & {name for name, _ in pinned}


SERVER_MODULES = (
    "cityzoo.serve.server",
    "cityzoo.commands.serve",
    "cityzoo.commands.models",
    "cityzoo.security.audit",
)


def test_the_requirements_suffice_for_the_server():
    """Each module that it imports, in a process that has only these packages."""
    pytest.importorskip("fastapi_offline")
    text = (DEPLOY / "requirements-serve.txt").read_text()
    pinned = re.findall(r"^([\w-]+)", text, re.MULTILINE)
    script = f"""
import importlib, sys
from importlib.metadata import PackageNotFoundError, packages_distributions
pinned = {[name.lower().replace("_", "-") for name in pinned]!r}
owners = {{name: [d.lower().replace("_", "-") for d in found] for name, found in packages_distributions().items()}}
class Finder:
    def find_spec(self, name, path=None, target=None):
        owner = owners.get(name.split(".")[0])
        if owner and not set(owner) & set(pinned) and "cityzoo" not in owner:
            raise ModuleNotFoundError(f"{{name}} is not in requirements-serve.txt", name=name)
sys.meta_path.insert(0, Finder())
for name in {SERVER_MODULES!r}:
    importlib.import_module(name)
import onnxruntime
print("ok")
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.stdout == "ok\n", ran.stderr[-2000:]


@pytest.fixture(scope="module")
def launcher():
    """deploy/ray_serve.py as a module."""
    spec = importlib.util.spec_from_file_location("ray_serve", DEPLOY / "ray_serve.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_ray_launcher_passes_flags_on_and_lets_the_servers_429_come_first(launcher):
    """More requests reach a replica than it takes, so that Ray's 503 is the exception."""
    flags, settings = launcher.parse(
        ["--replicas", "2-6", "--target", "3", "--", "models", "--max-queue", "10"]
    )
    options = launcher.options(flags, settings)
    scaling = options["autoscaling_config"]
    assert (scaling["min_replicas"], scaling["max_replicas"], scaling["target_ongoing_requests"]) == (2, 6, 3)
    assert options["max_ongoing_requests"] > settings.max_queue == 10
    assert options["graceful_shutdown_timeout_s"] >= settings.timeout_seconds


def test_the_ray_launcher_refuses_what_ray_cannot_do(launcher):
    """Before it starts anything."""
    with pytest.raises(InputError, match="no TLS"):
        launcher.parse(["--", "models", "--tls-certificate", "c.pem", "--tls-key", "k.pem"])
    with pytest.raises(InputError, match="at least-at most"):
        launcher.parse_replicas("4-2")


def children(pid):
    """The processes below a process."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from children(child)


def replicas(pid):
    """Those that serve models."""
    lines = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children(pid)}
    return [child for child, line in lines.items() if line.startswith(b"ray::ServeReplica")]


@pytest.mark.slow
def test_a_replica_of_two_is_killed_under_load_and_no_request_is_lost(tmp_path):
    """Beyond one retry each; another replica takes its place."""
    pytest.importorskip("ray.serve")
    from PIL import Image

    from benchmarks.load_test import run_load
    from tests.cityzoo.serve.conftest import write_quadrant_detector

    write_quadrant_detector(tmp_path / "models" / "quadrants" / "1")
    file, port = io.BytesIO(), free_port()
    Image.new("RGB", (640, 480), "red").save(file, "JPEG")
    words = [
        "--replicas",
        "2",
        "--cpus",
        "0.5",
        "--",
        str(tmp_path / "models"),
        "--port",
        str(port),
        "--threads",
        "1",
    ]
    with (tmp_path / "log").open("w") as log:
        started = subprocess.Popen(
            [sys.executable, str(DEPLOY / "ray_serve.py"), *words], stdout=log, stderr=log, cwd=ROOT
        )
    try:
        wait_until_ready(port, started, tmp_path / "log")
        first = set(replicas(started.pid))
        assert len(first) == 2

        async def kill_one():
            await asyncio.sleep(4)
            os.kill(min(first), signal.SIGKILL)

        async def both():
            load = run_load(f"http://127.0.0.1:{port}/predict", [file.getvalue()], clients=8, seconds=15)
            return (await asyncio.gather(load, kill_one()))[0]

        load = asyncio.run(both())
        assert load.lost == 0
        assert set(load.statuses) == {200}
        assert load.retries <= 8  # those that were in flight
        until = time.monotonic() + 30
        while len(set(replicas(started.pid)) - {min(first)}) < 2 and time.monotonic() < until:
            time.sleep(0.5)
        assert len(set(replicas(started.pid)) - {min(first)}) == 2
    finally:
        started.terminate()
        assert started.wait(90) == 0


def free_port():
    """A port that nobody listens on."""
    import socket

    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def wait_until_ready(port, process, log, seconds=180):
    """Until a replica has loaded its models."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=2).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(log.read_text()[-3000:])
