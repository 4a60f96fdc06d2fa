"""Actions of a person on the page, and the answers of the service without it."""

import base64
import io
import re
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.integration.images import photograph, with_noise

PNG = {"Content-Type": "image/png"}


def noisy_png(side: int = 160, *, sigma_255: float = 25, channels: int = 1) -> bytes:
    """A photograph with noise, as an 8-bit PNG."""
    noisy = with_noise(photograph(side, channels=channels), sigma_255)
    return png(np.rint(255 * np.clip(noisy, 0, 1)).astype(np.uint8))


def png(pixels: np.ndarray) -> bytes:
    """An 8-bit PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def posted(
    url: str, path: str, content: bytes, headers: dict[str, str] = PNG, **parameters: str | float | bool
) -> httpx.Response:
    """What the service answers to the same image, asked directly."""
    return httpx.post(f"{url}/{path}", params=parameters, content=content, headers=headers, timeout=120)


class Held:
    """Requests of a page to addresses of a pattern, held until they are let go."""

    def __init__(self, page: Page, pattern: re.Pattern[str]) -> None:
        self.page = page
        self.routes: list[Route] = []
        page.route(pattern, lambda route: self.routes.append(route))

    def let_go(self) -> None:
        """Let the next one pass."""
        while not self.routes:
            # Events are delivered while the page is asked something.
            self.page.evaluate("0")
        self.routes.pop().continue_()


def upload(page: Page, content: bytes, name: str = "photo.png", media_type: str = "image/png") -> None:
    """Choose a file; its answer is not waited for."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("Choose an image|Open another")).locator("visible=true").click()
    chooser.value.set_files({"name": name, "mimeType": media_type, "buffer": content})


def await_result(page: Page) -> None:
    """Until the result is shown and nothing more is under way."""
    expect(page.locator("#stage")).to_have_attribute("data-state", "done")
    expect(page.locator("#activity")).to_be_hidden()


def take_sample(page: Page, name: str = "Camera") -> None:
    """Choose one of the shipped photographs, and wait until its quality is measured."""
    page.get_by_role("button", name=name).click()
    await_result(page)
    expect(page.locator("#psnr-after")).to_contain_text("dB")


def view(page: Page, name: str) -> None:
    """Switch to a view."""
    page.get_by_role("radio", name=name).check()


def inspect(page: Page) -> None:
    """Switch to Inspect, and wait for the analysis."""
    view(page, "Inspect")
    expect(page.locator("#findings")).to_be_visible()
    expect(page.locator("#activity")).to_be_hidden()


def number(page: Page, selector: str) -> float:
    """The first number in an element's text."""
    found = re.search(r"[\d.]+", page.locator(selector).inner_text())
    assert found, page.locator(selector).inner_text()
    return float(found[0])


def saved(page: Page, button: str, folder: Path) -> Path:
    """The file that a button saves."""
    with page.expect_download() as download:
        page.locator(button).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def arrays(page: Page, folder: Path) -> dict[str, np.ndarray]:
    """Return what the page holds, by its own NPZ, whose button is shown in Inspect only."""
    with page.expect_download() as download:
        page.locator("#save-npz").dispatch_event("click")
    path = folder / "arrays.npz"
    download.value.save_as(path)
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


def canvas_pixel(page: Page, selector: str, x: int, y: int) -> list[int]:
    """Red, green and blue of one pixel of a canvas."""
    rgba = page.locator(selector).evaluate(
        "(canvas, [x, y]) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]", [x, y]
    )
    return rgba[:3]


def canvas_pixels(page: Page, selector: str) -> np.ndarray:
    """Red, green and blue of every pixel of a canvas, (H, W, 3)."""
    _, _, content = page.locator(selector).evaluate("canvas => canvas.toDataURL()").partition(",")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"), np.int64)
