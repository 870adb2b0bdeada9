"""Interventions on images, each with a control: objects, backgrounds and places of the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from cityzoo.evaluation.interventions import image_edits
from cityzoo.evaluation.interventions.frames import Edit, Edited, Frames
from cityzoo.evaluation.interventions.regions import Region, border_patches, constant_regions

CONTROLS = 3  # random places per image that a masked patch is compared with
MASKED, TAKEN = "masked", "from others"
TRIES = 20  # places that are tried for an object that moves
MOVABLE = (0.0005, 0.1)  # share of the image that an object covers that is moved


@dataclass(frozen=True)
class Change:
    """An intervention.

    Attributes:
        name: in words.
        edit: of each image.
        controls: edits that change as many pixels, and nothing else that matters; the mean over them is taken.
        matters: whether right answers may depend on it.
        labels: for places of the image: (N,) class that each image is scored for, negative for none; else None.
        sign: -1 where a rise of the score shows that answers depend on it.
    """

    name: str
    edit: Edit
    controls: tuple[Edit, ...]
    matters: bool
    labels: np.ndarray | None = None
    sign: int = 1

    @property
    def is_place(self) -> bool:
        """Return whether a place of the image is changed."""
        return self.labels is not None


Masker = Callable[[int], np.ndarray]  # row -> (h, w) bool
Editor = Callable[[np.ndarray, np.ndarray], np.ndarray]  # image, mask -> image


class ImageChanges:
    """Makes the interventions on some images.

    Args:
        frames: the images.
        donors: other images of the same classes, parts of which are pasted.
        labels: (N,) class of each image, negative where it has not exactly one.
        donor_labels: the same of the donors.
        seed: of random places and donors.
    """

    def __init__(
        self, frames: Frames, donors: Frames, labels: np.ndarray, donor_labels: np.ndarray, seed: int
    ) -> None:
        """Choose a donor of another class for each image where classes are known."""
        self.frames, self.donors, self.seed = frames, donors, seed
        self.labels, self.donor_labels = labels, donor_labels
        self.partners = np.array([self._choose(row, other=True) for row in range(len(frames))])

    def _rng(self, *words: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, *words))

    def _choose(self, row: int, other: bool) -> int:
        """Return the row of a donor, of another class or of the same; -1 for none."""
        rng, label = self._rng(row, int(other)), self.labels[row]
        if label < 0:
            strange = [
                i
                for i, each in enumerate(self.donors.examples)
                if each.path != self.frames.examples[row].path
            ]
            return int(rng.choice(strange)) if strange else -1
        known = np.unique(self.donor_labels[self.donor_labels >= 0])
        classes = known[known != label] if other else known[known == label]
        if not len(classes):
            return -1
        candidates = np.flatnonzero(self.donor_labels == rng.choice(classes)).tolist()
        rows = [i for i in candidates if self.donors.examples[i].path != self.frames.examples[row].path]
        return int(rng.choice(rows)) if rows else -1

    def objects_and_backgrounds(self) -> Iterator[Change]:
        """Yield the interventions that need boxes."""
        apply, objects = self._apply, self.frames.objects
        elsewhere = self._shifted(objects, 1)
        yield Change(
            "object removed", apply(image_edits.fill, objects), (apply(image_edits.fill, elsewhere),), True
        )
        pair = apply(image_edits.paint, objects), apply(image_edits.paint, elsewhere)
        yield Change("background only", pair[0], (pair[1],), True)
        pair = (
            apply(image_edits.paint, _invert(objects)),
            apply(image_edits.paint, _invert(elsewhere)),
        )
        yield Change("object only", pair[0], (pair[1],), True)
        yield Change("background swapped", self._swap(True), (self._swap(False),), False)

    def turn_hue(self) -> Change:
        """Return the change of hue: of objects where boxes are known, else of the whole image."""
        frames, boxes = self.frames, any(len(each.labels) for each in self.frames.examples)
        mask: Masker = frames.objects if boxes else lambda row: np.ones(frames.image(row).shape[:2], bool)
        control = (self._apply(image_edits.recolor, self._shifted(mask, 2)),) if boxes else ()
        return Change("recolored", self._apply(image_edits.recolor, mask), control, True)

    def move_one(self) -> Change:
        """Return the change of the place of one object."""
        return Change("object moved", self._move, (self._patch,), True)

    def regions(self) -> Iterator[Change]:
        """Yield every place masked and, where classes are known, replaced by that of an image of another class."""
        images = [self.donors.image(row) for row in range(len(self.donors))]
        names = self.frames.inputs.examples.class_names
        patches = border_patches()
        yield from self._region_changes(patches)
        for region in constant_regions(images, self.donor_labels, names):
            yield from self._region_changes([region])

    def _region_changes(self, regions: Sequence[Region]) -> Iterator[Change]:
        first = [self._fit(regions[0])] * CONTROLS
        elsewhere = [self._shifted(mask, 10 + number) for number, mask in enumerate(first)]
        masked = tuple(self._apply(image_edits.fill, mask, True) for mask in elsewhere)
        taken = tuple(self._take(mask) for mask in elsewhere)
        for region in regions:
            own = self._fit(region)
            edit = self._apply(image_edits.fill, own, True)
            yield Change(f"{region.name}, {MASKED}", edit, masked, False, self.labels)
            if (self.labels >= 0).any():
                labels = np.where(self.partners < 0, -1, self.donor_labels[self.partners])
                yield Change(f"{region.name}, {TAKEN}", self._take(own), taken, False, labels, -1)

    def _fit(self, region: Region) -> Masker:
        return lambda row: image_edits.resize_mask(region.mask, self.frames.image(row).shape[:2])

    def _shifted(self, mask: Masker, number: int) -> Masker:
        return lambda row: image_edits.shift(mask(row), self._rng(row, 100 + number))

    def _apply(self, editor: Editor, mask: Masker, spared: bool = False) -> Edit:
        """Return an edit within a mask; `spared`: only objects that it leaves alone are scored."""

        def edit(row: int) -> Edited | None:
            where = mask(row)
            if not where.any():
                return None
            kept = self.frames.find_untouched(row, where) if spared else None
            return Edited(editor(self.frames.image(row), where), kept)

        return edit

    def _take(self, mask: Masker) -> Edit:
        """Return an edit that takes a place from an image of another class; that class is scored."""

        def edit(row: int) -> Edited | None:
            donor = self.partners[row]
            if donor < 0 or self.labels[row] < 0:
                return None
            claimed = replace(self.frames.examples[row], target=self.donors.examples[donor].target)
            image = image_edits.paste(self.frames.image(row), self.donors.image(donor), mask(row))
            return Edited(image, None, claimed, claimed)

        return edit

    def _swap(self, other: bool) -> Edit:
        """Return an edit that puts an image's objects before another background.

        The control keeps its nature: a background of the same class (Xiao et al. 2020, "Noise or Signal",
        arXiv 2006.09994: mixed-same), or where images have no class the image's own, mirrored.
        """

        def edit(row: int) -> Edited | None:
            own, objects = self.frames.image(row), self.frames.objects(row)
            if not objects.any():
                return None
            if not other and self.labels[row] < 0:
                return Edited(image_edits.paste(image_edits.fill(own, objects)[:, ::-1], own, objects))
            donor = self.partners[row] if other else self._choose(row, other=False)
            if donor < 0:
                return None
            background = image_edits.fill(self.donors.image(donor), self.donors.objects(donor))
            blank = np.zeros_like(own)
            background = image_edits.paste(blank, background, np.ones(blank.shape[:2], bool))
            return Edited(image_edits.paste(background, own, objects))

        return edit

    def _place(self, row: int, salt: int) -> tuple[int, np.ndarray, np.ndarray] | None:
        """Return an object that overlaps no other, its box, and a free box of its size; None for none."""
        boxes, (height, width) = np.rint(self.frames.boxes(row)), self.frames.image(row).shape[:2]
        area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) / (height * width)
        rng = self._rng(row, salt)
        for number in rng.permutation(np.flatnonzero((area >= MOVABLE[0]) & (area <= MOVABLE[1]))):
            box = boxes[number]
            if _overlaps(box, np.delete(boxes, number, axis=0)):
                continue
            side = box[2:] - box[:2]
            for corner in np.floor(rng.uniform(0, np.array([width, height]) - side + 1, (TRIES, 2))):
                free = np.concatenate([corner, corner + side])
                if not _overlaps(free, boxes):
                    return int(number), box, free
        return None

    def _move(self, row: int) -> Edited | None:
        found = self._place(row, 3)
        if found is None:
            return None
        number, box, free = found
        image, example = self.frames.image(row), self.frames.examples[row]
        (x1, y1, x2, y2), (left, top, right, bottom) = box.astype(int), free.astype(int)
        moved = image_edits.fill(image, image_edits.box_mask(box[None], image.shape[:2])).copy()
        moved[top:bottom, left:right] = image[y1:y2, x1:x2]
        boxes = example.boxes_xyxy.copy()
        boxes[number] = self.frames.restore_boxes(row, free[None])[0]
        kept = np.arange(len(boxes)) == number
        return Edited(moved, kept, example, replace(example, boxes_xyxy=boxes))

    def _patch(self, row: int) -> Edited | None:
        found = self._place(row, 3)
        if found is None:
            return None
        number, _, free = found
        image = self.frames.image(row)
        kept = np.arange(len(self.frames.examples[row].labels)) == number
        mask = partial(image_edits.box_mask, size_hw=image.shape[:2])
        return Edited(image_edits.fill(image, mask(free[None])), kept)


def _invert(mask: Masker) -> Masker:
    """Return the other pixels of images that have any in the mask; none of others."""

    def inverted(row: int) -> np.ndarray:
        own = mask(row)
        return ~own if own.any() else own

    return inverted


def _overlaps(box: np.ndarray, others: np.ndarray) -> bool:
    return bool(((box[:2] < others[:, 2:]) & (box[2:] > others[:, :2])).all(axis=1).any())
