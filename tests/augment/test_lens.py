"""Glare, dirt on the lens and a broken stream, found again in the pixels."""

import numpy as np
import tensorflow as tf

from augment.weather import BANDS, GRAY, dirt, dropped_frames, glare

COUNT = 24
SEEDS = tf.stack([tf.range(COUNT), tf.fill((COUNT,), 4)], axis=1)
FULL = tf.ones(COUNT)
HEIGHT, WIDTH = 96, 128


def flat(value):
    """The same grey everywhere."""
    return tf.fill((COUNT, HEIGHT, WIDTH, 3), float(value))


def test_glare_has_one_to_three_lights_that_fade_with_distance():
    seen = glare(flat(60), FULL, SEEDS).numpy()[..., 1]
    centres = [peaks(image) for image in seen]
    assert {len(found) for found in centres} >= {1, 2, 3} and max(map(len, centres)) == 3
    assert (seen.max((1, 2)) > 180).all()
    for image, found in zip(seen, centres, strict=True):
        if len(found) == 1:
            rows, columns = np.mgrid[:HEIGHT, :WIDTH]
            distance = np.hypot(rows - found[0][0], columns - found[0][1])
            rings = [image[(distance >= near) & (distance < near + 6)].mean() for near in range(0, 48, 6)]
            assert (np.diff(rings) < 0).all()


def peaks(image):
    """Bright pixels above all of their surroundings."""
    tops = tf.nn.max_pool2d(image[None, ..., None], 9, 1, "SAME")[0, ..., 0].numpy()
    return np.argwhere((image >= tops) & (image > 150))


def test_glare_veils_dark_parts_and_lowers_the_contrast():
    random = np.random.default_rng(0).uniform(0, 120, (COUNT, HEIGHT, WIDTH, 3)).astype("f")
    seen = glare(tf.constant(random), FULL, SEEDS).numpy()
    assert seen.min() >= 0 and seen.max() <= 255.01
    assert np.abs(np.diff(seen, axis=2)).mean() < 0.8 * np.abs(np.diff(random, axis=2)).mean()
    assert (glare(flat(0), FULL, SEEDS).numpy().min((1, 2, 3)) > 0).any()


def test_dirt_blurs_and_stains_parts_and_leaves_the_others():
    random = np.random.default_rng(0).uniform(60, 200, (COUNT, HEIGHT, WIDTH, 3)).astype("f")
    random[1:] = random[0]
    touched = np.abs(dirt(tf.constant(random), 0.5 * FULL, SEEDS).numpy() - random).mean(-1)
    strong = (touched > 15).mean((1, 2))
    assert 0.02 < strong.mean() < 0.4 and strong.std() > 0.005
    assert (touched < 8).mean() > 0.4
    # Different places in different images: what is soiled in one is mostly clean in another.
    both = (touched[0] > 15) & (touched[1] > 15)
    assert both.mean() < 0.5 * min(strong[0], strong[1])


def test_drops_hide_detail():
    checks = np.indices((HEIGHT, WIDTH)).sum(0) % 2 * 160.0 + 40
    image = tf.constant(np.broadcast_to(checks[..., None], (COUNT, HEIGHT, WIDTH, 3)).astype("f"))
    seen = dirt(image, FULL, SEEDS).numpy()
    detail = np.abs(np.diff(seen[..., 0], axis=2)) / 160
    assert (detail < 0.2).mean() > 0.05 and (detail > 0.8).mean() > 0.1
    assert detail.max() < 1.3


def labelled():
    """Every pixel knows its row and column, and none is grey: (row, column, 255)."""
    rows, columns = np.indices((HEIGHT, WIDTH))
    image = np.stack([rows, columns, np.full_like(rows, 255)], axis=-1).astype("f")
    return tf.constant(np.broadcast_to(image, (COUNT, HEIGHT, WIDTH, 3)).copy())


def first_changed(seen):
    """The row at which each image breaks, or its height."""
    changed = (seen != labelled().numpy()).any((2, 3))
    return np.where(changed.any(1), changed.argmax(1), HEIGHT)


def test_dropped_frames_leave_all_above_the_break():
    """Of the image nine tenths of the strength break at most, six tenths at least."""
    for strength in (0.25, 0.5, 1.0):
        breaks = first_changed(dropped_frames(labelled(), strength * FULL, SEEDS).numpy())
        assert breaks.min() >= np.floor(HEIGHT * (1 - 0.9 * strength))
        # A band of grey blocks can, by chance, begin with the moved or drawn out rows only a band later.
        assert (breaks <= np.ceil(HEIGHT * (1 - 0.6 * strength)) + HEIGHT // BANDS).all()
        assert len(set(breaks)) > 5


def test_dropped_frames_hold_nothing_but_rows_of_the_image_and_grey():
    seen = dropped_frames(labelled(), FULL, SEEDS).numpy()
    grey = (seen == GRAY).all(-1)
    assert 0.03 < grey.mean() < 0.4
    breaks = first_changed(seen)
    kinds = set()
    for image, holes, top in zip(seen, grey, breaks, strict=True):
        for row in range(top, HEIGHT):
            found = image[row][~holes[row]]
            if holes[row].any():
                kinds.add("lost")
                assert (found[:, 0] == row).all() and (found[:, 1] == np.flatnonzero(~holes[row])).all()
                continue
            source, step = found[0, 0], found[0, 1]
            assert source in (row, top - 1) and (found[:, 0] == source).all() and (found[:, 2] == 255).all()
            np.testing.assert_array_equal(found[:, 1], (np.arange(WIDTH) + step) % WIDTH)
            kinds |= {"drawn out"} if source != row else set()
            kinds |= {"moved"} if step else set()
    assert kinds == {"lost", "drawn out", "moved"}


def test_grey_blocks_are_square():
    grey = (dropped_frames(labelled(), FULL, SEEDS).numpy() == GRAY).all(-1)
    block = HEIGHT // BANDS
    breaks = first_changed(dropped_frames(labelled(), FULL, SEEDS).numpy())
    for holes, top in zip(grey, breaks, strict=True):
        whole = holes[block * -(-top // block) :]  # the bands below the break
        blocks = whole.reshape(-1, block, WIDTH // block, block)
        assert set(blocks.mean((1, 3)).ravel()) <= {0.0, 1.0}
