"""Groups of examples that are alike: one camera, video, scene or cluster; folds that keep each group together."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from cityzoo.cli.values import AUTO, GROUP_BY
from cityzoo.errors import unknown

# Parts of a scene's name that several scenes share: a numbered place at its start, a video file at its end, as in
# "cluster009_fire2_mp4", frames of which were clustered.
_PLACE = re.compile(
    r"^((?:cluster|scene|cam|camera|video|clip|site|seq|sequence|loc|location)[-_]?\d+)[-_. ].+$",
    re.IGNORECASE,
)
_VIDEO = re.compile(
    r"^(?:[^\W\d_]+\d+[-_. ]+)?([^\d].*[-_.](?:mp4|avi|mov|mkv|webm|m4v|mpe?g|wmv))$", re.IGNORECASE
)
_DATE = re.compile(r"[-_. ]*(\d{4}[-_.]?\d{2}[-_.]?\d{2}|\d{2}[-_.]\d{2}[-_.]\d{4}).*$")
SIMILAR_BITS = 6  # of 64: frames of a fixed camera, in which only what moves differs


def group_examples(
    scenes: Sequence[str],
    by: str = AUTO,
    hashes: Sequence[str] = (),
    features: np.ndarray | None = None,
    clusters: int | None = None,
) -> np.ndarray:
    """Return the group of each example, (N,) int64, numbered from 0 in the order of their first examples.

    - "example": each is its own.
    - "duplicate": similar images (perceptual hash), and images of one scene's name.
    - "scene": those of one name, see `cityzoo.data.image.hash_split.scene_of`.
    - "video": scenes that share a part of their names: "cluster000_fire2_mp4" and "cluster004_fire2_mp4".
    - "camera": names without the date and what follows it.
    - "cluster": scenes whose backbone features are near each other, see `cluster_features`.
    - "auto": clusters of videos; without features, videos joined with duplicates.

    Args:
        scenes: name of each example's scene, "" where not known.
        by: one of `GROUP_BY`.
        hashes: perceptual hash of each example, 16 hexadecimal digits, "" where there is none; empty: not known.
        features: (N, D), of a frozen backbone; None: not known.
        clusters: number of clusters; None: chosen by the number of examples.

    Raises:
        InputError: `by` is not one of them, or needs features.

    Example:
        >>> group_examples(["cluster0_a_mp4", "cluster1_a_mp4", "cluster1_img", "cluster2_img", ""], "video").tolist()
        [0, 0, 0, 1, 2]
        >>> group_examples(["cam3_2024-05-01", "cam3_2024-05-02", "cam4_2024-05-01"], "camera").tolist()
        [0, 0, 1]
    """
    if by not in GROUP_BY or (by == "cluster" and features is None):
        raise unknown(
            "value of --group-by",
            by,
            [name for name in GROUP_BY if name != "cluster" or features is not None],
        )
    if by == "example":
        return np.arange(len(scenes))
    names: list[Sequence[str]] = [scenes]
    if by == "camera":
        names = [[name_camera(scene) for scene in scenes]]
    if by in ("video", "cluster", AUTO):
        names += [_find_part(scenes, part) for part in (_PLACE, _VIDEO)]
    groups = join_groups(*names)
    if len(hashes) and (by == "duplicate" or (by == AUTO and features is None)):
        groups = join_groups(groups.tolist(), _similar(hashes).tolist())
    if by in ("cluster", AUTO) and features is not None:
        groups = cluster_features(features, groups, clusters)
    return groups


def name_camera(scene: str) -> str:
    """Return the name of a scene without its date and what follows it, "" for "".

    Example:
        >>> name_camera("cam3_2024-05-01"), name_camera("cam3")
        ('cam3', 'cam3')
    """
    return _DATE.sub("", scene) or scene


def _find_part(scenes: Sequence[str], part: re.Pattern[str]) -> list[str]:
    matches = [part.match(scene) for scene in scenes]
    return [match.group(1) if match else "" for match in matches]


def join_groups(*labels: Sequence[object]) -> np.ndarray:
    """Return groups of examples that are linked by any of several labelings; "" and None link nothing.

    Example:
        >>> join_groups(["a", "a", "b", "", ""], ["x", "y", "y", "", ""]).tolist()
        [0, 0, 0, 1, 2]
    """
    parent = list(range(len(labels[0])))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for column in labels:
        first: dict[object, int] = {}
        for row, label in enumerate(column):
            if label is not None and label != "":
                one, other = sorted((root(row), root(first.setdefault(label, row))))
                parent[other] = one
    return number_groups([root(row) for row in range(len(parent))])


def number_groups(labels: Sequence[object]) -> np.ndarray:
    """Return labels as numbers from 0, in the order of their first appearance, (N,) int64.

    Example:
        >>> number_groups(["b", "a", "b"]).tolist()
        [0, 1, 0]
    """
    place: dict[object, int] = {}
    return np.array([place.setdefault(label, len(place)) for label in labels], np.int64)


def _similar(hashes: Sequence[str]) -> np.ndarray:
    """Return for each hash the first one that differs in at most `SIMILAR_BITS` bits."""
    values = np.array([int(each or "0", 16) for each in hashes], np.uint64)
    bits = np.bitwise_count(values)
    is_textured = (bits >= 6) & (bits <= 58)  # others are alike whatever they show
    linked = np.arange(len(values))
    for row in np.flatnonzero(is_textured):
        near = (np.bitwise_count(values[:row] ^ values[row]) <= SIMILAR_BITS) & is_textured[:row]
        linked[row] = linked[near.argmax()] if near.any() else row
    return linked


def cluster_features(features: np.ndarray, groups: np.ndarray, clusters: int | None = None) -> np.ndarray:
    """Return groups joined by the likeness of their features, (N,) int64.

    Groups are joined by average linkage of the cosine distances of their means, features standardized.

    Args:
        features: (N, D).
        groups: (N,) int, groups that stay together.
        clusters: number of clusters; None: the square root of the number of groups, at least 8.

    Example:
        >>> rows = np.array([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]])
        >>> cluster_features(rows, np.arange(4), 2).tolist()
        [0, 0, 1, 1]
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    groups = number_groups(groups.tolist())
    count = int(groups.max()) + 1
    clusters = clusters or max(8, round(np.sqrt(count)))
    if count <= clusters:
        return groups
    rows = standardize(features)
    means = np.stack([rows[groups == number].mean(axis=0) for number in range(count)])
    means /= np.linalg.norm(means, axis=1, keepdims=True) + 1e-9
    found = fcluster(linkage(means, "average", "cosine"), clusters, "maxclust")
    return number_groups(found[groups].tolist())


def standardize(features: np.ndarray) -> np.ndarray:
    """Return features of mean 0 and variance 1, float32."""
    rows = np.asarray(features, np.float32)
    return (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-6)


def make_folds(groups: np.ndarray, counts: np.ndarray, folds: int, seed: int = 0) -> np.ndarray:
    """Return the fold of each example, (N,) int64 in 0..folds-1; a group lies in one fold.

    Groups are dealt from the largest to the smallest, each to the fold in which the counts of all classes then differ
    least from an equal share (as scikit-learn's StratifiedGroupKFold, for examples of several classes).

    Args:
        groups: (N,) int.
        counts: (N, C), how often each class is in an example.
        folds: number of folds, at most the number of groups.
        seed: order of groups of equal size.

    Raises:
        ValueError: fewer groups than folds.

    Example:
        >>> folds = make_folds(np.array([0, 0, 1, 2, 3, 3]), np.ones((6, 1)), 3)
        >>> np.bincount(folds).tolist(), bool(folds[0] == folds[1])
        ([2, 2, 2], True)
    """
    groups = number_groups(np.asarray(groups).tolist())
    number = int(groups.max()) + 1
    if number < folds:
        raise ValueError(f"{number} groups cannot be dealt to {folds} folds")
    counts = np.concatenate([np.asarray(counts, float), np.ones((len(groups), 1))], axis=1)
    shares = counts / np.maximum(counts.sum(axis=0), 1e-9)
    of_group = np.zeros((number, shares.shape[1]))
    np.add.at(of_group, groups, shares)
    order = np.random.default_rng(seed).permutation(number)
    order = order[np.argsort(-of_group[order].max(axis=1), kind="stable")]
    filled, fold_of = np.zeros((folds, shares.shape[1])), np.zeros(number, np.int64)
    for place, group in enumerate(order):
        placed = filled[None] + np.eye(folds)[:, :, None] * of_group[group]
        costs = np.square(placed).sum(axis=(1, 2))
        empty = [fold for fold in range(folds) if not filled[fold].any()]
        is_last_chance = number - place <= len(empty)
        fold = empty[0] if empty and is_last_chance else int(np.argmin(costs))
        fold_of[group] = fold
        filled[fold] += of_group[group]
    return fold_of[groups]
