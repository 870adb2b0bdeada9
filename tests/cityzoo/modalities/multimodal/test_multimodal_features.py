"""Features by frozen encoders: images by a backbone, the cache, cells that are missing."""

import numpy as np
from PIL import Image

from cityzoo.data.multimodal import load
from cityzoo.modalities.multimodal import encoders
from cityzoo.modalities.multimodal.features import add_features


def test_features_are_cached_and_presence_follows(tmp_path, small_build, monkeypatch):
    """Images by a small backbone: unit length where there is one, zeros elsewhere; nothing is encoded twice."""
    import zoo

    monkeypatch.setattr(zoo, "build", lambda _, size_hw, weights="auto": small_build("slim", size_hw))
    monkeypatch.setattr(encoders, "SIZE_HW", (64, 64))
    rows = ["image,text,label,split"]
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 255, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        name = "" if number == 2 else f"{number}.png"
        rows.append(f"{name},word {number},{'ab'[number % 2]},{'val' if number > 3 else 'train'}")
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    data = load(str(tmp_path / "rows.csv"))
    chosen = encoders.choose_encoders({"image": "mobilenet_025", "text": "hashing"}, ["image", "text"])
    cache = str(tmp_path / "cache")
    found = add_features(data, chosen, cache).train
    width = found.sizes["image"]
    np.testing.assert_array_equal(found.present(), [[1, 1], [1, 1], [0, 1], [1, 1]])
    lengths = np.linalg.norm(found.features()[:, :width], axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 0, 1], atol=1e-4)
    monkeypatch.setattr(encoders, "_hash_texts", None)  # what is cached needs no encoder
    again = add_features(data, chosen, cache).train
    np.testing.assert_array_equal(again.features()[:, width:-2], found.features()[:, width:-2])


def test_random_weights_of_a_backbone_are_the_same_each_time(small_build, monkeypatch):
    """Where no others can be fetched; else a run's encoder would be another one when it is evaluated."""
    import keras

    import zoo
    from cityzoo.modalities.multimodal.backbones import open_backbone

    monkeypatch.setattr(zoo, "build", lambda _, size_hw, weights="auto": small_build("slim", size_hw))
    digests = set()
    for seed in (5, 6):
        keras.utils.set_random_seed(seed)
        digests.add(open_backbone("image", "mobilenet_025").digest)
    assert len(digests) == 1
