"""A figure of every kind of report."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from biasfree.analysis.figure import figure
from biasfree.analysis.key_numbers import number
from tests.unit.biasfree.analysis.reports import black_report, dense_report, iterative_report

REPORTS = {
    "gray": lambda: dense_report(),
    "colour": lambda: dense_report(channels=3, width=6, height=6),
    "no clean patch": lambda: dense_report(with_clean=False),
    "one pixel": lambda: dense_report(width=1, height=1),
    "6 x 6": lambda: dense_report(width=6, height=6),
    "one row": lambda: dense_report(width=9, height=1, k=2),
    "iterative, d known": lambda: iterative_report(dense_report(), known=80),
    "iterative, d beyond": lambda: iterative_report(dense_report(), known=8),
    "nothing passes": lambda: black_report(),
}


def pixels(png: bytes) -> np.ndarray:
    """The RGB pixels of a PNG (H, W, 3)."""
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_drawn_within_its_margins(name):
    """Ink on every hundred rows, and none at the left, right and upper edges: nothing is cut off."""
    ink = np.any(pixels(figure(REPORTS[name](), title="A title")) < 250, axis=2)
    assert ink.shape[1] == 1600
    assert ink.shape[0] < 3000
    assert all(ink[row : row + 100].any() for row in range(0, len(ink) - 100, 100))
    assert not ink[:20].any()
    assert not ink[-5:].any()
    assert not ink[:, :16].any()
    assert not ink[:, -16:].any()


def test_a_figure_grows_downward_with_the_vectors():
    """Never to the side."""
    sizes = [pixels(figure(dense_report(k=k), title="A title")).shape for k in (2, 64)]
    assert [width for _, width, _ in sizes] == [1600] * 2
    assert sizes[0][0] < sizes[1][0] <= 3000


def test_the_same_report_gives_the_same_bytes():
    """Nothing of the clock or the machine is in the file."""
    report = dense_report(width=6, height=6)
    assert figure(report, title="A title") == figure(report, title="A title")


def test_a_title_is_text_and_not_mathtext():
    """A model may be called anything."""
    assert pixels(figure(black_report(), title=r"$\frac$ 1.0")).shape[1] == 1600


def test_drawing_never_touches_pyplot():
    """It holds figures for ever, and asks for a display."""
    code = "import sys, biasfree.analysis.figure; print('matplotlib.pyplot' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == "False"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 3, "0"),
        (0.99966, 3, "1.00"),
        (99.5, 2, "100"),
        (12345.6, 4, "12,346"),
        (0.00123, 2, "0.0012"),
        (3.14e-16, 2, r"$3.1{\times}10^{-16}$"),
        (-0.25, 2, "$-0.25$"),
    ],
)
def test_numbers_are_written_for_people(value, digits, text):
    """Significant digits, never an exponent where there is no need, and a true minus sign."""
    assert number(value, digits) == text
