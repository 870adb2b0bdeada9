# ruff: noqa: E501  (a backbone is one line, and published hashes are long)
"""The table of pretrained backbones: one line for each architecture of `keras.applications`.

A new backbone is ONE line in `BACKBONES` (and one in `FAMILIES` where its family is new). Nothing heavy is imported.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Preprocessing = Literal["caffe", "tf", "torch", "inside"]
JOIN = "+"  # between the names of backbones that are joined, see `zoo.joint_backbone`
_STORE = "https://storage.googleapis.com/tensorflow/keras-applications/"


@dataclass(frozen=True)
class Family:
    """Preprocessing, smallest input and ImageNet weights of a family of backbones.

    `url` and `file` contain `{id}` for the member; `file` is the name in Keras' cache if it differs from the URL's.
    `has_levels` is False if unpadded convolutions leave no feature map of exactly input / 2^k.
    """

    preprocess: Preprocessing
    min_size: int
    url: str
    file: str | None = None
    has_levels: bool = True


@dataclass(frozen=True)
class Backbone:
    """One line of the table: how `keras.applications` builds it, and its weights.

    `builder` is the attribute of `keras.applications`, `weights_id` fills the family's URL, `default_size` is in
    pixels, `params_millions` counts the network without its classifier, `weights_hash` is the MD5 or SHA-256 that
    Keras publishes (None: not published), `alpha` is the width multiplier (None: the architecture has none).
    """

    builder: str
    family: str
    weights_id: str
    default_size: int
    params_millions: float
    weights_hash: str | None = None
    alpha: float | None = None

    @property
    def kwargs(self) -> dict[str, float]:
        """Return the additional keyword arguments of the builder."""
        return {} if self.alpha is None else {"alpha": self.alpha}

    @property
    def min_size(self) -> int:
        """Return the smallest height and width in pixels."""
        return FAMILIES[self.family].min_size

    @property
    def has_levels(self) -> bool:
        """Return whether feature maps of exact strides exist (False: classification only)."""
        return FAMILIES[self.family].has_levels

    @property
    def weights_url(self) -> str:
        """Return where Keras publishes the ImageNet weights without the classifier."""
        return FAMILIES[self.family].url.format(id=self.weights_id)

    @property
    def weights_file(self) -> str:
        """Return the file's name in Keras' cache."""
        file = FAMILIES[self.family].file or self.weights_url.rsplit("/", 1)[1]
        return file.format(id=self.weights_id)


_TF_NOTOP = "weights_tf_dim_ordering_tf_kernels_notop.h5"
# "inside": keras.applications adds the preprocessing to the graph itself.
FAMILIES: dict[str, Family] = {
    "vgg": Family("caffe", 32, _STORE + "vgg{id}/vgg{id}_" + _TF_NOTOP),
    "resnet": Family("caffe", 32, _STORE + "resnet/resnet{id}_" + _TF_NOTOP),
    "resnet_v2": Family("tf", 32, _STORE + "resnet/resnet{id}v2_" + _TF_NOTOP),
    "inception_v3": Family("tf", 75, _STORE + "inception_v3/inception_v3_" + _TF_NOTOP, has_levels=False),
    "inception_resnet_v2": Family(
        "tf", 75, _STORE + "inception_resnet_v2/inception_resnet_v2_" + _TF_NOTOP, has_levels=False
    ),
    "xception": Family("tf", 71, _STORE + "xception/xception_" + _TF_NOTOP),
    "mobilenet": Family("tf", 32, _STORE + "mobilenet/mobilenet_{id}_224_tf_no_top.h5"),
    "mobilenet_v2": Family(
        "tf", 32, _STORE + "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{id}_224_no_top.h5"
    ),
    "mobilenet_v3": Family(
        "inside", 32, _STORE + "mobilenet_v3/weights_mobilenet_v3_{id}_float_no_top_v2.h5"
    ),
    "densenet": Family("torch", 32, _STORE + "densenet/densenet{id}_" + _TF_NOTOP),
    "nasnet": Family(
        "tf", 32, _STORE + "nasnet/NASNet-{id}-no-top.h5", "nasnet_{id}_no_top.h5", has_levels=False
    ),
    "efficientnet": Family(
        "inside", 32, "https://storage.googleapis.com/keras-applications/efficientnet{id}_notop.h5"
    ),
    "efficientnet_v2": Family("inside", 32, _STORE + "efficientnet_v2/efficientnetv2-{id}_notop.h5"),
    "convnext": Family("inside", 32, _STORE + "convnext/convnext_{id}_notop.h5"),
}

# name: builder, family, weights_id, default_size, params_millions, weights_hash, alpha
# fmt: off
BACKBONES: dict[str, Backbone] = {
    "vgg16": Backbone("VGG16", "vgg", "16", 224, 14.715, "6d6bbae143d832006294945121d1f1fc"),
    "vgg19": Backbone("VGG19", "vgg", "19", 224, 20.024, "253f8cb515780f3b799900260a226db6"),
    "resnet50": Backbone("ResNet50", "resnet", "50", 224, 23.588, "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": Backbone("ResNet101", "resnet", "101", 224, 42.658, "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": Backbone("ResNet152", "resnet", "152", 224, 58.371, "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "resnet50v2": Backbone("ResNet50V2", "resnet_v2", "50", 224, 23.565, "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": Backbone("ResNet101V2", "resnet_v2", "101", 224, 42.627, "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": Backbone("ResNet152V2", "resnet_v2", "152", 224, 58.332, "ed17cf2e0169df9d443503ef94b23b33"),
    "inception_v3": Backbone("InceptionV3", "inception_v3", "", 299, 21.803, "bcbd6486424b2319ff4ef7d526e38f63"),
    "inception_resnet_v2": Backbone("InceptionResNetV2", "inception_resnet_v2", "", 299, 54.337, "d19885ff4a710c122648d3b5c3b684e4"),
    "xception": Backbone("Xception", "xception", "", 299, 20.861, "b0042744bf5b25fce3cb969f33bebb97"),
    "mobilenet_025": Backbone("MobileNet", "mobilenet", "2_5", 224, 0.219, None, 0.25),
    "mobilenet_050": Backbone("MobileNet", "mobilenet", "5_0", 224, 0.830, None, 0.5),
    "mobilenet_075": Backbone("MobileNet", "mobilenet", "7_5", 224, 1.833, None, 0.75),
    "mobilenet": Backbone("MobileNet", "mobilenet", "1_0", 224, 3.229, None),
    "mobilenet_v2_035": Backbone("MobileNetV2", "mobilenet_v2", "0.35", 224, 0.410, None, 0.35),
    "mobilenet_v2_050": Backbone("MobileNetV2", "mobilenet_v2", "0.5", 224, 0.706, None, 0.5),
    "mobilenet_v2_075": Backbone("MobileNetV2", "mobilenet_v2", "0.75", 224, 1.382, None, 0.75),
    "mobilenet_v2": Backbone("MobileNetV2", "mobilenet_v2", "1.0", 224, 2.258, None),
    "mobilenet_v2_130": Backbone("MobileNetV2", "mobilenet_v2", "1.3", 224, 3.766, None, 1.3),
    "mobilenet_v2_140": Backbone("MobileNetV2", "mobilenet_v2", "1.4", 224, 4.364, None, 1.4),
    "mobilenet_v3_small_075": Backbone("MobileNetV3Small", "mobilenet_v3", "small_224_0.75", 224, 0.583, "ebdb5cc8e0b497cd13a7c275d475c819", 0.75),
    "mobilenet_v3_small": Backbone("MobileNetV3Small", "mobilenet_v3", "small_224_1.0", 224, 0.939, "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "mobilenet_v3_large_075": Backbone("MobileNetV3Large", "mobilenet_v3", "large_224_0.75", 224, 1.809, "40af19a13ebea4e2ee0c676887f69a2e", 0.75),
    "mobilenet_v3_large": Backbone("MobileNetV3Large", "mobilenet_v3", "large_224_1.0", 224, 2.996, "07fb09a5933dd0c8eaafa16978110389"),
    "densenet121": Backbone("DenseNet121", "densenet", "121", 224, 7.038, "30ee3e1110167f948a6b9946edeeb738"),
    "densenet169": Backbone("DenseNet169", "densenet", "169", 224, 12.643, "b8c4d4c20dd625c148057b9ff1c1176b"),
    "densenet201": Backbone("DenseNet201", "densenet", "201", 224, 18.322, "c13680b51ded0fb44dff2d8f86ac8bb1"),
    "nasnet_mobile": Backbone("NASNetMobile", "nasnet", "mobile", 224, 4.270, "1ed92395b5b598bdda52abe5c0dbfd63"),
    "nasnet_large": Backbone("NASNetLarge", "nasnet", "large", 331, 84.917, "d81d89dc07e6e56530c4e77faddd61b5"),
    "efficientnet_b0": Backbone("EfficientNetB0", "efficientnet", "b0", 224, 4.050, "50bc09e76180e00e4465e1a485ddc09d"),
    "efficientnet_b1": Backbone("EfficientNetB1", "efficientnet", "b1", 240, 6.575, "74c4e6b3e1f6a1eea24c589628592432"),
    "efficientnet_b2": Backbone("EfficientNetB2", "efficientnet", "b2", 260, 7.769, "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "efficientnet_b3": Backbone("EfficientNetB3", "efficientnet", "b3", 300, 10.784, "af6d107764bb5b1abb91932881670226"),
    "efficientnet_b4": Backbone("EfficientNetB4", "efficientnet", "b4", 380, 17.674, "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "efficientnet_b5": Backbone("EfficientNetB5", "efficientnet", "b5", 456, 28.514, "38879255a25d3c92d5e44e04ae6cec6f"),
    "efficientnet_b6": Backbone("EfficientNetB6", "efficientnet", "b6", 528, 40.960, "9ecce42647a20130c1f39a5d4cb75743"),
    "efficientnet_b7": Backbone("EfficientNetB7", "efficientnet", "b7", 600, 64.098, "cbcfe4450ddf6f3ad90b1b398090fe4a"),
    "efficientnet_v2_b0": Backbone("EfficientNetV2B0", "efficientnet_v2", "b0", 224, 5.919, "893217f2bb855e2983157299931e43ff"),
    "efficientnet_v2_b1": Backbone("EfficientNetV2B1", "efficientnet_v2", "b1", 240, 6.931, "0e80663031ca32d657f9caa404b6ec37"),
    "efficientnet_v2_b2": Backbone("EfficientNetV2B2", "efficientnet_v2", "b2", 260, 8.769, "1dfe2e7a5d45b6632553a8961ea609eb"),
    "efficientnet_v2_b3": Backbone("EfficientNetV2B3", "efficientnet_v2", "b3", 300, 12.931, "f6abf7b5849ac99a89b50dd3fd532856"),
    "efficientnet_v2_s": Backbone("EfficientNetV2S", "efficientnet_v2", "s", 384, 20.331, "af0682fb74e8c54910f2d4393339c070"),
    "efficientnet_v2_m": Backbone("EfficientNetV2M", "efficientnet_v2", "m", 480, 53.150, "1b8dc055df72dde80d614482840fe342"),
    "efficientnet_v2_l": Backbone("EfficientNetV2L", "efficientnet_v2", "l", 480, 117.747, "b0b66b5c863aef5b46e8608fe1711615"),
    "convnext_tiny": Backbone("ConvNeXtTiny", "convnext", "tiny", 224, 27.820, "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"),
    "convnext_small": Backbone("ConvNeXtSmall", "convnext", "small", 224, 49.455, "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab"),
    "convnext_base": Backbone("ConvNeXtBase", "convnext", "base", 224, 87.566, "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45"),
    "convnext_large": Backbone("ConvNeXtLarge", "convnext", "large", 224, 196.230, "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd"),
    "convnext_xlarge": Backbone("ConvNeXtXLarge", "convnext", "xlarge", 224, 348.148, "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05"),
}
# fmt: on


def names() -> list[str]:
    """Return every backbone's name, sorted.

    Example:
        >>> "vgg16" in names()
        True
    """
    return sorted(BACKBONES)


def get(name: str) -> Backbone:
    """Return the table entry of one backbone; the name must match exactly.

    Raises:
        ValueError: the name is not in the table.

    Example:
        >>> get("vgg16").params_millions
        14.715
        >>> get("vg16")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: unknown backbone 'vg16': did you mean 'vgg16'? Allowed: convnext_base, ...
    """
    if name in BACKBONES:
        return BACKBONES[name]
    if JOIN in name:
        parts = [get(part) for part in split_name(name)]
        heaviest = max(parts, key=lambda part: part.params_millions)
        total = sum(part.params_millions for part in parts)
        return replace(heaviest, builder=name, params_millions=round(total, 3))
    raise unknown("backbone", name, names())


def split_name(name: str) -> list[str]:
    """Return the backbones of a joined one, see `zoo.joint_backbone`; of any other its own name.

    Raises:
        ValueError: a backbone twice.

    Example:
        >>> split_name("vgg16+resnet50"), split_name("vgg16")
        (['vgg16', 'resnet50'], ['vgg16'])
    """
    parts = name.split(JOIN)
    if len(set(parts)) < len(parts):
        raise ValueError(f"backbone '{name}' joins the same one twice: join different ones")
    return parts


def unknown(what: str, value: object, allowed: Iterable[str]) -> ValueError:
    """Return the error for a value that is not allowed, with the closest allowed one, regardless of case."""
    lower = {word.lower(): word for word in reversed(list(allowed))}
    near = difflib.get_close_matches(str(value).lower(), lower, n=1, cutoff=0.5)
    hint = f"did you mean '{lower[near[0]]}'? " if near else ""
    return ValueError(f"unknown {what} '{value}': {hint}Allowed: {', '.join(reversed(lower.values()))}")


@dataclass(frozen=True)
class Row:
    """One backbone in the output of `train.py --list`: millions of parameters without the classifier, sizes in pixels.

    `levels` is False for classification only; `cached` is whether the ImageNet weights are in Keras' cache.
    """

    name: str
    params_millions: float
    default_size: int
    min_size: int
    levels: bool
    cached: bool


def rows() -> list[Row]:
    """Return a row for every backbone, in the order of the table.

    Example:
        >>> rows()[0].name, rows()[0].params_millions
        ('vgg16', 14.715)
    """
    from zoo.pretrained import cached

    return [
        Row(name, row.params_millions, row.default_size, row.min_size, row.has_levels, cached(name))
        for name, row in BACKBONES.items()
    ]
