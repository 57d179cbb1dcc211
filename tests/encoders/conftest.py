"""Models small enough to be made on the fly: random weights, words of a handful of titles."""

import shutil
from pathlib import Path

import pytest

WORDS = (
    *("heat", "alien", "fargo", "casino", "star", "wars", "return", "of", "the", "jedi", "1979", "1995", "1996"),
    *("action", "crime", "comedy", "drama", "war", "space", "a", "an", "is", "who", "liked", "it"),
    *("young", "old", "engineer", "(", ")", ".", ",", ":"),
)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def word_tokenizer(folder: Path, model_type: str) -> None:
    """Save a tokenizer that knows `WORDS`; the BERT one marks start and end, the GPT one has no padding token."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = {"eos_token": "[SEP]"}
    if model_type == "bert":
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)  # type: ignore[no-untyped-call]
    fast.save_pretrained(folder)


def tiny_model(folder: Path, model_type: str) -> Path:
    """Save a random model of two layers and 32 numbers a token."""
    import torch
    from transformers import BertConfig, BertModel, GPT2Config, GPT2Model

    vocab_size = len(SPECIAL) + len(WORDS)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if model_type == "gpt2":
            GPT2Model(
                GPT2Config(
                    vocab_size=vocab_size, n_embd=32, n_layer=2, n_head=4, n_positions=256, initializer_range=0.5
                )
            ).save_pretrained(folder)
        else:
            BertModel(
                BertConfig(
                    vocab_size=vocab_size,
                    hidden_size=32,
                    num_hidden_layers=2,
                    num_attention_heads=4,
                    intermediate_size=64,
                    max_position_embeddings=256,
                    initializer_range=0.5,
                )
            ).save_pretrained(folder)
    word_tokenizer(folder, model_type)
    return folder


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("bert"), "bert")


@pytest.fixture(scope="session")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("gpt"), "gpt2")


@pytest.fixture
def bert_copy(bert: Path, tmp_path: Path) -> Path:
    """A model folder that a test may damage."""
    return shutil.copytree(bert, tmp_path / "bert")
