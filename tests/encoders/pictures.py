"""A random CLIP small enough to be made on the fly, and pictures for it."""

import io
from pathlib import Path

import numpy as np

from tests.encoders.conftest import SPECIAL, WORDS, word_tokenizer


def tiny_clip(folder: Path) -> Path:
    """Save a random CLIP of two layers a tower, 32 numbers a token and 16 a vector; pictures of 32 by 32."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    from recloop.encoders.pretrained import _picture_processor

    tower = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    words = {"vocab_size": len(SPECIAL) + len(WORDS), "max_position_embeddings": 77, "eos_token_id": 3}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = CLIPConfig(
            text_config=tower | words, vision_config=tower | {"image_size": 32, "patch_size": 8}, projection_dim=16
        )
        CLIPModel(config).save_pretrained(folder)
    word_tokenizer(folder, "bert")
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    _picture_processor()(**size).save_pretrained(folder)
    return folder


def picture(seed: int, kind: str = "PNG", size: tuple[int, int] = (40, 48)) -> bytes:
    """The content of a file of random pixels."""
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()
