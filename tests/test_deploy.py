"""Launchers start what `cityzoo.fit.distributed` understands; their files agree with themselves."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cityzoo.fit import distributed
from cityzoo.update.work import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def job():
    """The Service and the Job of the Kubernetes file."""
    return {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes-job.yaml").read_text())}


def test_pods_find_the_first_one_by_its_name(job):
    """Name of the Job and number 0, a dot, name of the headless service that picks the Job's pods; its port."""
    service, name = job["Service"], job["Job"]["metadata"]["name"]
    pod = job["Job"]["spec"]["template"]["spec"]
    port = service["spec"]["ports"][0]["port"]
    address = f"{name}-0.{service['metadata']['name']}:{port}"
    assert variables(pod)[distributed.ADDRESS]["value"] == address
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": name}
    assert pod["containers"][0]["ports"] == [{"containerPort": port}]


def test_pods_know_their_number_and_count(job):
    """All at once: a process waits for the others."""
    spec = job["Job"]["spec"]
    told = variables(spec["template"]["spec"])
    assert spec["completionMode"] == "Indexed"
    assert str(spec["completions"]) == str(spec["parallelism"]) == told[distributed.COUNT]["value"]
    place = told[distributed.NUMBER]["valueFrom"]["fieldRef"]["fieldPath"]
    assert place == "metadata.annotations['batch.kubernetes.io/job-completion-index']"


def variables(pod):
    """The environment variables of the only container."""
    return {each["name"]: each for each in pod["containers"][0]["env"]}


def test_pods_mount_what_they_name(job):
    """Volumes exist, and the run lies in the shared one."""
    pod = job["Job"]["spec"]["template"]["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    assert variables(pod)["RUN"]["value"].startswith(mounts["city"] + "/")


def test_a_pod_resumes_from_a_checkpoint(job, tmp_path):
    """The very shell script of the Job, with a train.py that prints its arguments."""
    script = job["Job"]["spec"]["template"]["spec"]["containers"][0]["args"][0]
    assert script.count("python /opt/cityzoo/train.py") == 2
    script = script.replace("python /opt/cityzoo/train.py", "echo")
    run = tmp_path / "my run"

    def said():
        words = ["/bin/sh", "-c", script]
        ran = subprocess.run(
            words, env={**os.environ, "RUN": str(run)}, capture_output=True, text=True, check=True
        )
        return ran.stdout

    assert said().startswith(f"--out {run} --task vehicle_detect ")
    run.mkdir()
    (run / "checkpoint.npz").touch()
    assert said() == f"--resume {run}\n"


def test_the_update_of_every_night_calls_the_command_and_mounts_what_it_names():
    """One at a time, tried again by the next night only; the plan, keys and scratch lie in volumes."""
    from cityzoo.commands import update

    job = yaml.safe_load((DEPLOY / "kubernetes-update.yaml").read_text())["spec"]
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["python", "-m", "cityzoo"] and container["args"][0] == "update"
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    plan = update._parser().parse_args(container["args"][1:]).plan
    assert str(plan).startswith(mounts["city"] + "/")
    assert variables(pod)["CITYZOO_HOME"]["value"] == mounts["scratch"]
    assert (job["concurrencyPolicy"], job["jobTemplate"]["spec"]["backoffLimit"]) == ("Forbid", 0)
    assert pod["restartPolicy"] == "Never" and pod["terminationGracePeriodSeconds"] > PATIENCE_SECONDS


@pytest.fixture(scope="module")
def launcher():
    """deploy/ray_train.py as a module."""
    spec = importlib.util.spec_from_file_location("ray_train", DEPLOY / "ray_train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_flags_after_the_dashes_go_to_train(launcher):
    """Even those that both have."""
    flags, passed_on = launcher.parse(["--gpus", "1", "--", "--help", "--workers", "9"])
    assert (flags.workers, flags.gpus, passed_on) == (2, 1, ["--help", "--workers", "9"])
    assert launcher.parse(["--retries", "2"])[1] == []


def test_a_retry_resumes_from_the_checkpoint(launcher, tmp_path):
    """If there is one."""
    flags = ["--data", "x", "--out", str(tmp_path)]
    assert launcher.resume_if_started(flags) == flags
    (tmp_path / "checkpoint.npz").touch()
    assert launcher.resume_if_started(flags) == ["--resume", str(tmp_path)]
    assert launcher.resume_if_started(["--data", "x"]) == ["--data", "x"]


def test_each_ray_worker_gets_its_rank(launcher, monkeypatch):
    """As `cityzoo.fit.distributed` reads it."""
    for name, value in launcher.process_variables("10.0.0.1:99", 4, 3).items():
        monkeypatch.setenv(name, value)
    assert (distributed.process_count(), distributed.process_index(), os.environ[distributed.ADDRESS]) == (
        4,
        3,
        "10.0.0.1:99",
    )


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_launcher_names_the_install_command(tmp_path):
    """In one line, from any folder."""
    words = [sys.executable, str(DEPLOY / "ray_train.py"), "--", "--backbone", "vgg16"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].endswith(': pip install "ray[train]>=2.60" "jax>=0.10"')
    assert "Traceback" not in ran.stderr


def test_flags_that_train_refuses_are_refused_before_anything_starts(tmp_path):
    """With train.py's own message, whether Ray is installed or not."""
    words = [sys.executable, str(DEPLOY / "ray_train.py"), "--", "--backbone", "nonsense"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert ran.stderr.startswith("ray_train.py: error: unknown backbone 'nonsense'")
