"""The cache lies in the user's folder unless the environment says where."""

from cityzoo.cache_dir import cache_dir


def test_the_cache_is_in_the_users_folder_unless_said(monkeypatch):
    monkeypatch.setenv("HOME", "/home/nobody")
    monkeypatch.delenv("CITYZOO_HOME", raising=False)
    assert str(cache_dir()) == "/home/nobody/.cache/cityzoo"
    monkeypatch.setenv("CITYZOO_HOME", "~/elsewhere")
    assert str(cache_dir()) == "/home/nobody/elsewhere"
