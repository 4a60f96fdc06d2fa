"""The settings that results were made with."""

import os
from pathlib import Path

from biasfree_client.cli.settings import FILE, Settings


def test_results_of_other_settings_do_not_fit(tmp_path):
    """The last settings of a result count, in this run and in the next."""
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    soft, default = Settings({"strength": 0.5}), Settings({})
    soft.remember(a)
    for again in (soft, Settings({"strength": 0.5})):
        assert again.fit(a)
        assert not again.fit(b)
    assert not Settings({}).fit(a)
    assert Settings({}).fit(b)
    default.remember(a)
    assert Settings({}).fit(a)
    assert not Settings({"strength": 0.5}).fit(a)


def test_the_defaults_leave_no_file(tmp_path):
    """A folder of ordinary results has nothing but results."""
    Settings({}).remember(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_record_says_nothing(tmp_path):
    """Its whole lines count."""
    (tmp_path / FILE).write_bytes(b'{"result": "a.png", "settings": {"strength": 0.5}}\n\xff\n[1]\n{"result"')
    assert Settings({"strength": 0.5}).fit(tmp_path / "a.png")
    assert Settings({}).fit(tmp_path / "b.png")


def test_a_device_has_no_record(tmp_path):
    """Nothing is written beside ``/dev/null``."""
    Settings({"strength": 0.5}).remember(Path(os.devnull))
    assert not (Path(os.devnull).parent / FILE).exists()
