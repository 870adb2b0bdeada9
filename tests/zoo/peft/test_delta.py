import json
import textwrap

import keras
import numpy as np
import pytest

import zoo
from zoo.peft.adapt import adapt
from zoo.peft.delta import load_delta, read_delta, save_delta
from zoo.peft.rewrite import fingerprint

WAYS = ["lora:2", "adalora:2", "adapter:4", "bias", "norm", "ssf"]


@pytest.fixture
def delta(backbone, shake, tmp_path):
    """A delta file of LoRA behind C3, with two arrays of a head."""
    adapted = shake(adapt(backbone, "lora:2", above="C3"))
    extra = {"head/kernel": np.arange(6.0).reshape(2, 3), "head/bias": adapted.trainable_weights[0]}
    save_delta(adapted, tmp_path / "delta.npz", extra=extra)
    return adapted, tmp_path / "delta.npz"


@pytest.mark.parametrize("how", WAYS)
def test_what_was_learned_comes_back_bit_for_bit(tiny, images, outputs, shake, how, tmp_path):
    adapted = shake(adapt(tiny, how))
    if how == "adalora:2":
        adapted.adaptation.layers[0].svd_alive.assign([1.0, 0.0, 1.0])
    save_delta(adapted, tmp_path / "delta.npz")
    loaded, extra = load_delta(tiny, tmp_path / "delta.npz")
    assert extra == {} and loaded.adaptation.how == how
    for level, value in outputs(adapted, images).items():
        np.testing.assert_array_equal(outputs(loaded, images)[level], value)
    again, _ = load_delta(adapt(tiny, how, seed=5), tmp_path / "delta.npz")
    np.testing.assert_array_equal(outputs(again, images)["P5"], outputs(adapted, images)["P5"])


def test_another_process_on_another_backend_gets_the_same_model(
    make_tiny, images, outputs, shake, on_jax, tmp_path
):
    tiny = make_tiny()
    for layer in tiny._flatten_layers():
        if hasattr(
            layer, "kernel_initializer"
        ):  # JAX would compile a random one for each shape: half a minute
            layer.kernel_initializer = keras.initializers.Zeros()
    tiny.save(tmp_path / "base.keras")
    np.save(tmp_path / "images.npy", images[:, :32, :32])
    ways = ("adalora:2", "ssf")  # of layers that are not Keras' own
    for how in ways:
        adapted = shake(adapt(tiny, how, above="C3"))
        name = how.partition(":")[0]
        save_delta(adapted, tmp_path / f"{name}.npz")
        np.savez(tmp_path / f"{name}.expected", **outputs(adapted, images))
    script = f"""
        import json
        import keras, numpy as np
        from zoo.peft.delta import load_delta
        base, images, off = keras.saving.load_model("base.keras"), np.load("images.npy"), []
        for name in {[how.partition(":")[0] for how in ways]}:
            expected = np.load(name + ".expected.npz")
            got = load_delta(base, name + ".npz")[0].predict(images, verbose=0)
            off += [float(np.abs(got[k] - expected[k]).max() / np.abs(expected[k]).max()) for k in expected.files]
        print(json.dumps([keras.backend.backend(), off]))
    """
    backend, off = json.loads(on_jax(textwrap.dedent(script), folder=tmp_path))
    assert backend == "jax" and len(off) == 3 * len(ways) and max(off) < 1e-4


def test_the_file_says_what_it_is_and_carries_what_it_was_given(delta, backbone):
    adapted, path = delta
    found = read_delta(path)
    assert (found.backbone, found.how, found.above) == ("mobilenet_025", "lora:2", "C3")
    assert found.base_sha256 == fingerprint(backbone)
    loaded, extra = load_delta(backbone, path)
    assert loaded.adaptation.above == "C3"
    np.testing.assert_array_equal(extra["head/kernel"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(extra["head/bias"], adapted.trainable_weights[0])


def test_it_loads_at_another_size(delta, backbone):
    larger = zoo.build("mobilenet_025", 96, weights="random").model
    larger.set_weights(backbone.get_weights())
    loaded, _ = load_delta(larger, delta[1])
    np.testing.assert_array_equal(loaded.trainable_weights[-1], delta[0].trainable_weights[-1])


def test_lora_of_rank_8_on_mobilenet_075_is_small(tmp_path):
    adapted = adapt(zoo.build("mobilenet_075", 64, weights="random").model, "lora:8")
    path = tmp_path / "delta.npz"
    save_delta(adapted, path)
    learned = 4 * sum(np.prod(weight.shape) for weight in adapted.trainable_weights)
    # B is zero so far, which packs well
    assert learned / 4 < path.stat().st_size < learned + 20_000 < 3e6


def test_other_weights_other_backbones_and_other_ways_are_refused(delta, backbone, build):
    _, path = delta
    with pytest.raises(ValueError, match="belongs to backbone 'mobilenet_025', not 'mobilenet_v2_035'"):
        load_delta(build("mobilenet_v2_035"), path)
    other = zoo.build("mobilenet_025", 64, weights="random").model
    with pytest.raises(ValueError, match="base weights .SHA-256 .*build 'mobilenet_025' with the"):
        load_delta(other, path)
    assert not hasattr(other, "adaptation")
    with pytest.raises(ValueError, match="other base weights"):
        load_delta(backbone, path, base_sha256="0" * 64)
    adapted = adapt(backbone, "lora:4", above="C3")
    before = adapted.get_weights()
    with pytest.raises(
        ValueError, match="is for 'lora:2' above C3, the backbone is adapted by 'lora:4' above C3"
    ):
        load_delta(adapted, path)
    for one, two in zip(before, adapted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="is not adapted"):
        save_delta(backbone, path.with_name("none.npz"))
    assert not path.with_name("none.npz").exists()


def test_the_callers_hash_stands_in_the_file(backbone, tmp_path):
    adapted = adapt(backbone, "bias")
    save_delta(adapted, tmp_path / "delta.npz", base_sha256="ab" * 32)
    with pytest.raises(ValueError, match="SHA-256 abababababab"):
        load_delta(backbone, tmp_path / "delta.npz")
    load_delta(backbone, tmp_path / "delta.npz", base_sha256="ab" * 32)


def test_what_is_damaged_or_no_delta_is_refused_in_one_line(delta, tmp_path):
    whole, broken = delta[1].read_bytes(), tmp_path / "broken.npz"
    np.savez(tmp_path / "arrays.npz", a=np.ones(3))
    np.savez(tmp_path / "pickled.npz", header=np.array([{}], dtype=object))
    np.savez(tmp_path / "newer.npz", header=np.frombuffer(b'{"format": "cityzoo-delta-9"}', np.uint8))
    np.save(tmp_path / "single.npy", np.ones(3))
    cases = [b"", b"PK", b"not a zip", whole[:-1], whole[: len(whole) // 2], whole[50:]]
    cases += [
        (tmp_path / name).read_bytes() for name in ("arrays.npz", "pickled.npz", "newer.npz", "single.npy")
    ]
    for case in cases:
        broken.write_bytes(case)
        with pytest.raises(ValueError, match="is damaged") as caught:
            read_delta(broken)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="does not exist"):
        read_delta(tmp_path / "missing.npz")
    with pytest.raises(ValueError, match="does not exist"):
        read_delta(tmp_path)


def test_a_changed_byte_is_noticed_or_changes_nothing(delta, tmp_path):
    whole, broken = delta[1].read_bytes(), tmp_path / "broken.npz"
    first, refused = read_delta(delta[1]), 0
    for place in np.random.default_rng(0).integers(0, len(whole), 60):
        broken.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            found = read_delta(broken)
        except ValueError:
            refused += 1
            continue
        assert len(found.learned) == len(first.learned) and found.how == first.how
        for one, other in zip(found.learned, first.learned, strict=True):
            np.testing.assert_array_equal(one, other)
    assert refused > 40


def test_arrays_that_do_not_fit_the_header_are_refused(delta, backbone, tmp_path):
    with np.load(delta[1]) as file:
        arrays = dict(file)
    header = json.loads(arrays.pop("header").tobytes())
    header["how"] = "lora:3"
    np.savez(tmp_path / "wrong.npz", header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    with pytest.raises(ValueError, match="its arrays do not fit its header"):
        load_delta(backbone, tmp_path / "wrong.npz")


def test_a_write_that_fails_leaves_the_old_file_and_no_part(delta, monkeypatch):
    adapted, path = delta
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="no space left"):
        save_delta(adapted, path)
    assert path.read_bytes() == before and [file.name for file in path.parent.iterdir()] == ["delta.npz"]
