"""Texts a second of ``rm.bradley_terry`` beside a plain loop over transformers, in one run.

    python benchmarks/reward_model.py [--count 192] [--threads 1] [--repeats 2]
    python benchmarks/reward_model.py --device cuda --size 1b --dtype bfloat16

The loop is what one would write: batches of 16 in the order of arrival, padded to the longest, the
model's own forward. Lengths are log-normal with a long tail. Both get the same texts, threads and
random weights; scores must agree. On a GPU also the share of its peak that real tokens used:
2 x weights x tokens / seconds / ``--peak-tflops``. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
SHAPES = {
    "tiny": {"hidden_size": 128, "intermediate_size": 352, "num_hidden_layers": 4, "heads": 4},
    "small": {"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 6, "heads": 4},
    "1b": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "heads": 32},
    "8b": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "heads": 32},
}
POSITIONS = 4096
LOOP = 16


def save(folder: Path, size: str, dtype: str) -> None:
    """A reward model with random weights and a tokenizer of bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

    letters = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    raw = Tokenizer(models.BPE(vocab=letters, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="</s>", pad_token="<pad>", model_max_length=POSITIONS
    )
    tokenizer.save_pretrained(folder)
    shape = dict(SHAPES[size])
    heads = shape.pop("heads")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        num_attention_heads=heads,
        num_key_value_heads=max(heads // 4, 1),
        num_labels=1,
        max_position_embeddings=POSITIONS,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        **shape,
    )
    torch.manual_seed(0)
    LlamaForSequenceClassification(config).to(getattr(torch, dtype)).save_pretrained(folder)


def texts(count: int, median: int, spread: float) -> list[str]:
    """Log-normal lengths, in no order."""
    rng = random.Random(0)
    lengths = (int(rng.lognormvariate(0.0, spread) * median) + 1 for _ in range(count))
    return ["".join(rng.choices("etaoin shrdlu.\n", k=min(n, POSITIONS - 2))) for n in lengths]


def loop(folder: Path, given: argparse.Namespace) -> Callable[[list[str]], list[float]]:
    """The plain loop."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=getattr(torch, given.dtype)
    )
    model = model.to(given.device).eval()

    def score(rows: list[str]) -> list[float]:
        found: list[float] = []
        for at in range(0, len(rows), LOOP):
            batch = [row + tokenizer.eos_token for row in rows[at : at + LOOP]]
            inputs = tokenizer(batch, padding=True, return_tensors="pt").to(given.device)
            inputs.pop("token_type_ids", None)
            with torch.inference_mode():
                found += model(**inputs).logits[:, 0].float().tolist()
        return found

    return score


def ours(folder: Path, given: argparse.Namespace) -> Callable[[list[str]], list[float]]:
    """``rm.bradley_terry`` in this process: tokens, batches, verdicts and all."""
    from assay import Sample
    from assay.rewards.models.bradley_terry import BradleyTerry

    model: Any = BradleyTerry.open(
        {
            "model": str(folder),
            "device": given.device,
            "dtype": given.dtype,
            "threads": given.threads,
            "batch_tokens": given.batch_tokens,
        }
    )

    def score(rows: list[str]) -> list[float]:
        return [v.score for v in model([Sample(completion=row) for row in rows])]

    return score


def timed(score: Callable[[list[str]], list[float]], rows: list[str]) -> tuple[float, list[float]]:
    import torch

    started = time.perf_counter()
    found = score(rows)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started, found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=192)
    parser.add_argument("--median", type=int, default=80, help="tokens of a text")
    parser.add_argument("--spread", type=float, default=1.2, help="sigma of the log-normal")
    parser.add_argument("--size", choices=SHAPES, default="tiny")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--peak-tflops", type=float, default=989.0, help="H100 and H200, bfloat16")
    return parser.parse_args()


def compare(folder: Path, given: argparse.Namespace, rows: list[str]) -> dict[str, float]:
    """Both in turn, the best of the repeats of each; the scores must agree."""
    scorers = {"loop": loop(folder, given), "assay": ours(folder, given)}
    for score in scorers.values():
        score(rows[:LOOP])  # warm
    seconds: dict[str, list[float]] = {name: [] for name in scorers}
    found: dict[str, list[float]] = {}
    for _ in range(given.repeats):
        for name, score in scorers.items():
            took, found[name] = timed(score, rows)
            seconds[name].append(took)
    gap = max(abs(a - b) for a, b in zip(found["loop"], found["assay"], strict=True))
    allowed = 1e-3 if given.dtype == "float32" else 0.3
    if gap > allowed:
        sys.exit(f"the scores differ by {gap:.4g}: the two do not do the same work")
    return {name: min(took) for name, took in seconds.items()} | {"gap": gap}


def report(
    given: argparse.Namespace, rows: list[str], weights: int, found: dict[str, float]
) -> None:
    lengths = sorted(len(row) + 1 for row in rows)
    tokens = sum(lengths)
    ratio = found["loop"] / found["assay"]
    print(
        f"{len(rows)} texts, {tokens} tokens, median {statistics.median(lengths):g}, longest"
        f" {lengths[-1]}; {weights / 1e6:.1f} million weights in {given.dtype} on {given.device},"
        f" {given.threads} thread(s)"
    )
    for name in ("loop", "assay"):
        rate = len(rows) / found[name]
        print(f"{name:>6}: {rate:8.1f} texts/s, {rate * tokens / len(rows):9.0f} tokens/s")
    print(f" ratio: {ratio:.2f}; largest gap of two scores {found['gap']:.2g}")
    row = {"ratio": ratio, **found}
    if given.device.startswith("cuda"):
        import torch

        row["peak_share"] = 2.0 * weights * tokens / found["assay"] / (given.peak_tflops * 1e12)
        row["peak_bytes"] = float(torch.cuda.max_memory_allocated())
        print(
            f"  peak: {row['peak_share']:.1%} of {given.peak_tflops:g} TFLOP/s,"
            f" {row['peak_bytes'] / 2**30:.1f} GiB"
        )
    print(json.dumps({key: round(value, 6) for key, value in row.items()}))


def main() -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    given = arguments()
    torch.set_num_threads(given.threads)
    rows = texts(given.count, given.median, given.spread)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder, given.size, given.dtype)
        model = AutoModelForSequenceClassification.from_pretrained(folder)
        weights = sum(p.numel() for n, p in model.named_parameters() if "embed" not in n)
        del model
        found = compare(folder, given, rows)
    report(given, rows, weights, found)


if __name__ == "__main__":
    main()
