import zoo
from zoo import registry


def test_a_row_for_every_backbone(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / registry.get("vgg19").weights_file).write_bytes(b"x")
    rows = {row.name: row for row in zoo.rows()}
    assert sorted(rows) == zoo.names()
    assert [name for name, row in rows.items() if row.cached] == ["vgg19"]
    assert {name for name, row in rows.items() if not row.levels} == {
        "inception_v3",
        "inception_resnet_v2",
        "nasnet_mobile",
        "nasnet_large",
    }
    assert rows["efficientnet_b7"].default_size == 600
