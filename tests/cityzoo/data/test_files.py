"""Files that others made: pipes, devices, links in circles, links and paths that leave the data folder."""

import os

import pytest

from cityzoo.data import files
from cityzoo.errors import InputError


@pytest.mark.parametrize("where", ["pipe", "/dev/zero", "/dev/null", "/proc/self/environ", "folder"])
def test_only_regular_files_are_opened(tmp_path, where):
    """A pipe without a writer would wait forever, /dev/zero has no end, and /proc holds secrets."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"not a regular file|is a folder"):
        files.read_bytes(tmp_path / where)


def test_link_to_a_pipe_is_refused(tmp_path):
    """A link is what it points to."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.txt").symlink_to("pipe")
    with pytest.raises(InputError, match="not a regular file"):
        files.open_file(tmp_path / "a.txt")


def test_missing_files_are_left_to_the_reader(tmp_path):
    """A label file may be missing."""
    with pytest.raises(FileNotFoundError):
        files.read_bytes(tmp_path / "a.txt")


def test_size_is_bounded_before_reading(tmp_path):
    """A sparse file of a terabyte takes no disk, but all memory."""
    with open(tmp_path / "a.json", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match=r"1099512 MB, allowed are 1074 MB"):
        files.read_bytes(tmp_path / "a.json")
    assert files.read_bytes(__file__, os.path.getsize(__file__)).startswith(b'"""')


def test_links_in_circles_are_followed_once(tmp_path):
    """Two links to `.` make 2^40 paths of 40 levels."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").touch()
    for name in ("x", "y"):
        (tmp_path / name).symlink_to(".")
        (tmp_path / "images" / name).symlink_to("..")
    assert list(files.files_under(tmp_path)) == [tmp_path / "images" / "a.jpg"]


def test_linked_folder_is_read(tmp_path):
    """Its files have the path of the link, and the folder itself comes first where it is there, too."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "images").symlink_to("../elsewhere")
    assert list(files.files_under(tmp_path / "data")) == [tmp_path / "data" / "images" / "a.jpg"]
    assert list(files.files_under(tmp_path)) == [tmp_path / "elsewhere" / "a.jpg"]


@pytest.fixture
def data(tmp_path):
    """Return a data folder with links to a file and a folder that lie next to it."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.txt").write_text("secret")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.txt").symlink_to("../secret/a.txt")
    (tmp_path / "data" / "folder").symlink_to("../secret")
    (tmp_path / "data" / "own.txt").write_text("own")
    return tmp_path / "data"


@pytest.mark.parametrize("path", ["file.txt", "folder/a.txt", "../secret/a.txt", "folder/../secret/a.txt"])
def test_what_lies_outside_is_refused(data, path):
    """By `..`, by a link to a file, by a link to a folder, and by both; the content is not in the message."""
    with files.confine(str(data)), pytest.raises(InputError, match="--allow-outside"):
        files.read_bytes(f"{data}/{path}")
    with files.allow_outside(True), files.confine(str(data)):
        assert files.read_bytes(f"{data}/{path}") == b"secret"


def test_links_that_leave_the_folder_are_put_down(data):
    """They are not followed, and the check of the data counts them."""
    with files.confine(str(data)) as folder:
        assert [path.name for path in files.files_under(data)] == ["file.txt", "own.txt"]
        assert list(folder.left_out) == [str(data / "folder")]
        assert files.read_bytes(data / "own.txt") == b"own"
        assert not files.is_allowed(data / "file.txt")
    with files.allow_outside(True), files.confine(str(data)) as folder:
        assert [path.name for path in files.files_under(data)] == ["file.txt", "own.txt", "a.txt"]


def test_data_folder_may_be_a_link_itself(data):
    """The user named it."""
    (data.parent / "link").symlink_to("data")
    with files.confine(str(data.parent / "link")):
        assert files.read_bytes(data.parent / "link" / "own.txt") == b"own"
        assert files.read_bytes(data / "own.txt") == b"own"
