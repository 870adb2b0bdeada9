"""What is installed: every package, its types and data; one version; bounds where private methods are used."""

import configparser
import re
from pathlib import Path

import pytest

import cityzoo

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("zoo", "augment", "heads", "cityzoo")


@pytest.fixture(scope="module")
def setup():
    """setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def listed(text):
    """The items of a list with commas, or of one line each."""
    return [item for item in re.split(r"[,\n]\s*", text) if item]


def test_every_package_is_installed(setup):
    """Each folder with Python files is found by the patterns of setup.cfg, and no other."""
    setuptools = pytest.importorskip("setuptools")
    where = setup["options.packages.find"]
    found = setuptools.find_namespace_packages(
        str(ROOT), exclude=listed(where["exclude"]), include=listed(where["include"])
    )
    tree = {file.parent.relative_to(ROOT) for name in PACKAGES for file in (ROOT / name).rglob("*.py")}
    names = {".".join(folder.parts) for folder in tree}
    spaces = {
        name.rpartition(".")[0] for name in names
    }  # folders that hold nothing but folders, as cityzoo.data
    assert names <= set(found) <= names | spaces


def test_data_files_are_installed(setup):
    """Whatever is no Python file lies under a pattern of setup.cfg."""
    patterns = {
        "": ["py.typed"],
        **{k: listed(v) for k, v in setup["options.package_data"].items() if k != "*"},
    }
    covered = {
        file
        for name, globs in patterns.items()
        for glob in globs
        for file in (ROOT / name.replace(".", "/")).glob(glob)
    }
    others = {
        f
        for name in PACKAGES
        for f in (ROOT / name).rglob("*.*")
        if f.is_file() and f.suffix not in (".py", ".pyc", ".md")
    }
    typed = {ROOT / name / "py.typed" for name in PACKAGES}
    assert others - covered - typed == set()
    assert all(file.is_file() for file in typed)
    assert setup["options.package_data"]["*"] == "py.typed"


def test_the_version_stands_in_one_place(setup):
    """Packaging, Dockerfile and Kubernetes read or leave out the number."""
    assert setup["metadata"]["version"] == "attr: cityzoo.__version__"
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", cityzoo.__version__)
    number = cityzoo.__version__.partition(".dev")[0]
    deploy = [file for file in (ROOT / "deploy").iterdir() if file.is_file() and file.suffix != ".txt"]
    places = [ROOT / "pyproject.toml", ROOT / "setup.cfg", *deploy]
    assert [file.name for file in places if number in file.read_text()] == []


def test_keras_and_tensorflow_have_upper_bounds(setup):
    """Their private methods are used."""
    needed = setup["options"]["install_requires"]
    assert re.search(r"^keras>=[\d.]+,<[\d.]+", needed, re.MULTILINE)
    bound = re.search(r"^tensorflow(>=[\d.]+,<[\d.]+)", needed, re.MULTILINE)[1]
    assert f"tensorflow[and-cuda]{bound}" in setup["options.extras_require"]["cuda"]
