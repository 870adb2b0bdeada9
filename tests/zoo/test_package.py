from pathlib import Path

import pytest

import zoo


def test_every_public_name_is_there():
    for name in zoo.__all__:
        assert getattr(zoo, name) is not None
    assert set(dir(zoo)) >= set(zoo.__all__)


def test_no_public_name_is_hidden_by_a_module_of_that_name():
    modules = {path.stem for path in Path(zoo.__file__).parent.glob("*.py")}
    assert not modules & set(zoo.__all__)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'vgg16'"):
        zoo.vgg16  # noqa: B018
