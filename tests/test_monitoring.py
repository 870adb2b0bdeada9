"""Alert rules and dashboard in deploy/, in promtool, and in a real Prometheus with its Alertmanager."""

import json
import re
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

pytest.importorskip("prometheus_client")

from cityzoo.monitor.metrics import Monitor
from cityzoo.monitor.reference import make_reference

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
RULES = DEPLOY / "prometheus"
PROGRAMS = ("promtool", "prometheus", "amtool", "prometheus-alertmanager")
MISSING = [program for program in PROGRAMS if not shutil.which(program)]
needs_prometheus = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {MISSING}, apt-get install prometheus prometheus-alertmanager"
)
NAME = re.compile(r"\b(?:cityzoo|process|up)(?:_\w+)?\b(?!\"|~)")


def check(*words, cwd=RULES):
    """Output of a program that must succeed."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def dashboard_expressions(interval="5m"):
    """Every expression of the dashboard, with its variables filled in."""
    board = json.loads((DEPLOY / "grafana" / "dashboards" / "cityzoo.json").read_text())
    found = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    return [
        expr.replace("$__rate_interval", interval).replace("$model", ".*").replace("$camera", "a")
        for expr in found
    ]


def alert_expressions():
    """Every expression of the rules."""
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def exported_names():
    """Names of all series that a server exports, and those that Prometheus adds."""
    monitor = Monitor()
    names = {"up"}
    for family in monitor.registry.collect():
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {family.name + end for end in ends}
    monitor.close()
    return names


@needs_prometheus
def test_the_files_are_valid():
    """Configuration, rules, and what the rules do to made-up series, as promtool and amtool read them."""
    check("promtool", "check", "config", "--syntax-only", "prometheus.yml")
    check("promtool", "check", "rules", "alerts.yml")
    check("promtool", "test", "rules", "alerts_test.yml")
    check("amtool", "check-config", "alertmanager.yml")


@needs_prometheus
def test_every_expression_of_the_dashboard_parses(tmp_path):
    """As recording rules: promtool knows no dashboards."""
    rules = [{"record": f"panel:{i}", "expr": expr} for i, expr in enumerate(dashboard_expressions())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    assert f"{len(rules)} rules found" in check("promtool", "check", "rules", "rules.yml", cwd=tmp_path)


def test_expressions_name_exported_metrics(exported_names):
    """No panel and no alert waits for a series that nobody exports; every metric is on the board or in an alert."""
    expressions = [*dashboard_expressions(), *alert_expressions()]
    used = {name for expr in expressions for name in NAME.findall(re.sub(r'"[^"]*"', '""', expr))}
    assert len(used) > 25
    assert sorted(used - exported_names) == []
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported_names if "cityzoo" in name}
    assert sorted(families - {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}) == []


@contextmanager
def http_server(answer, authorization=None):
    """A server on a free port; `answer` gets method and body of each request and returns the body of the answer.

    Requests without the header `authorization` are refused.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if authorization and self.headers.get("Authorization") != authorization:
                self.send_error(401)
                return
            body = answer(self.command, self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def programs(folder, *commands):
    """Programs that run while the block does."""
    logs = [(folder / f"{Path(words[0]).name}.log").open("w") for words in commands]
    started = [
        subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
        for words, log in zip(commands, logs, strict=True)
    ]
    yield
    for process in started:
        process.terminate()
    for process, log in zip(started, logs, strict=True):
        process.wait(20)
        log.close()


def wait_for(words, condition, seconds=40):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, words
        time.sleep(0.1)


def query(port, expression):
    """What Prometheus finds; an expression that cannot be evaluated is an HTTP error."""
    url = f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': expression})}"
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]["result"]


@needs_prometheus
def test_an_alert_fires_and_resolves(tmp_path):
    """A camera falls silent: the files of deploy/, faster, lead to a call of the webhook, and to another afterwards.

    Then every panel of the dashboard is asked for.
    """
    received = []
    monitor = Monitor(["a"], sample_seconds=0, rules=["silence > 2 release 1 hold 1"], window=8)
    monitor.compare_with("cars", make_reference([{"detections": [float(i)]} for i in range(64)]))
    ports = {"alertmanager:9093": free_port(), "prometheus": free_port()}

    def keep(method, body):
        received.extend((each["labels"]["alertname"], each["status"]) for each in json.loads(body)["alerts"])
        return b""

    def metrics(method, body):
        return monitor.render()[0]

    (tmp_path / "key").write_text("secret")
    with http_server(keep) as hook, http_server(metrics, "Bearer secret") as target:
        shorter = {"30s": "300ms", "5m": "300ms", "15s": "300ms", "alert-receiver:9000": f"127.0.0.1:{hook}"}
        shorter |= {"cityzoo:8000": f"127.0.0.1:{target}", "/etc/cityzoo/key": "key"}
        shorter |= {"alertmanager:9093": f"127.0.0.1:{ports['alertmanager:9093']}"}
        for name in ("prometheus.yml", "alertmanager.yml"):
            text = (RULES / name).read_text()
            for old, new in shorter.items():
                text = text.replace(old, new)
            (tmp_path / name).write_text(text)
        shutil.copy(RULES / "alerts.yml", tmp_path)
        listen = f"--web.listen-address=127.0.0.1:{ports['prometheus']}"
        calls = f"--web.listen-address=127.0.0.1:{ports['alertmanager:9093']}"
        with programs(
            tmp_path,
            ("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", listen),
            (
                "prometheus-alertmanager",
                *(
                    "--config.file=alertmanager.yml",
                    "--storage.path=alerts",
                    calls,
                    "--cluster.listen-address=",
                ),
            ),
        ):
            wait_for("an alert", lambda: ("CameraSilent", "firing") in received)
            stop = threading.Event()

            def send():
                while not stop.wait(0.2):
                    monitor.image("cars", "a", None, {"detections": []})

            sender = threading.Thread(target=send)
            sender.start()
            wait_for("its end", lambda: ("CameraSilent", "resolved") in received)
            wait_for("scores", lambda: query(ports["prometheus"], "cityzoo_drift_score"))
            stop.set()
            sender.join()
            found = {expr: query(ports["prometheus"], expr) for expr in dashboard_expressions("5s")}
    monitor.close()
    assert [expr for expr, rows in found.items() if not rows and "drift" in expr] == []
    assert [status for name, status in received if name == "CameraSilent"][0] == "firing"


def test_the_page_names_every_metric_and_alert(exported_names):
    """docs/monitoring.md has a row for each, and none for what is not there."""
    page = (DEPLOY.parent / "docs" / "monitoring.md").read_text()
    rows = re.findall(r"^\| (.*?) \|", page, re.MULTILINE)
    table = page.partition("## Metrics")[2].partition("## Drift")[0]
    metrics = {
        name
        for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    ours = {name.removeprefix("cityzoo_") for name in exported_names if name.startswith("cityzoo_")}
    assert metrics == {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours}
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert {row for row in rows if re.fullmatch(r"([A-Z][a-z]+){2,}", row)} == alerts
