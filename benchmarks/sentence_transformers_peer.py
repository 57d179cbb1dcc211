"""Runs in an environment of its own, which has sentence-transformers: MODEL TEXTS.json VECTORS.npy.

Writes the vectors and says so; then encodes once for every line that comes in, and answers with wall and processor
seconds.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.sentence_transformer.modules import Transformer as Words
from transformers.utils import logging


def main(model: str, texts_path: str, vectors_path: str) -> None:
    """Serve until the input ends."""
    torch.set_num_threads(1)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    words = Words(model, max_seq_length=256)
    encoder = SentenceTransformer(modules=[words, Pooling(words.get_embedding_dimension(), "mean")], device="cpu")
    texts = json.loads(Path(texts_path).read_text())
    np.save(vectors_path, encoder.encode(texts, normalize_embeddings=True))
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        encoder.encode(texts, normalize_embeddings=True)
        print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
