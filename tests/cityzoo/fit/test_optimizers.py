"""Steps against numpy, what decay spares, rates by stage, and the same state whether interrupted or saved."""

import json

import keras
import numpy as np
import pytest

import zoo
from cityzoo.errors import InputError
from cityzoo.fit.optimizers import optimizer, stage_rates
from cityzoo.fit.schedules import schedule
from cityzoo.spec import OPTIMIZERS

RATE, DECAY, FACTOR = 0.1, 0.2, 0.5  # the kernel has FACTOR of the rate
every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)
# Every day one that has all that others have, and one that has nothing; the others in the slow suite.
DAILY = ("sgd", "lookahead:adamw")
each_kind = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in DAILY)) for name in OPTIMIZERS]
)


def adamw(w, gradients, rate, decay):
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        w = w - rate * decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
    return w


def sgd(w, gradients, rate, decay):
    velocity = 0.0
    for g in gradients:
        w = w - rate * decay * w
        velocity = 0.9 * velocity - rate * g
        w = w + 0.9 * velocity - rate * g  # Nesterov
    return w


def lion(w, gradients, rate, decay):
    m = 0.0
    for g in gradients:
        w = w - rate * decay * w - rate * np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g
    return w


def muon(w, gradients, rate, decay):
    if w.ndim == 1:
        return adamw(w, gradients, rate, decay)
    m, shape = 0.0, w.shape
    for g in gradients:
        w = w - rate * decay * w
        m = 0.95 * m + g
        x = (g + 0.95 * m).reshape(-1, shape[-1])
        x = x / np.linalg.norm(x)
        for _ in range(5):
            a = x.T @ x  # (columns, columns), whichever side the iteration is written on
            x = 3.4445 * x + x @ (-4.7750 * a + 2.0315 * a @ a)
        w = w - rate * 0.2 * np.sqrt(max(x.shape)) * x.reshape(shape)
    return w


def lookahead(step):
    def walk(w, gradients, rate, decay):
        slow, place, seen = w, w, []
        for t, _ in enumerate(gradients, start=1):
            # The inner optimizer never notices: its steps are the same, its place is moved.
            seen.append(place)
            place = place + step(seen, gradients[:t], rate, decay)
            if t % 5 == 0:
                slow = slow + 0.5 * (place - slow)
                place = slow
        return place

    return walk


def last_sgd_step(places, gradients, rate, decay):
    velocity = 0.0
    for g in gradients:
        velocity = 0.9 * velocity - rate * g
    return 0.9 * velocity - rate * gradients[-1] - rate * decay * places[-1]


def last_adamw_step(places, gradients, rate, decay):
    t, m, v = len(gradients), 0.0, 0.0
    for g in gradients:
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return -rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7) - rate * decay * places[-1]


BY_HAND = {
    "adamw": adamw,
    "sgd": sgd,
    "lion": lion,
    "muon": muon,
    "lookahead:sgd": lookahead(last_sgd_step),
    "lookahead:adamw": lookahead(last_adamw_step),
}


@every_optimizer
@pytest.mark.parametrize("steps", [1, 7])
def test_steps_are_those_of_the_papers(name, steps):
    """A convolution's kernel at half the rate, with decay; its bias at the whole rate, spared."""
    rng = np.random.default_rng(0)
    starts = {"conv/kernel": rng.normal(size=(3, 3, 2, 4)), "conv/bias": rng.normal(size=4)}
    gradients = {path: rng.normal(size=(steps, *start.shape)) for path, start in starts.items()}
    with keras.name_scope("conv"):
        weights = [keras.Variable(start, name=path[5:]) for path, start in starts.items()]
    made = optimizer(name, RATE, weight_decay=DECAY, clip_norm=None, rates={weights[0].path: FACTOR})
    for step in range(steps):
        made.apply([keras.ops.convert_to_tensor(g[step], "float32") for g in gradients.values()], weights)
    for weight, path, rate, decay in zip(weights, starts, (RATE * FACTOR, RATE), (DECAY, 0), strict=True):
        wanted = BY_HAND[name](starts[path], gradients[path], rate, decay)
        assert keras.ops.convert_to_numpy(weight) == pytest.approx(wanted, rel=2e-3, abs=2e-4), path


def small_model(seed=0):
    keras.utils.set_random_seed(seed)
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, name="conv")(images)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(images, keras.layers.Dense(2, name="logits")(x))


def batch(seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, 8, 8, 3)).astype("float32"), rng.normal(size=(4, 2)).astype("float32")


def train(model, seeds):
    for seed in seeds:
        model.train_on_batch(*batch(seed))


def test_without_rates_it_is_keras_own_adamw_to_the_last_bit():
    """With the exclusions that Keras knows by name."""
    plain = keras.optimizers.AdamW(schedule("cosine", 0.01, 6), weight_decay=0.3, global_clipnorm=0.5)
    plain.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    ours = optimizer("adamw", schedule("cosine", 0.01, 6), weight_decay=0.3, clip_norm=0.5)
    ended = []
    for each in (plain, ours):
        model = small_model()
        model.compile(each, "mse", run_eagerly=True)
        train(model, range(4))
        ended.append(model.get_weights())
    for one, other in zip(*ended, strict=True):
        np.testing.assert_array_equal(one, other)


@every_optimizer
def test_decay_spares_vectors_and_what_shifts_and_scales(name):
    """Gradients of nothing leave decay alone: 1 - 0.1 * 0.2 for kernels, nothing for the rest."""
    shapes = {
        "kernel": (2, 3),
        "depthwise_kernel": (3, 3, 2, 1),
        "lora_kernel_a": (2, 2),
        "bias": (3,),
        "gamma": (3,),
        "beta": (3,),
        "scale": (1, 1, 3),
        "shift": (1, 3),
        "relative_position_bias_table": (4, 2),
        "vector_of_any_name": (3,),
    }
    weights = [keras.Variable(np.ones(shape), name=each) for each, shape in shapes.items()]
    optimizer(name, RATE, weight_decay=DECAY).apply([keras.ops.zeros(s) for s in shapes.values()], weights)
    left = {weight.name: float(keras.ops.mean(weight)) for weight in weights}
    decayed = {each for each, value in left.items() if value == pytest.approx(1 - RATE * DECAY)}
    assert decayed == {"kernel", "depthwise_kernel", "lora_kernel_a"}
    assert {value for each, value in left.items() if each not in decayed} == {1.0}


def test_muon_is_for_kernels_between_input_and_predictions():
    """A velocity shows who is moved by AdamW; Keras' own would move the convolution by it too."""
    made = optimizer("muon", RATE)
    grouped = keras.Variable(np.zeros((7, 7, 1, 5)), name="grouped")  # depthwise too, as ConvNeXt writes it
    made.build([*small_model().trainable_variables, grouped])
    by_adamw = {v.name.removesuffix("_velocity") for v in made.variables if v.name.endswith("velocity")}
    by_muon = {v.name.removesuffix("_momentum") for v in made.variables if "momentum" in v.name} - by_adamw
    assert by_muon == {"conv_kernel"}
    assert {"grouped", "depthwise_kernel", "conv_bias", "norm_gamma", "logits_kernel"} <= by_adamw


def test_clipping_is_of_one_vector_over_all_variables():
    """3 and 4 make 5; clipped to 1 they are .6 and .8, and Nesterov's first step is 1.9 times that."""
    weights = [keras.Variable([0.0], name="one"), keras.Variable([[0.0]], name="other")]
    gradients = [keras.ops.convert_to_tensor([3.0]), keras.ops.convert_to_tensor([[4.0]])]
    optimizer("sgd", 0.1, clip_norm=1.0).apply(gradients, weights)
    assert [float(keras.ops.sum(weight)) for weight in weights] == pytest.approx(
        [-0.19 * 0.6, -0.19 * 0.8], rel=1e-5
    )


@each_kind
def test_interrupted_and_gone_on_is_the_same_as_never_interrupted(name):
    """Weights and `optimizer.variables` are all; seven steps, so that lookahead is between two meetings."""

    def compiled():
        model = small_model()
        rates = {"conv/kernel": 0.3}
        made = optimizer(name, schedule("cosine", 0.01, 12), rates=rates)
        model.compile(made, "mse", run_eagerly=True)  # tracing takes longer than these few steps
        model.optimizer.build(model.trainable_variables)
        return model

    whole, first, second = compiled(), compiled(), compiled()
    train(whole, range(12))
    train(first, range(7))
    kept = first.get_weights(), [keras.ops.convert_to_numpy(v) for v in first.optimizer.variables]
    second.set_weights(kept[0])
    for variable, value in zip(second.optimizer.variables, kept[1], strict=True):
        variable.assign(value)
    train(second, range(7, 12))
    for one, other in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_slow_weights_start_where_the_first_step_does():
    """Not where `build` was: a run loads weights in between."""
    weight = keras.Variable([[0.0]], name="kernel")
    made = optimizer("lookahead:sgd", 0.1, weight_decay=0.0)
    made.build([weight])
    weight.assign([[100.0]])
    for _ in range(5):
        made.apply([keras.ops.zeros((1, 1))], [weight])
    assert float(weight[0, 0]) == 100.0


@each_kind
def test_an_optimizer_comes_back_from_its_config(name):
    """Through JSON, rates and all, and its steps are the same."""
    made = optimizer(name, schedule("step", 0.1, 9), weight_decay=0.3, rates={"conv/kernel": 0.25})
    again = keras.optimizers.deserialize(json.loads(json.dumps(keras.optimizers.serialize(made))))
    ended = []
    for each in (made, again):
        model = small_model()
        model.compile(each, "mse", run_eagerly=True)  # tracing takes longer than these few steps
        train(model, range(2))
        ended.append(model.get_weights())
    for one, other in zip(*ended, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_cannot_be_is_refused_in_one_line():
    """A name, a variable that does not learn, a decay."""
    with pytest.raises(InputError, match="did you mean 'adamw'"):
        optimizer("adam", 0.1)
    with pytest.raises(InputError, match="no trainable variable 'conv/kernell'"):
        optimizer("sgd", 0.1, rates={"conv/kernell": 1.0}).build(small_model().trainable_variables)
    for decay in (0.0, -1.0, 1.5):
        with pytest.raises(InputError, match="above 0, up to 1"):
            stage_rates({}, small_model(), small_model(), decay)
        with pytest.raises(InputError, match=f"factor {decay} of the backbone"):
            stage_rates({}, small_model(), small_model(), 1.0, decay)


def test_rates_fall_by_stage_from_the_head_down(small_build):
    """Frozen to C2: the head 1, C5 a half, C4 a quarter, C3 an eighth, nothing for the rest."""
    backbone = small_build("slim_deep", (64, 64)).model
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output["P5"])
    whole = keras.Model(backbone.inputs, keras.layers.Dense(2, name="head")(pooled))
    zoo.freeze(backbone, "C2", batchnorm=True)
    for model in (whole, zoo.suffix(zoo.prefix(backbone, "C2"), whole)):
        rates = stage_rates(zoo.stage_of_layers(backbone), backbone, model, 0.5)
        assert sorted(rates) == sorted(v.path for v in model.trainable_variables)
        kernels = {path: rate for path, rate in rates.items() if path.endswith("kernel")}
        stem = {f"stem{n}{more}/kernel": 0.5 ** (6 - n) for n in (3, 4, 5) for more in ("", "_more")}
        assert kernels == {**stem, "head/kernel": 1.0}
        optimizer("adamw", 0.1, rates=rates).build(model.trainable_variables)  # every path is known there
        slow = stage_rates(zoo.stage_of_layers(backbone), backbone, model, 0.5, 0.1)
        assert slow == pytest.approx({path: rate * (1 if rate == 1 else 0.1) for path, rate in rates.items()})
