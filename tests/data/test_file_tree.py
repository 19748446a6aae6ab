"""A folder and an archive of it are the same tree."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest

from t2t_multimodel.data.file_tree import FileTree, open_tree

FILES = {
    "train/cat/1.jpg": b"one",
    "train/cat/2.jpg": b"two",
    "train/dog/deep/3.jpg": b"three",
    "names.txt": b"cat dog",
}
HIDDEN = {"train/.git/config": b"x", "__MACOSX/train/cat/._1.jpg": b"x"}


def _folder(root: Path) -> Path:
    for name, data in {**FILES, **HIDDEN}.items():
        (root / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "tree" / name).write_bytes(data)
    return root / "tree"


def _zip(root: Path) -> Path:
    with zipfile.ZipFile(root / "tree.zip", "w") as archive:
        for name, data in {**FILES, **HIDDEN}.items():
            archive.writestr(name, data)
    return root / "tree.zip"


def _tgz(root: Path) -> Path:
    with tarfile.open(root / "tree.tgz", "w:gz") as archive:
        for name, data in FILES.items():
            info = tarfile.TarInfo(f"./whole/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        archive.addfile(tarfile.TarInfo("../up.jpg"))
    return root / "tree.tgz"


@pytest.fixture(params=[_folder, _zip, _tgz])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> FileTree:
    return open_tree(request.param(tmp_path))


def test_files_are_walked_with_their_paths_below_a_folder(tree: FileTree) -> None:
    found = {path: file.read() for path, file in tree.walk("train")}
    expected = {n[6:]: data for n, data in FILES.items() if n.startswith("train/")}
    assert found == expected
    everything = pickle.loads(pickle.dumps(dict(tree.walk())))
    good = {p: f.read() for p, f in everything.items() if not p.startswith("..")}
    assert good == FILES


def test_folders_are_those_of_one_level(tree: FileTree) -> None:
    assert tree.folders("train") == ("cat", "dog")
    assert tree.folders("train/dog") == ("deep",)
    assert tree.folders("train/cat") == tree.folders("nothing") == ()
    assert tree.folders("names.txt") == ()


def test_files_are_found_by_path_and_tell_where_they_are(tree: FileTree) -> None:
    file = tree.find("train/cat/2.jpg")
    assert file is not None and file.read() == b"two"
    assert str(file).endswith("train/cat/2.jpg") and "tree" in str(file)
    for path in ("train/cat", "nothing", "train/cat/../cat/1.jpg", "/etc/passwd"):
        assert tree.find(path) is None
    with pytest.raises(ValueError, match=r"names\.txt has (more than 3|7) bytes"):
        names = tree.find("names.txt")
        assert names is not None
        names.read(limit=3)


def test_what_leads_out_of_an_archive_is_not_read(tmp_path: Path) -> None:
    found = dict(open_tree(_tgz(tmp_path)).walk())
    with pytest.raises(ValueError, match=r"\.\./up\.jpg: a path with '\.\.'"):
        found["../up.jpg"].read()


def test_a_link_that_leads_nowhere_is_listed_and_a_pipe_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "link.jpg").symlink_to(tmp_path / "nothing")
    os.mkfifo(folder / "pipe.jpg")
    ((name, file),) = open_tree(folder).walk()
    assert name == "link.jpg"
    with pytest.raises(FileNotFoundError, match=r"link\.jpg"):
        file.read()


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_tree(tmp_path / "nothing.zip")
