"""The order of images: every epoch its own, hosts share each batch."""

import pytest

from augment import sequential_order, sharded, shuffled


def test_hosts_share_every_batch_of_an_epoch_and_leave_none_out():
    rows = shuffled(10, 4, seed=1, first_epoch=0, epochs=2, views=None)
    whole = list(rows())
    parts = [list(sharded(rows, 4, host, 2)()) for host in (0, 1)]
    for batch in range(4):
        shares = [set(part[batch * 2 : batch * 2 + 2]) for part in parts]
        assert shares[0] | shares[1] == set(whole[batch * 4 : batch * 4 + 4]) and not shares[0] & shares[1]


@pytest.mark.parametrize(("batch", "index", "count"), [(4, 2, 2), (4, -1, 2), (5, 0, 2)])
def test_hosts_that_do_not_fit_are_refused(batch, index, count):
    with pytest.raises(ValueError, match="hosts are numbered from 0, and the batch size must be a multiple"):
        sharded(sequential_order(4), batch, index, count)


def test_in_order_goes_view_by_view():
    """So that row `view * count + image` is where features of a view lie."""
    assert list(sequential_order(2, views=3)()) == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]


def rows_of(count=7, batch_size=3, seed=0, first=0, epochs=4, views=None):
    """Rows of some epochs, an epoch each."""
    rows = list(shuffled(count, batch_size, seed, first, epochs, views)())
    size = count // batch_size * batch_size
    assert len(rows) == size * (epochs - first)
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def test_an_epoch_has_whole_batches_of_different_images():
    """Seven images, batches of three: six a time, and not always the same six."""
    epochs = rows_of()
    assert all(len({row for row, _ in epoch}) == 6 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert len({frozenset(row for row, _ in epoch) for epoch in epochs}) > 1


@pytest.mark.parametrize(("views", "expected"), [(None, [0, 1, 2, 3]), (3, [0, 1, 2, 0]), (1, [0, 0, 0, 0])])
def test_epochs_go_round_the_views(views, expected):
    """A new one each time, or one of those that were cached."""
    epochs = rows_of(views=views)
    assert [{view for _, view in epoch} for epoch in epochs] == [{view} for view in expected]


def test_an_epoch_depends_on_its_number_and_the_seed_alone():
    """Going on at epoch 2 shows what an uninterrupted run would have shown; another seed does not."""
    assert rows_of(first=2) == rows_of()[2:]
    assert rows_of(seed=1) != rows_of()
