"""The service's estimates, compared with the truth."""

import math

import numpy as np
import pytest

from biasfree import frames
from biasfree.artifact import SHIPPED
from biasfree.options import DenoiseOptions
from tests.unit.training.evaluate.test_evaluate import write_model
from tests.unit.training.fit.runs import write_photographs
from training.data.images import read_folder
from training.evaluate.estimates import measure_estimates, table
from training.evaluate.metrics import add_noise
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.scores import denoise_planes

MODEL = SHIPPED / "gray.onnx"


def test_estimates_are_those_that_the_service_reports(tmp_path):
    """Level and PSNR of each image come from ``biasfree.frames``; the table has their means and deviations."""
    images = write_photographs(tmp_path, 2, side=96)
    levels, errors = [], []
    for index, image in enumerate(read_folder(images, channels=1)):
        noisy = add_noise(image.unit, sigma_255=25, index=index)
        passes = frames.denoise_frame(noisy, DenoiseOptions(estimate=True))
        result = frames.run(passes, lambda request: denoise_planes(OnnxDenoiser(MODEL), request.noisy))
        noise = result.measured.noise_of(white=1.0)
        levels.append(noise.level)
        errors.append(noise.psnr_db + 10 * math.log10(np.mean((result.frame - image.unit) ** 2)))
    (row,) = measure_estimates(MODEL, images, [25])
    assert row.noise == "25"
    assert row.estimated_255 == pytest.approx((np.mean(levels), np.std(levels)))
    assert row.psnr_error_db == pytest.approx((np.mean(errors), np.std(errors)), abs=1e-4)
    assert row.estimated_255[0] == pytest.approx(25, rel=0.1)
    cells = [next(iter(column.cells)) for column in table([row]).columns]
    assert cells[:2] == ["25", f"{np.mean(levels):.2f} +- {np.std(levels):.2f}"]


def test_withheld_psnr_is_not_part_of_the_mean(tmp_path):
    """A network that removes nothing finds no noise, so the service states no PSNR."""
    images = write_photographs(tmp_path / "images", 1, side=64)
    (row,) = measure_estimates(write_model(tmp_path / "same.onnx"), images, [25])
    assert row.estimated_255[0] == 0
    assert all(math.isnan(value) for value in row.psnr_error_db)


def test_cases_of_uneven_noise_are_compared_too(tmp_path):
    """By name, after the levels; a wrong name is answered with all names."""
    images = write_photographs(tmp_path, 1, side=96)
    white, uneven = measure_estimates(SHIPPED / "color.onnx", images, [25], ["two levels"])
    assert (white.noise, uneven.noise) == ("25", "two levels")
    assert abs(uneven.psnr_error_db[0]) < 3
    with pytest.raises(ValueError, match="no case 'two': choose from white, sigma 5, "):
        measure_estimates(MODEL, images, [], ["two"])
