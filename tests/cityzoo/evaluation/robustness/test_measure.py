"""A small classifier of painted images: what it loses is what it loses, and attacks find its weak side."""

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
from PIL import Image

import augment
from cityzoo import backend, predict
from cityzoo.errors import InputError
from cityzoo.evaluation.network_inputs import prepare
from cityzoo.evaluation.robustness import conditions, corruption_sheet, measure, predict_conditions
from cityzoo.evaluation.robustness.conditions import CORRUPTIONS
from cityzoo.outputs import ClosedFormInput
from cityzoo.outputs.classification import Classification
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("red", "green")
SIZE_HW = (24, 48)


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """24 wide images of grey noise with a reddish or a greenish patch."""
    folder, chance, each = tmp_path_factory.mktemp("patches"), np.random.default_rng(0), []
    for number in range(24):
        pixels = chance.integers(60, 140, (*SIZE_HW, 3), np.uint8)
        y, x, label = *chance.integers(0, (14, 38)), number % 2
        pixels[y : y + 10, x : x + 10, label] += 40
        Image.fromarray(pixels).save(folder / f"{number}.png")
        each.append(ImageExample(str(folder / f"{number}.png"), SIZE_HW, target=np.eye(2)[label]))
    return ImageSet("val", NAMES, tuple(each))


@pytest.fixture(scope="module")
def trained(truth):
    """Random filters with a solved head, and the kind; judged beside its mirror image."""
    keras.utils.set_random_seed(1)
    output = Classification(NAMES, flips="yes", dropout=0.0)
    images = keras.Input((32, 32, 3))
    fine = keras.layers.Conv2D(8, 5, 2, activation="relu")(
        keras.layers.Rescaling(1 / 64, offset=-1.6)(images)
    )
    coarse = keras.layers.Conv2D(8, 3, 2, activation="relu")(fine)
    model = keras.Model(images, output.build_head({"P4": fine, "P5": coarse}))
    inputs = prepare(model, output, truth, range(24))
    pooled = keras.Model(images, model.get_layer("head_embedding").output)(inputs.images.astype("float32"))
    layer = model.get_layer(output.closed_form_layer)
    output.fit_closed_form(ClosedFormInput(layer, np.asarray(pooled), inputs.targets, np.arange(24), seed=0))
    return model, output


def measured_under(names, *given, **asked):
    """What `measure` says with these corruptions alone: each one is traced anew, which takes a second."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (predict_conditions, measure, corruption_sheet):
            patched.setattr(module, "CORRUPTIONS", {name: CORRUPTIONS[name] for name in names})
        return measure.measure(*given, **asked)


@pytest.fixture(scope="module")
def measured(trained, truth, tmp_path_factory):
    """What is said of 12 of the 24, and the folder of the sheet."""
    folder = tmp_path_factory.mktemp("sheet")
    return measured_under(("JPEG", "noise"), *trained, truth, most=12, folder=folder), folder


def test_clean_is_what_the_report_says_of_the_same_images(trained, truth, measured):
    model, output = trained
    rows = np.linspace(0, 23, 12).round().astype(int)
    chosen = replace(truth, examples=tuple(truth.examples[row] for row in rows))
    found, _ = measured
    wanted = output.metrics(chosen, predict.predict_all(model, chosen, output))["balanced_accuracy"]
    assert (found["figure"], found["lower"], found["n"]) == ("balanced_accuracy", False, 12)
    assert found["clean"] == wanted > 0.9


def test_losses_are_shares_of_the_clean_figure_and_the_mean_is_theirs(measured):
    found, _ = measured
    assert list(found["corruptions"]) == ["JPEG", "noise"] and found["strengths"] == [0.2, 0.4, 0.6, 0.8, 1.0]
    every = [each["relative_loss"] for each in found["corruptions"].values()]
    clean = [
        (found["clean"] - np.array(each["values"])) / found["clean"] for each in found["corruptions"].values()
    ]
    assert np.array(every) == pytest.approx(np.array(clean))
    assert found["mean_corruption_loss"] == pytest.approx(np.mean(every))
    assert found["mean_corruption_loss"] > 0
    assert found["seconds"]["total"] == pytest.approx(
        sum(v for k, v in found["seconds"].items() if k != "total"), abs=0.5
    )


def test_attacks_cost_more_than_chance_and_small_steps_most(trained, truth, measured):
    """By the training loss of all images; a step down the gradient helps instead."""
    model, output = trained
    inputs = prepare(model, output, truth, range(24))
    slope = backend.gradient(model, output.loss((32, 32)), mirrored=True)
    given = inputs.images, inputs.targets, 4.0, inputs.inside
    fast, slow = conditions.fgsm(slope, *given), conditions.pgd(slope, *given)
    clean = inputs.images.astype("float32")
    noise = clean + np.random.default_rng(0).choice([-4.0, 4.0], clean.shape) * inputs.inside
    down = 2 * clean - fast
    loss = {
        name: slope(np.float32(images), inputs.targets)[0]
        for name, images in {"clean": clean, "noise": noise, "down": down, "fast": fast, "slow": slow}.items()
    }
    assert loss["down"] < loss["clean"] < loss["fast"] and loss["noise"] < loss["fast"]
    assert loss["slow"] >= loss["fast"] - 1e-3
    attacks = measured[0]["attacks"]
    assert list(attacks) == ["FGSM", "PGD"] and attacks["PGD"]["relative_loss"] > 0
    assert attacks["FGSM"]["relative_loss"] == pytest.approx(
        1 - attacks["FGSM"]["value"] / measured[0]["clean"]
    )


def test_the_sheet_has_a_row_for_each_corruption_and_one_before(measured):
    """Images are 200 high and 400 wide, above two lines of words."""
    with Image.open(measured[1] / "robustness.png") as opened:
        assert 3 * 400 < opened.width < 3 * 430 and 3 * 200 < opened.height < 3 * 280


def test_every_corruption_is_a_transform_that_takes_pixels():
    assert len(CORRUPTIONS) == 9
    assert {augment.TRANSFORMS[name].stage for name in CORRUPTIONS.values()} == {"pixels"}


@dataclass(frozen=True)
class Scripted(Classification):
    """Give known figures one after the other, and note whether the images came with their masks."""

    script: Any = ()
    masked: Any = None
    primary_metrics: ClassVar[tuple[str, ...]] = ("error",)
    lower_is_better: ClassVar[tuple[str, ...]] = ("error",)
    trainable: ClassVar[bool] = False

    def metrics(self, truth, results):
        """Return the next figure."""
        self.masked.append(truth.examples[0].mask != "")
        return {"error": next(self.script)}


def test_losses_by_hand_of_a_figure_that_is_better_when_lower(trained, truth):
    """Clean 2; noise 2, 3, 1, not known, 4. The figure is the same without masks, which are left out from then on."""
    output = Scripted(NAMES, script=iter([2.0, 2.0, 2.0, 2.0, 3.0, 1.0, None, 4.0]), masked=[])
    masked = replace(truth, examples=tuple(replace(each, mask="mask.png") for each in truth.examples))
    found = measured_under(("noise",), trained[0], output, masked, most=2)
    assert output.masked == [False, True, *[False] * 6]
    noise = found["corruptions"]["noise"]
    assert noise["values"] == [2, 3, 1, None, 4] and noise["relative_loss"] == [0, 0.5, -0.5, None, 1]
    assert noise["mean_relative_loss"] == found["mean_corruption_loss"] == 0.25
    assert (
        found["lower"] and found["attacks"] == {} and "not trained by gradients" in found["attacks_left_out"]
    )
    assert json.loads(json.dumps(found)) == found


def test_eps_is_checked_before_the_work(trained, truth):
    with pytest.raises(InputError, match="0.5 gray levels.*1 to 255"):
        measure.measure(*trained, truth, eps_levels=0.5)
