"""The cache lies in the user's folder unless the environment says where."""

from cityzoo.home import cache_home


def test_the_cache_is_in_the_users_folder_unless_said(monkeypatch):
    monkeypatch.setenv("HOME", "/home/nobody")
    monkeypatch.delenv("CITYZOO_HOME", raising=False)
    assert str(cache_home()) == "/home/nobody/.cache/cityzoo"
    monkeypatch.setenv("CITYZOO_HOME", "~/elsewhere")
    assert str(cache_home()) == "/home/nobody/elsewhere"
