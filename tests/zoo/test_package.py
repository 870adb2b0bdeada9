import pytest

import zoo


def test_every_public_name_is_there():
    for name in zoo.__all__:
        assert getattr(zoo, name) is not None
    assert set(dir(zoo)) >= set(zoo.__all__)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'vgg16'"):
        zoo.vgg16  # noqa: B018
