"""Pixels in flight."""

import pytest

from service.access.in_flight import PixelQuota
from service.errors import ImageTooLarge, PixelsInFlight


def quota(expected_s: float = 7.5) -> PixelQuota:
    """A hundred pixels of each holder."""
    return PixelQuota(100, expected_s=lambda: expected_s)


def test_pixels_are_given_back_at_the_end_however_it_ends():
    """Those of all the images of a request."""
    pixels = quota()

    def fail() -> None:
        with pixels.claim("ann") as claim:
            claim.take(60)
            claim.take(40)
            assert pixels.in_flight("ann") == 100
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert pixels.in_flight("ann") == 0


def test_too_many_beside_others_are_refused_with_the_time_to_wait():
    """Of the same holder only; what was refused is not counted."""
    pixels = quota()
    with pixels.claim("ann") as first, pixels.claim("ann") as second, pixels.claim("bob") as other:
        first.take(60)
        with pytest.raises(PixelsInFlight) as caught:
            second.take(41)
        assert caught.value.facts == {"limit": 100, "actual": 101, "retry_after_s": 7.5}
        second.take(40)
        other.take(100)


def test_what_can_never_fit_is_not_told_to_come_again():
    """413, not 429."""
    with quota().claim("ann") as claim, pytest.raises(ImageTooLarge):
        claim.take(101)


def test_at_least_a_second_is_waited():
    """Also where the queue expects to be done at once."""
    pixels = quota(0.0)
    with pixels.claim("ann") as first, pixels.claim("ann") as second:
        first.take(100)
        with pytest.raises(PixelsInFlight) as caught:
            second.take(1)
    assert caught.value.facts["retry_after_s"] == 1


def test_an_image_that_is_read_after_its_client_left_holds_nothing():
    """Its request is over; nobody would give it back."""
    pixels = quota()
    with pixels.claim("ann") as claim:
        pass
    claim.take(50)
    assert pixels.in_flight("ann") == 0
