"""The files that results are written to."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from biasfree_client.cli.denoise import BESIDE, INSTEAD
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.names import SAME, Name
from biasfree_client.cli.sources import Source
from biasfree_client.cli.targets import Existing, Job, Placement, Targets


def target(output, *, place="sub/a.png", single=False, suffix=None, name=None) -> str:
    """Return the result of one image of the folder ``photos``."""
    placement = Placement.of(
        output, single=single, suffix=suffix, name=name or (BESIDE if output is None else Name(SAME))
    )
    (job,) = Targets(placement).jobs([Source(Path("photos") / place, Path(place))])
    return job.target.as_posix()


def test_a_folder_of_results_has_the_shape_of_the_images():
    """The results have the requested suffix."""
    assert target("out") == "out/sub/a.png"
    assert target("out", suffix=".tiff") == "out/sub/a.tiff"


def test_one_image_may_become_a_named_file(tmp_path):
    """An existing folder, or a name with a trailing slash, is a folder instead."""
    assert target("clean.png", single=True) == "clean.png"
    assert target("clean/", single=True) == "clean/sub/a.png"
    assert target(str(tmp_path), single=True) == f"{tmp_path.as_posix()}/sub/a.png"


def test_without_an_output_results_lie_beside_their_images():
    """Their names have the mark."""
    assert target(None) == "photos/sub/a-denoised.png"
    assert target(None, suffix=".npy") == "photos/sub/a-denoised.npy"


def test_several_images_do_not_become_one_file(tmp_path):
    """A file in place of the folder is refused."""
    (tmp_path / "there.png").touch()
    with pytest.raises(UsageError, match="need a folder"):
        target(str(tmp_path / "there.png"))


@pytest.mark.parametrize("output", ["one.png", "one.DICOM", "out.zip", "out.tar.gz", "v1.2/out.jp2"])
def test_several_images_do_not_become_a_folder_with_the_name_of_a_file(output, tmp_path, monkeypatch):
    """A trailing slash makes it the name of a folder; so does a folder that exists."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"{output} is the name of a file, and several images need a folder"):
        target(output)
    assert target(f"{output}/") == f"{output}/sub/a.png"
    (tmp_path / output).mkdir(parents=True)
    assert target(output) == f"{output}/sub/a.png"


@pytest.mark.parametrize("output", ["2024.05.31", "v1.2", ".hidden", "photos.denoised", "a.b/out", "o."])
def test_a_folder_may_have_dots_in_its_name(output):
    """A number or a longer word after the dot is no suffix of a file."""
    assert target(output) == f"{output}/sub/a.png"


def results(*paths, existing=Existing.RENEW, **placement) -> list[str]:
    """Return the results of some images in the folder ``out``."""
    sources = [Source(Path(path), Path(Path(path).name)) for path in paths]
    jobs = Targets(Placement(folder=Path("out"), existing=existing, **placement)).jobs(sources)
    return [job.target.name for job in jobs]


def test_two_images_of_the_same_name_are_wrong_usage():
    """The second result would replace the first, or be skipped."""
    for existing in Existing:
        with pytest.raises(UsageError, match=r"x/a\.png and y/a\.png would both become out/a\.png"):
            results("x/a.png", "y/a.png", existing=existing)


def test_images_that_differ_in_the_suffix_alone_keep_it_in_their_names():
    """Others do not; the order does not matter, so that the next run finds the results."""
    expected = ["a.heic.png", "a.png.png", "b.png"]
    assert results("x/a.heic", "x/a.png", "x/b.heic", instead=INSTEAD) == expected
    assert results("x/b.heic", "x/a.png", "x/a.heic", instead=INSTEAD) == expected[::-1]
    assert results("x/a.CR2", "x/a.JPG", suffix=".tiff") == ["a.CR2.tiff", "a.JPG.tiff"]
    assert results("x/a.CR2", "x/a.JPG", suffix=".png", name=BESIDE) == ["a.CR2-denoised.png", "a.JPG-denoised.png"]


def test_a_longer_name_may_be_that_of_another_image_too():
    """That one then keeps its suffix as well."""
    names = ["x/a.heic", "x/a.png", "x/a.heic.png"]
    assert results(*names, instead=INSTEAD) == ["a.heic.png", "a.png.png", "a.heic.png.png"]


def test_an_image_keeps_its_file_while_others_arrive():
    """A second image of that name gets a longer one, also if the first is gone by then."""
    heic, png = (Source(Path("x") / name, Path(name)) for name in ("a.heic", "a.png"))
    targets = Targets(Placement(folder=Path("out"), instead=INSTEAD))
    for present in ([heic], [heic, png], [png]):
        targets.assign(present)
    assert [targets.job(each).target.name for each in (heic, png)] == ["a.png", "a.png.png"]


def test_an_image_replaces_itself_only_with_overwrite():
    """Without ``overwrite`` the image would count as its own result."""
    source = Source(Path("photos/a.png"), Path("a.png"))
    with pytest.raises(UsageError, match="would replace itself"):
        Targets(Placement(folder=Path("photos"))).jobs([source])
    (job,) = Targets(Placement(folder=Path("photos"), existing=Existing.REPLACE)).jobs([source])
    assert job.target == job.source


@pytest.fixture
def job(tmp_path) -> Job:
    """Make an image of second 100 and its result of second 200."""
    job = Job(tmp_path / "a.png", tmp_path / "b.png")
    for path, second in ((job.source, 100), (job.target, 200)):
        path.touch()
        os.utime(path, (second, second))
    return job


def test_a_result_that_is_older_than_its_image_is_outdated(job):
    """As for ``make``; a result of the same date is not, nor one of an image that is gone."""
    assert (job.done, job.outdated) == (True, False)
    os.utime(job.source, (200, 200))
    assert (job.done, job.outdated) == (True, False)
    os.utime(job.source, (201, 201))
    assert (job.done, job.outdated) == (False, True)
    kept, replaced = replace(job, existing=Existing.KEEP), replace(job, existing=Existing.REPLACE)
    assert (kept.done, kept.outdated) == (True, False)
    assert (replaced.done, replaced.outdated) == (False, False)
    job.source.unlink()
    assert job.done


def test_an_image_that_is_known_to_have_changed_may_have_any_date(job):
    """A copy often keeps the date of its original."""
    changed = replace(job, changed=True)
    assert (changed.done, changed.outdated) == (False, True)
    assert replace(changed, existing=Existing.KEEP).done


def test_a_link_is_never_outdated(job):
    """Nothing replaces it."""
    result = job.target.rename(job.target.with_name("elsewhere.png"))
    job.target.symlink_to(result)
    os.utime(job.source, (300, 300))
    assert job.done


def test_a_result_is_not_older_than_an_image_of_the_future(job):
    """The clock of a camera is ahead; the next run would make the result again."""
    os.utime(job.source, (2**32, 2**32))
    assert not job.done
    job.date(job.image_ns)
    assert job.done


def test_the_result_of_an_image_that_changed_meanwhile_is_outdated(job):
    """The image was read before the change, and its result written after it."""
    read_ns = job.image_ns
    job.date(read_ns)
    assert job.target.stat().st_mtime == 200
    os.utime(job.source, (150, 150))
    assert job.done
    job.date(read_ns)
    assert not job.done


def test_a_file_beside_an_image_is_not_taken_for_its_result():
    """A camera writes a.jpg beside a.CR2; with a mark, or in a folder of its own, the file is a result."""
    source = Source(Path("photos/a.CR2"), Path("a.CR2"))

    def existing(folder, **more):
        (job,) = Targets(Placement(folder=folder, suffix=".jpg", **more)).jobs([source])
        return job.existing

    assert existing(Path("photos")) is Existing.DOUBT
    assert existing(Path("out")) is existing(Path("photos"), name=BESIDE) is Existing.RENEW
    assert existing(Path("photos"), existing=Existing.REPLACE) is Existing.REPLACE


@pytest.mark.parametrize(
    ("output", "suffix", "name"),
    [("b.png", ".tiff", SAME), ("b.heic", ".png", SAME), ("out/", ".tiff", "{stem}.png"), (None, ".npy", "{stem}.png")],
)
def test_a_name_of_another_format_is_refused(output, suffix, name):
    """Before anything is sent."""
    with pytest.raises(UsageError, match=r"the result is .*, which does not fit the suffix \.(png|heic)"):
        Placement.of(output, single=True, suffix=suffix, name=Name(name))


def test_a_suffix_of_the_same_format_or_of_none_fits():
    """Both spellings of a suffix are known."""
    for output in ("b.jpeg", "b.jpg", "b.JPE", "b", "b.part"):
        assert Placement.of(output, single=True, suffix=".jpg", name=Name(SAME)).file == Path(output)


@pytest.mark.parametrize(
    ("name", "result"), [("a.heic", "a.png"), ("a.DNG", "a.tiff"), ("a.dcm", "a.tiff"), ("a.ppm", "a.ppm")]
)
def test_images_of_formats_that_are_only_read_get_another(name, result):
    """Camera raw files and DICOM hold more than PNG does."""
    assert results(name, instead=INSTEAD) == [result]


def test_a_pipe_is_never_done(tmp_path):
    """It gets the result again in each run."""
    os.mkfifo(tmp_path / "pipe")
    assert not Job(Path("a.png"), tmp_path / "pipe").done
    assert not Job(Path("a.png"), tmp_path / ("n" * 300)).done


def test_an_older_result_gets_the_first_free_number(job):
    """Links are names too; what is to be replaced, is no file, or is not there, stays."""
    job.target.with_name("b~1.png").symlink_to("nowhere")
    assert replace(job, existing=Existing.REPLACE).keep_older() is None
    assert job.keep_older() == job.target.with_name("b~2.png")
    assert job.keep_older() is None
    job.target.mkdir()
    assert job.keep_older() is None
    assert job.target.is_dir()


def test_an_older_result_of_a_long_name_is_kept(tmp_path):
    """The number fits into the longest name."""
    job = Job(tmp_path / "a.png", tmp_path / ("n" * 251 + ".png"))
    kept = []
    for content in (b"1", b"2"):
        job.target.write_bytes(content)
        kept.append(job.keep_older())
    assert [path.read_bytes() for path in kept] == [b"1", b"2"]
