"""What traffic.json says, and how each decision changes it."""

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from cityzoo.errors import InputError
from cityzoo.serve.traffic import DEFAULT_RULES, Share, Traffic, parse_traffic, read_traffic, update_traffic


def test_it_comes_back_as_it_was_written(tmp_path):
    """Every field, as plain JSON that an editor can change."""
    wanted = Traffic(
        stable=2,
        pinned=True,
        canary=Share(3, 10),
        shadow=Share(4, 100),
        rules=DEFAULT_RULES | {"min_requests": 5},
        withdrawn=(1,),
        also_loaded=(1,),
        enabled=False,
    )
    update_traffic(tmp_path, lambda traffic: wanted)
    assert read_traffic(tmp_path) == wanted
    written = json.loads((tmp_path / "traffic.json").read_text())
    assert written["canary"] == {"version": 3, "percent": 10}
    assert read_traffic(tmp_path / "none") == Traffic()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"canary": 3}', "is damaged"),
        ('{"canary": {"version": 3, "percent": 101}}', "0 to 100 percent"),
        ('{"rules": {"max_error": 1}}', "unknown rule 'max_error': allowed are window_seconds"),
    ],
)
def test_damage_is_one_error(text, words):
    """With the file's name."""
    with pytest.raises(InputError, match=words) as caught:
        parse_traffic(text, "cars/traffic.json")
    assert "cars/traffic.json" in str(caught.value)


def test_no_decision_is_lost_when_many_write(tmp_path):
    """Operators and replicas change one file at a time."""
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda n: update_traffic(tmp_path, lambda t: t.record("load", n, "", "test")), range(40))
        )
    assert sorted(entry["version"] for entry in read_traffic(tmp_path).history) == list(range(40))


def test_a_canary_that_ends_never_becomes_stable_by_itself():
    """Rolled back, replaced by another canary, or unloaded: it is withdrawn."""
    versions = [1, 2, 3]
    canary = Traffic(stable=1, withdrawn=(3,)).start_share("canary", 2, 10, "me", versions)
    for ended in (
        canary.withdraw(2, "me", "slow"),
        canary.unload(2, "me"),
        canary.start_share("canary", 3, 10, "me", versions),
    ):
        assert 2 in ended.withdrawn
        assert ended.candidates(versions) == [1]
    assert canary.promote(2, "me", versions).candidates(versions)[0] == 2


def test_a_canary_of_the_newest_version_leaves_the_one_before_stable():
    """Also when a server has already made it the stable one."""
    for stable in (None, 2):
        traffic = Traffic(stable=stable).start_share("canary", 2, 10, "me", [1, 2])
        assert (traffic.stable, traffic.canary) == (1, Share(2, 10))
    with pytest.raises(InputError, match="is the only one that may answer"):
        Traffic().start_share("canary", 1, 10, "me", [1])


def test_promoting_an_older_version_keeps_newer_ones_out():
    """Until one is added that is newer than all."""
    traffic = Traffic(stable=3).promote(2, "me", [1, 2, 3])
    assert traffic.candidates([1, 2, 3])[0] == 2
    assert traffic.candidates([1, 2, 3, 4])[0] == 4


def test_roll_back_returns_to_the_version_before():
    """That of the history, else the next lower one."""
    versions = [1, 2, 3]
    traffic = Traffic().promote(1, "me").promote(3, "me", versions)
    assert traffic.previous(versions) == 1
    assert Traffic(stable=3).previous(versions) == 2
    assert dataclasses.replace(traffic, pinned=True).previous(versions) == 1
    back = traffic.withdraw(3, "me", "", stable=1)
    assert (back.stable, back.withdrawn) == (1, (3,))
    with pytest.raises(InputError, match="no other one to roll back to"):
        Traffic(stable=1).previous([1])


def test_the_history_is_bounded():
    """The last 200 decisions."""
    traffic = Traffic()
    for number in range(250):
        traffic = traffic.record("load", number, "", "me")
    assert [len(traffic.history), traffic.history[-1]["version"]] == [200, 249]
