"""Versions are loaded, switched, drained and rolled back while requests are in flight."""

import json
import threading
import time

import pytest

from cityzoo.errors import InputError
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.repository import ModelRepository
from cityzoo.serve.traffic import read_traffic, update_traffic
from tests.cityzoo.serve.conftest import write_quadrant_detector


class FakeModel:
    """A version whose folder says how it behaves; the files `broken` and `slow` make it so."""

    def __init__(self, name, version, path, settings):
        self.name, self.version, self.path, self.closed = name, version, path, False

    def load(self):
        while (self.path / "slow").exists():
            time.sleep(0.01)
        if (self.path / "broken").exists():
            raise InputError("probes do not agree")

    def close(self):
        self.closed = True


@pytest.fixture
def models(tmp_path):
    """Make versions of a model called cars; models(1, 2) returns the folder of all models."""

    def make(*versions, files=()):
        for version in versions:
            folder = tmp_path / "models" / "cars" / str(version)
            folder.mkdir(parents=True)
            for file in ("model.onnx", *files):
                (folder / file).touch()
        return tmp_path / "models"

    return make


@pytest.fixture
def serve():
    """Open repositories whose refreshes the test makes; they are closed at the end."""
    opened = []

    def open_(root, **options):
        repository = ModelRepository(root, None, FakeModel, watch=False, **options)
        opened.append(repository)
        return repository

    yield open_
    for repository in opened:
        repository.close()


def settle(repository, is_done, seconds=5.0):
    """Refresh until something holds."""
    until = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < until, repository.index()
        repository.refresh()
        time.sleep(0.005)


def states(repository):
    """Return {version: (state, part of the traffic)}."""
    return {int(row["version"]): (row["state"], row["traffic"]) for row in repository.index()}


def reasons(repository):
    """Return the reason of each version's state."""
    return [row["reason"] for row in repository.index()]


def both_ready(repository):
    """Whether every version is loaded."""
    return {state for state, _ in states(repository).values()} == {"READY"}


def active(repository):
    """Return the version that answers, or None."""
    try:
        return repository.route("cars").version
    except HttpError:
        return None


def test_the_newest_version_answers_and_the_others_stay_on_disk(models, serve):
    """Without traffic.json; and nothing is written."""
    root = models(1, 2)
    repository = serve(root)
    settle(repository, lambda: repository.is_ready)
    assert states(repository) == {1: ("UNAVAILABLE", ""), 2: ("READY", "stable")}
    assert repository.route("cars", 2).primary.version == 2
    assert not (root / "cars" / "traffic.json").exists()


def test_unknown_names_and_versions_are_404_and_unloaded_ones_503(models, serve):
    """Each with what there is."""
    repository = serve(models(1, 2))
    settle(repository, lambda: repository.is_ready)
    for name, version, status, words in (
        ("trucks", None, 404, "this server has cars"),
        ("cars", 9, 404, "has no version 9: it has 1, 2"),
        ("cars", 1, 503, "is not loaded"),
    ):
        with pytest.raises(HttpError, match=words) as caught:
            repository.route(name, version)
        assert caught.value.status == status


def test_a_new_version_warms_next_to_the_old_one_which_ends_its_requests(models, serve):
    """While 2 loads, 1 answers; after the switch, 1 is closed only when its last request has ended."""
    repository = serve(models(1))
    settle(repository, lambda: repository.is_ready)
    in_flight = repository.route("cars")
    models(2, files=["slow"])
    settle(repository, lambda: states(repository).get(2) == ("LOADING", ""))
    assert active(repository) == 1
    assert repository.is_ready
    (repository.root / "cars" / "2" / "slow").unlink()
    settle(repository, lambda: active(repository) == 2)
    assert states(repository)[1][0] == "UNLOADING"
    assert not in_flight.primary.closed
    model = in_flight.primary
    repository.observe(in_flight, 200, 0.01, {})
    settle(repository, lambda: states(repository)[1][0] == "UNAVAILABLE")
    assert model.closed
    last = read_traffic(repository.root / "cars").history[-1]
    assert (last["event"], last["version"], last["reason"]) == ("switch", 2, "ready, replaces version 1")


def test_requests_lose_nothing_over_many_switches(models, serve):
    """Eight threads ask while five versions follow each other; no request meets a closed model."""
    repository = serve(models(1))
    settle(repository, lambda: repository.is_ready)
    stop, seen, closed = threading.Event(), set(), []

    def ask():
        while not stop.is_set():
            with repository.route("cars") as route:
                time.sleep(0.001)
                seen.add(route.version)
                closed.append(route.primary.closed)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for version in range(2, 6):
        models(version)
        settle(repository, lambda version=version: active(repository) == version)
    stop.set()
    for thread in threads:
        thread.join()
    assert seen == {1, 2, 3, 4, 5}
    assert not any(closed)
    settle(repository, lambda: [v for v, row in states(repository).items() if row[0] == "READY"] == [5])


def test_a_request_that_nobody_holds_any_more_is_over(models, serve):
    """A handler that was cancelled never says so."""
    repository = serve(models(1, 2))
    settle(repository, lambda: repository.is_ready)
    route = repository.route("cars")
    update_traffic(repository.root / "cars", lambda traffic: traffic.withdraw(2, "test", "", stable=1))
    settle(repository, lambda: active(repository) == 1)
    assert states(repository)[2][0] == "UNLOADING"
    del route
    settle(repository, lambda: states(repository)[2][0] == "UNAVAILABLE")


def test_a_refused_version_is_never_served_until_its_files_change(models, serve):
    """The index gives the reason; the version before goes on."""
    repository = serve(models(1))
    settle(repository, lambda: repository.is_ready)
    models(2, files=["broken"])
    settle(repository, lambda: "refused: probes do not agree" in reasons(repository))
    assert states(repository)[2] == ("UNAVAILABLE", "")
    assert active(repository) == 1
    assert read_traffic(repository.root / "cars").refusal(2) == "probes do not agree"
    with pytest.raises(HttpError, match="is not served: probes do not agree"):
        repository.route("cars", 2)
    with pytest.raises(HttpError, match="was not loaded: version 2: probes do not agree") as caught:
        repository.load("cars", 2)
    assert caught.value.status == 400
    (repository.root / "cars" / "2" / "broken").unlink()
    settle(repository, lambda: active(repository) == 2)
    history = read_traffic(repository.root / "cars").history
    assert [entry["event"] for entry in history] == ["refused", "load", "refused", "switch"]
    assert read_traffic(repository.root / "cars").refusal(2) == ""


def test_a_pinned_version_stays(models, serve):
    """Newer ones wait, also after a restart."""
    root = models(1)
    update_traffic(root / "cars", lambda traffic: traffic.promote(1, "test", pinned=True))
    models(2)
    repository = serve(root)
    settle(repository, lambda: repository.is_ready)
    repository.refresh()
    assert states(repository) == {1: ("READY", "stable"), 2: ("UNAVAILABLE", "")}


def test_a_camera_always_sees_the_same_version(models, serve):
    """10 % of the cameras see the canary; its answers are compared with the stable version's."""
    root = models(1, 2)
    update_traffic(root / "cars", lambda traffic: traffic.start_share("canary", 2, 10, "test", [1, 2]))
    repository = serve(root)
    settle(repository, lambda: repository.is_ready and both_ready(repository))
    for _ in range(2):
        routes = {camera: repository.route("cars", key=f"camera {camera}") for camera in range(1000)}
        canaries = {camera for camera, route in routes.items() if route.is_canary}
        assert 70 < len(canaries) < 130
        assert {routes[camera].version for camera in canaries} == {2}
        assert {routes[camera].shadow.version for camera in canaries} == {1}
        assert all(route.shadow is None for camera, route in routes.items() if camera not in canaries)
        previous = canaries
    assert previous == canaries


@pytest.mark.parametrize(
    ("kind", "behaviour", "reason"),
    [
        ("canary", {"status": 500, "answer": None}, "error rate 100.0 % of 5 requests"),
        ("canary", {"answer": {"class": "bus"}, "shadow_answer": {"class": "car"}}, "agreement 0.00"),
        ("canary", {"seconds": 0.5}, "p95 500 ms of"),
        ("shadow", {"answer": {"class": "bus"}, "shadow_answer": {"class": "car"}}, "agreement 0.00"),
        ("shadow", {"shadow_status": 500}, "error rate 100.0 %"),
    ],
)
def test_a_bad_version_is_rolled_back_by_itself(models, serve, kind, behaviour, reason):
    """It leaves the traffic, stays out after a restart, and the reason is in the history and in an event."""
    events = []
    root = models(1, 2)
    update_traffic(root / "cars", lambda traffic: traffic.start_share(kind, 2, 50, "test", [1, 2]))
    repository = serve(root, listeners=[events.append])
    settle(repository, lambda: repository.is_ready and both_ready(repository))
    for camera in range(60):
        route = repository.route("cars", key=str(camera))
        is_bad = route.is_canary or (kind == "shadow" and route.shadow is not None)
        normal = {"status": 200, "seconds": 0.01, "answer": {"class": "car"}}
        repository.observe(route, **(normal | behaviour if is_bad else normal))
        repository.refresh()
    traffic = read_traffic(root / "cars")
    assert (traffic.canary, traffic.shadow, traffic.withdrawn) == (None, None, (2,))
    assert reason in traffic.history[-1]["reason"]
    assert traffic.history[-1]["by"] == "server"
    rollback = next(event for event in events if event["event"] == "rollback")
    assert (rollback["model"], rollback["version"]) == ("cars", 2)
    settle(repository, lambda: states(repository)[2] == ("UNAVAILABLE", ""))
    assert {repository.route("cars", key=str(camera)).version for camera in range(60)} == {1}


def test_a_new_stable_version_that_fails_gives_way_to_the_one_before(models, serve):
    """Also without a canary; errors that both have change nothing."""
    repository = serve(models(1))
    settle(repository, lambda: repository.is_ready)
    for _ in range(20):
        repository.observe(repository.route("cars"), 200, 0.01, {})
    models(2)
    settle(repository, lambda: active(repository) == 2)
    for _ in range(5):
        repository.observe(repository.route("cars"), 500, 0.01, None)
    settle(repository, lambda: active(repository) == 1)
    traffic = read_traffic(repository.root / "cars")
    assert (traffic.stable, traffic.withdrawn) == (1, (2,))
    assert traffic.history[-1]["reason"].startswith("new stable version: error rate 100.0 % of 5 requests")
    for _ in range(20):
        repository.observe(repository.route("cars"), 500, 0.01, None)
        repository.refresh()
    assert active(repository) == 1


def test_a_good_canary_stays(models, serve):
    """The same answers at the same speed."""
    root = models(1, 2)
    update_traffic(root / "cars", lambda traffic: traffic.start_share("canary", 2, 50, "test", [1, 2]))
    repository = serve(root)
    settle(repository, lambda: repository.is_ready and both_ready(repository))
    for camera in range(200):
        route = repository.route("cars", key=str(camera))
        repository.observe(route, 200, 0.01, {"class": "car"}, {"class": "car"} if route.is_canary else None)
    repository.refresh()
    assert states(repository)[2] == ("READY", "canary 50 %")


def test_a_roll_back_works_in_a_folder_that_cannot_be_written(models, serve, monkeypatch):
    """As in a read-only image: the decision holds in the server's memory."""
    root = models(1, 2)
    update_traffic(root / "cars", lambda traffic: traffic.start_share("canary", 2, 100, "test", [1, 2]))
    repository = serve(root)
    settle(repository, lambda: repository.is_ready and both_ready(repository))

    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("cityzoo.serve.model_traffic.update_traffic", refuse)
    for _ in range(5):
        repository.observe(repository.route("cars"), 500, 0.01, None)
    settle(repository, lambda: active(repository) == 1)
    assert read_traffic(root / "cars").canary is not None


def test_load_and_unload_wait(models, serve):
    """And survive a restart, as they are in traffic.json."""
    root = models(1, 2)
    repository = serve(root)
    repository.load("cars", 1)
    assert repository.route("cars", 1).version == 1
    with pytest.raises(HttpError, match="version 2 is the stable one"):
        repository.unload("cars", 2)
    repository.unload("cars", 1)
    assert states(repository)[1] == ("UNAVAILABLE", "")
    repository.unload("cars")
    with pytest.raises(HttpError, match="is unloaded") as caught:
        repository.route("cars")
    assert caught.value.status == 503
    assert not read_traffic(root / "cars").enabled
    repository.load("cars")
    assert active(repository) == 2


def test_a_damaged_traffic_file_changes_nothing_and_is_named(models, serve):
    """What was read before stays."""
    root = models(1, 2)
    repository = serve(root)
    settle(repository, lambda: repository.is_ready)
    (root / "cars" / "traffic.json").write_text('{"stable": ')
    repository.refresh()
    assert active(repository) == 2
    assert "traffic.json' is damaged" in reasons(repository)[1]
    (root / "cars" / "traffic.json").write_text(json.dumps({"stable": 1, "pinned": True}))
    settle(repository, lambda: active(repository) == 1)


def test_one_exported_folder_is_a_model_of_its_task(tmp_path, serve):
    """Version 1; nothing is written into it."""
    (tmp_path / "preprocessing.json").write_text('{"task": "vehicle_detect"}')
    repository = serve(tmp_path)
    settle(repository, lambda: repository.is_ready)
    assert repository.route("vehicle_detect", 1).primary.path == tmp_path
    repository.unload("vehicle_detect")
    assert [file.name for file in tmp_path.iterdir()] == ["preprocessing.json"]


def test_a_folder_without_models_is_refused(tmp_path):
    """With the layout that is expected; an empty one may be filled later."""
    ModelRepository(tmp_path, None, FakeModel, watch=False).close()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="expected NAME/VERSION"):
        ModelRepository(tmp_path, None, FakeModel, watch=False)
    with pytest.raises(InputError, match="does not exist"):
        ModelRepository(tmp_path / "none", None, FakeModel, watch=False)


def test_commands_on_the_folder_are_noticed(models):
    """By the background thread, within a second or so: later than after a minute it is not looking."""
    repository = ModelRepository(models(1, 2), None, FakeModel)
    try:
        until = time.monotonic() + 5
        while not repository.is_ready and time.monotonic() < until:
            time.sleep(0.01)
        update_traffic(repository.root / "cars", lambda traffic: traffic.withdraw(2, "test", "", stable=1))
        until = time.monotonic() + 60
        while active(repository) != 1:
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        repository.close()


def add_version(root, number, **options):
    """Write the detector of conftest.py as a version of the model `quadrants`."""
    return write_quadrant_detector(root / "quadrants" / str(number), **options)


def ask_until_rolled_back(client, png, root):
    """Send requests of ten cameras in turn until traffic.json has a roll-back; return its entry and all answers."""
    answers, until = [], time.monotonic() + 60
    while time.monotonic() < until:
        for camera in range(10):
            response = client.post("/predict", content=png, headers={"X-Camera": str(camera)})
            answers.append(response)
        found = [e for e in read_traffic(root / "quadrants").history if e["event"] == "rollback"]
        if found:
            return found[-1], answers
    pytest.fail("not rolled back within a minute")


@pytest.mark.parametrize("kind", ["canary", "shadow"])
def test_over_http_a_detector_with_shuffled_classes_is_rolled_back(make_client, png, tmp_path, kind):
    """Its gates are passed; what gives it away are its answers."""
    for number in (1, 2):
        add_version(tmp_path, number, swap=number == 2)
    folder = tmp_path / "quadrants"
    update_traffic(folder, lambda traffic: traffic.start_share(kind, 2, 50, "test", [1, 2]))
    with make_client(tmp_path) as client:
        while client.get("/v2/models/quadrants/versions/2/ready").status_code != 200:
            time.sleep(0.01)
        entry, answers = ask_until_rolled_back(client, png, tmp_path)
        assert "agreement 0.00 with the stable version" in entry["reason"]
        assert {answer.status_code for answer in answers} == {200}
        seen = {answer.json()["version"] for answer in answers}
        assert seen == ({1, 2} if kind == "canary" else {1})
        after = [client.post("/predict", content=png, headers={"X-Camera": str(n)}).json() for n in range(10)]
        assert {answer["version"] for answer in after} == {1}


def test_over_http_a_canary_that_fails_is_rolled_back(make_client, png, tmp_path, monkeypatch):
    """After five errors; other cameras never see one."""
    from cityzoo.serve.served_model import ServedModel

    for number in (1, 2):
        add_version(tmp_path, number)
    update_traffic(
        tmp_path / "quadrants", lambda traffic: traffic.start_share("canary", 2, 30, "test", [1, 2])
    )
    infer = ServedModel.infer

    async def fail(self, *args, **options):
        if self.version == 2:
            raise RuntimeError("out of memory")
        return await infer(self, *args, **options)

    monkeypatch.setattr(ServedModel, "infer", fail)
    with make_client(tmp_path) as client:
        while client.get("/v2/models/quadrants/versions/2/ready").status_code != 200:
            time.sleep(0.01)
        entry, answers = ask_until_rolled_back(client, png, tmp_path)
        assert "error rate 100.0 %" in entry["reason"]
        assert {answer.status_code for answer in answers} == {200, 500}
