"""``attribution``: the authors and licenses of the photographs of the list, as a Markdown page."""

import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import quote

from training.data.photos import Photo, list_sha256, read_photos

FREE = "no conditions"
CREDIT = "credit the author"
SHARE_ALIKE = "credit the author, share alike"
COPYLEFT = "copyleft license for software"
SITE = "license of a photo site"

#: License, as the summary names it -> its condition. If several licenses are offered, the least demanding one counts.
TERMS = {
    "CC0 1.0": FREE,
    "CC0 (Pexels)": FREE,
    'CC0 (Unsplash before 2017-06-08; README: "in the public domain")': FREE,
    "Public domain": FREE,
    "Attribution": CREDIT,
    "BSD-2-Clause": CREDIT,
    "CC BY 2.0": CREDIT,
    "CC BY 2.5": CREDIT,
    "CC BY 3.0": CREDIT,
    "CC BY 4.0": CREDIT,
    "GFDL or CC BY 3.0": CREDIT,
    "CC BY-SA, version not stated": SHARE_ALIKE,
    "CC BY-SA 2.0": SHARE_ALIKE,
    "CC BY-SA 2.5": SHARE_ALIKE,
    "CC BY-SA 3.0": SHARE_ALIKE,
    "CC BY-SA 3.0 or GFDL": SHARE_ALIKE,
    "CC BY-SA 4.0": SHARE_ALIKE,
    "Free Art 1.3": SHARE_ALIKE,
    "GFDL 1.2": SHARE_ALIKE,
    "GFDL, CC-BY-SA-3.0 or CC BY-SA 2.5": SHARE_ALIKE,
    "GPL-2.0-or-later": COPYLEFT,
    "LGPLv3": COPYLEFT,
    "Pexels License": SITE,
    "Pixabay License": SITE,
    "Unsplash License": SITE,
}

#: Spellings in the list that the pattern for Creative Commons licenses does not match -> name in the summary.
_SPELLINGS = {
    "CC-BY-SA": "CC BY-SA, version not stated",
    "Creative Commons Attribution-ShareAlike (see file page for exact version)": "CC BY-SA, version not stated",
    "CC BY-SA 2.5 (see file page for details)": "CC BY-SA 2.5",
    "CC0": "CC0 1.0",
    "CC0-1.0": "CC0 1.0",
    "CC0 (Public Domain Dedication)": "CC0 1.0",
    "DreamyPixel photos are licensed under a Creative Commons Attribution 4.0 International License": "CC BY 4.0",
    "Licensed under Attribution 2.0 Generic <https://creativecommons.org/licenses/by/2.0/>": "CC BY 2.0",
    "No known restrictions on publication (Public Domain)": "Public domain",
    'Pexels License (README: "CC0 license")': "Pexels License",
    "Pixabay photos are free to use, modify, and redistribute subject to the Pixabay license "
    "<https://pixabay.com/service/license/>": "Pixabay License",
}

#: Characters of a URL that are not quoted. A bracket is, because it would end the link.
_URL = "/:?=&%#@,;+~!$'"

_PAGE = """\
# Training photographs

Use this page to credit the {count} photographs that the default models learn from, and to judge their licenses.
`python -m training attribution --output docs/attribution.md` writes it from `training/data/photos.tsv`, which also has
the path and SHA-256 of each original and the file that states its license. SHA-256 of the list:
`{sha256}`.

No photograph is part of this project. `python -m training get-data photos` downloads the originals and scales them
down ([training.md](training.md#photographs)); the models learn from these changed copies, and from nothing else. Only
`gray-dncnn`, the paper's network, learned from other photographs, whose terms apply to it
([README](../README.md#cite)).

## Licenses

All of these licenses allow commercial use. Spelling variants are counted together here; the table of photographs below
has the spelling of each source.

{licenses}

| terms | photographs |
|---|---|
{terms}

## Before you rely on them

- **Not legal advice**: no lawyer has reviewed these licenses for this project. Whether trained weights are an
  adaptation of the photographs is unsettled law and depends on the country.
- **Share-alike**: {share_alike} photographs. Their adaptations must be shared under the same license. If you hold
  that weights are adaptations, leave these photographs out and train again.
- **GPL and LGPL**: {copyleft} photographs, desktop backgrounds that are licensed together with the software around
  them. What the source code of a photograph is, and what these licenses ask for a copy of it, is unclear.
- **Unsplash, Pexels and Pixabay**: {site} photographs. Their licenses allow commercial use without credit, but no sale
  of unaltered copies and no competing collection. The terms of service of these sites change and may restrict machine
  learning; they were not checked. {readme_cc0} of the photographs counted as Pexels License are called CC0 by their
  source, and at least {old_cc0} without conditions come from one of these sites.
- **Second-hand statements**: the licenses are what a repository or package says. {tier_b} photographs have the weaker
  grade of evidence (tier B in the list), mostly one license file for a whole repository.
- **Authors** are named as the source names them, for {collective} photographs only as the contributors of a project.
  {anonymous} photographs have no author, all under licenses that ask for no credit. In `elementary/wallpapers`, some
  names are titles.
- **Addresses**: {doubled} addresses of the list have "File:" twice; the links below have it once. {unpinned} originals
  have no commit on record and are looked for in the newest one. {packaged} originals are in Debian packages.
- **Rights of others**: a photographer's license does not cover the people, trademarks and buildings that are shown.

## Photographs

| file | author | license | source |
|---|---|---|---|
{photographs}
"""


def attribution() -> str:
    """Return the page: a summary of the licenses, caveats, and a table of all photographs.

    Raises:
        ValueError: The list has a license that is missing from ``TERMS``.
    """
    photos = read_photos()
    terms = Counter(terms_of(photo.licence) for photo in photos)
    return _PAGE.format(
        count=len(photos),
        sha256=list_sha256(),
        licenses=_license_table(photos),
        terms="\n".join(f"| {term} | {count} |" for term, count in terms.most_common()),
        share_alike=terms[SHARE_ALIKE],
        copyleft=terms[COPYLEFT],
        site=terms[SITE],
        readme_cc0=_count(photos, lambda photo: photo.licence.startswith("Pexels License (")),
        old_cc0=_count(photos, _is_free_from_a_site),
        tier_b=_count(photos, lambda photo: photo.tier == "B"),
        collective=_count(photos, lambda photo: "contributors" in photo.author),
        anonymous=_count(photos, lambda photo: not photo.author),
        doubled=_count(photos, lambda photo: "File:File:" in photo.source_url),
        unpinned=_count(photos, lambda photo: photo.url is not None and "@" not in photo.collection),
        packaged=_count(photos, lambda photo: photo.url is None),
        photographs="\n".join(_row(photo) for photo in sorted(photos, key=lambda photo: photo.file)),
    )


def summarized(licence: str) -> str:
    """Return the license's name in the summary, which unifies spelling variants and keeps all other names."""
    known = re.fullmatch(r"CC[ -](BY(?:-SA)?)[ -](\d\.\d)", licence)
    return f"CC {known[1]} {known[2]}" if known else _SPELLINGS.get(licence, licence)


def terms_of(licence: str) -> str:
    """Return the condition of a license in the list.

    Raises:
        ValueError: The license is missing from ``TERMS``.
    """
    name = summarized(licence)
    if name not in TERMS:
        raise ValueError(
            f"the terms of the license {licence!r} are unknown; add it to TERMS in training/data/attribution.py"
        )
    return TERMS[name]


def _count(photos: list[Photo], holds: Callable[[Photo], bool]) -> int:
    return sum(map(holds, photos))


def _is_free_from_a_site(photo: Photo) -> bool:
    evidence = f"{photo.licence} {photo.licence_evidence} {photo.source_url}".lower()
    return terms_of(photo.licence) == FREE and any(site in evidence for site in ("unsplash", "pexels", "pixabay"))


def _license_table(photos: list[Photo]) -> str:
    counts = Counter(summarized(photo.licence) for photo in photos)
    rows = (f"| {_plain(name)} | {TERMS[name]} | {count} |" for name, count in counts.most_common())
    return "\n".join(["| license | terms | photographs |", "|---|---|---|", *rows])


def _row(photo: Photo) -> str:
    author = _plain(photo.author) or "not stated"
    return f"| {photo.file} | {author} | {_plain(photo.licence)} | {_source(photo)} |"


def _source(photo: Photo) -> str:
    """Link the original, or name its package and path; then link the photograph's page if it has one."""
    original = f"[{photo.collection}]({photo.link})" if photo.link else f"{photo.source}, `{photo.original_path}`"
    # The list has some dead Wikimedia Commons addresses: .../File:File:NAME.
    page = photo.source_url.replace("File:File:", "File:")
    return f"{original}, [page]({quote(page, safe=_URL)})" if page else original


def _plain(text: str) -> str:
    """Escape characters that Markdown would read as markup or as the end of a cell."""
    return re.sub(r"([\\|<>*_`\[\]])", r"\\\1", text)
