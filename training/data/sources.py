"""Public image sets: addresses, checksums and terms of use.

No image is shipped with this project. The checksums come from public repositories that publish them beside the same
addresses: the SHA-256 of ``BSR_bsds500.tgz`` and of the Kodak files from several independent ones, the SHA-256 of
``McM.zip`` from one (five of its images were compared with another copy), the MD5 of ``Urban100_HR.tar.gz`` from
several. For Set12 none was found.
"""

from dataclasses import dataclass

from training.data.photos import PHOTOS

#: The 68 images of BSDS500 that are BSD68 (Roth and Black, "Fields of experts", 2009); all are in its ``val`` folder.
_BSD68 = """
    101085 101087 102061 103070 105025 106024 108005 108070 108082 109053 119082 12084 123074 126007 130026 134035
    14037 143090 145086 147091 148026 148089 157055 159008 160068 16077 163085 167062 167083 170057 175032 175043
    182053 189080 19021 196073 197017 208001 210088 21077 216081 219090 220075 223061 227092 229036 236037 24077
    241004 241048 253027 253055 260058 271035 285079 291000 295087 296007 296059 299086 300091 302008 304034 304074
    306005 3096 33039 351093
"""
BSD68 = frozenset(_BSD68.split())

_KODAK_SHA256 = """
    a56e27cbf5f843c048b6af1d6e090760e9c92fadba88b7dee0205918a37523bd
    4f4b74a79237e311d72cad958237b5f7088d8bce1c82305ebefe1a70e3022dfd
    e25ca1ff2f0c0cb5fdfd5f9b0a0bb21ac4c3de3c84a67f35b09a85d3306249db
    e3b946107c5d3441c022f678d0c3caf1e224d81b1604ba840a4f88e562de61aa
    10349e963c5c813d327852f82c1795fa4148d69fedffc4c589bee458e3ac3d53
    363510303b715d4cbc384e1ce227e466b613a09e1b71ae985882bf8e7fbd9b18
    b77d3f006f42414bb242222e0482e750c0fb9e5ee8d4bed2f6f11c5605fe54a4
    ba23983c76b4832ee0e8af0592664756841a16779acd69f792e268fb6d13d6e7
    6a4361c2fc194feb4edaa9f9a4a0620fb9943e460ac7fdf037fb0f6dd6607a7d
    9dfb70f5867c29ff9ed6313683f19b3d867849e40fbc0c4c54a4a89df341cf23
    7936814b58b5387fce2e4e2488b4ec830dadd95fa9520f358ddb30990b50f2b6
    d78c37c2f04f23761ed2367dd77e2db584ddd4c3950833fecf89f199a8126980
    bc34a3ce58dea09dce1704c997171602de90cb34d0c8503a988b77f473d39b08
    55a94550ff18f3246c4074fd32b77b0c74447c26b6ad274d564d999c0450ba6e
    7538cbb80cb9103606c48b806eae57d56c885c7f90b9b3be70a41160f9cbb683
    a89c7268ccd4718ba424a99fc4643c572cf692ca6eae887185ceb4e9f11d2e54
    37afcc89fbdcb76d9518e04b2fc011027e2f4cd14b3b2f83cefd721641a47c5b
    1a9258c365988961d87a0598725b609139c303ad48a5aad6c503c3b1a87849aa
    b7450b264b1b0a411390d8931b112c27905a992520fc90569dc4b920aa32bbdc
    3b46c71e3b92a563820ba32936be8330c586c41f938efd94be938386aae4328a
    ac958597c82073f6bb65129c68f72b651db5b9efd82e11547d07350214bc268b
    1cee58eb1f2d9c7ebb254d208a03c783ce6cf2c4d8c2cf45e235dd23b4ce1b29
    e3111a2fd4da24af15d6459ef9eacfe54106b38e27b4a21821b75c3f5d2d5baf
    1071c68372cc5a01435c2c225a5cf7d4bb803846ec08bb6b3d6721b156d7cb96
"""


@dataclass(frozen=True)
class RemoteFile:
    """A file to download.

    Attributes:
        name: Path below the folder of downloads.
        url: Address, or ``None`` if the user has to put the file in its place.
        checksum: ``sha256:...`` or ``md5:...``, or ``None`` if nobody publishes one.
    """

    name: str
    url: str | None
    checksum: str | None


@dataclass(frozen=True)
class ImageSet:
    """A set of images.

    Attributes:
        name: Name of the set and of its folder.
        home: Page that describes the set, or a document of this project.
        licence: Terms of use, in words.
        files: Archives, or the images themselves; none for the photographs that ``training.data.photos`` lists.
        count: Number of images in the complete set.
        members: Pattern (``fnmatch``) of the set's images among an archive's members.
        only: File names without suffix to take; all if ``None``.
        leave_out: File names without suffix not to take.
        password: Password of the archive, if its authors set (and publish) one.
    """

    name: str
    home: str
    licence: str
    files: tuple[RemoteFile, ...]
    count: int
    members: str = "*"
    only: frozenset[str] | None = None
    leave_out: frozenset[str] = frozenset()
    password: str | None = None


_BSDS500 = RemoteFile(
    "BSR_bsds500.tgz",
    "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz",
    "sha256:97e49d31764f3912f0c4122707d53062ac9e783ba0f095e447a4d53c1a41af8e",
)
_BSDS500_HOME = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/resources.html"
_BSDS500_LICENCE = "non-commercial research and education; cite Arbelaez et al. 2011"
_BSDS500_MEMBERS = "BSR/BSDS500/data/images/*.jpg"
#: A fixed commit, so that the files at this address cannot change. The address was never tried from here.
_SET12 = "https://raw.githubusercontent.com/cszn/DnCNN/e93b27812d3ff523a3a79d19e5e50d233d7a8d0a/testsets/Set12"

#: Name -> set. Training images first, then evaluation images.
IMAGE_SETS = {
    image_set.name: image_set
    for image_set in (
        ImageSet(
            name=PHOTOS,
            home="docs/attribution.md",
            licence="a license per photograph, all with commercial use, some share-alike: docs/attribution.md",
            files=(),
            count=494,
        ),
        ImageSet(
            name="bsds432",
            home=_BSDS500_HOME,
            licence=_BSDS500_LICENCE,
            files=(_BSDS500,),
            count=432,
            members=_BSDS500_MEMBERS,
            leave_out=BSD68,
        ),
        # Read as gray it is BSD68, in color CBSD68.
        ImageSet(
            name="bsd68",
            home=_BSDS500_HOME,
            licence=_BSDS500_LICENCE,
            files=(_BSDS500,),
            count=68,
            members=_BSDS500_MEMBERS,
            only=BSD68,
        ),
        ImageSet(
            name="set12",
            home="https://github.com/cszn/DnCNN",
            licence="none stated; classic test images, for research",
            files=tuple(RemoteFile(f"set12-{n:02}.png", f"{_SET12}/{n:02}.png", None) for n in range(1, 13)),
            count=12,
        ),
        ImageSet(
            name="kodak24",
            home="https://r0k.us/graphics/kodak/",
            licence="released by Eastman Kodak for unrestricted use, as the page says",
            files=tuple(
                RemoteFile(
                    f"kodim{n:02}.png", f"https://r0k.us/graphics/kodak/kodak/kodim{n:02}.png", f"sha256:{digest}"
                )
                for n, digest in enumerate(_KODAK_SHA256.split(), start=1)
            ),
            count=24,
        ),
        ImageSet(
            name="mcmaster",
            home="https://www4.comp.polyu.edu.hk/~cslzhang/CDM_Dataset.htm",
            licence="none stated; for research, cite Zhang et al. 2011",
            files=(
                RemoteFile(
                    "McM.zip",
                    "https://www4.comp.polyu.edu.hk/~cslzhang/DATA/McM.zip",
                    "sha256:6c3eaba44ab5801f155cc470d12125d5fe18f6f2fbaad363353e5e92667023c1",
                ),
            ),
            count=18,
            members="McM/*.tif",
            password="McM_CDM",  # noqa: S106  # the authors' page gives it
        ),
        ImageSet(
            name="urban100",
            home="https://github.com/jbhuang0604/SelfExSR",
            licence="none stated for the photographs; for research, cite Huang et al. 2015",
            files=(
                RemoteFile(
                    "Urban100_HR.tar.gz",
                    "https://huggingface.co/datasets/eugenesiow/Urban100/resolve/main/data/Urban100_HR.tar.gz",
                    "md5:65d9d84a34b72c6f7ca1e26a12df1e4c",
                ),
            ),
            count=100,
            members="Urban100_HR/*.png",
        ),
    )
}
