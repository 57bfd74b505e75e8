"""``prm.token`` on a random model of one token for each character."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from assay import Registry, Sample, Status, Verdict
from assay.core.errors import ConfigError
from assay.rewards.process.adding import added_up, potential_steps

STEPS = ["2+2=4\n\n", "so  \n\n", "4"]
ANSWER = "".join(STEPS)


def build_tokenizer() -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = ["<pad>", "<eos>", "<step>", "<unk>", *map(chr, range(32, 127)), "\n"]
    raw = Tokenizer(models.WordLevel({c: i for i, c in enumerate(letters)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    raw.decoder = decoders.Fuse()
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        additional_special_tokens=["<step>"],
    )
    made.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    return made


def save(folder: Path, labels: int) -> Path:
    from transformers import LlamaConfig, LlamaForTokenClassification

    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=64,
        initializer_range=0.5,
        num_labels=labels,
        pad_token_id=0,
        eos_token_id=1,
    )
    LlamaForTokenClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    return {n: save(tmp_path_factory.mktemp(f"prm{n}"), n) for n in (1, 2)}


def ask(folder: Path, samples: list[Sample], **settings: Any) -> list[Verdict]:
    given = {"model": str(folder), "device": "cpu", "threads": 1, **settings}
    return list(Registry.load().sources["prm.token"].open(given)(samples))


def plain(folder: Path, text: str) -> torch.Tensor:
    """What the model says at each token, without us."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(str(folder))
    model: Any = AutoModelForTokenClassification.from_pretrained(str(folder)).eval()
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0]
    return logits.sigmoid()[:, 0] if logits.shape[1] == 1 else logits.softmax(-1)[:, 1]


@pytest.mark.parametrize("labels", [1, 2])
def test_steps_are_read_at_their_last_character(folders: Any, labels: int) -> None:
    [verdict] = ask(folders[labels], [Sample(prompt="q:", completion=ANSWER)], adding="product")
    whole = plain(folders[labels], "q:" + ANSWER)
    wanted = [whole[2 + place].item() for place in (4, 8, len(ANSWER) - 1)]
    assert [step.score for step in verdict.steps] == pytest.approx(wanted, abs=1e-5)
    assert [ANSWER[step.start : step.end] for step in verdict.steps] == STEPS
    assert verdict.score == pytest.approx(added_up(wanted, "product"))
    assert verdict.parts["lowest"] == pytest.approx(min(wanted))


def test_a_separator_is_put_in_and_read(folders: Any) -> None:
    [verdict] = ask(
        folders[2], [Sample(prompt="q:", completion=ANSWER)], separator="<step>", adding="last"
    )
    whole = plain(folders[2], "q:2+2=4<step>so<step>4<step>")
    assert verdict.score == pytest.approx(whole[-1].item(), abs=1e-5)
    assert verdict.steps[0].score == pytest.approx(whole[7].item(), abs=1e-5)


def test_a_separator_in_an_answer_is_plain_text(folders: Any) -> None:
    [verdict] = ask(folders[2], [Sample(prompt="q:", completion="a<step>b")], separator="<step>")
    assert len(verdict.steps) == 1


def test_company_and_padding_change_nothing(folders: Any) -> None:
    samples = [Sample(prompt="q:", completion=t) for t in (ANSWER, "a", "b\n\nc" * 4, "x" * 30)]
    together = ask(folders[2], samples)
    alone = [ask(folders[2], [sample])[0] for sample in samples]
    assert [v.score for v in together] == pytest.approx([v.score for v in alone], abs=1e-5)


def test_shaped_steps_add_up_to_nothing(folders: Any) -> None:
    sample = Sample(prompt="q:", completion=ANSWER)
    [raw], [shaped] = (
        ask(folders[2], [sample], shaping=how, gamma=1.0) for how in ("none", "potential")
    )
    assert raw.score == shaped.score
    assert sum(step.score for step in shaped.steps) == pytest.approx(0.0, abs=1e-9)
    assert [s.score for s in shaped.steps] == pytest.approx(
        potential_steps([s.score for s in raw.steps])
    )


def test_what_does_not_fit_is_told_and_no_refuge(folders: Any) -> None:
    long = "z" * 100 + "\n\nmore"
    cut, empty = ask(
        folders[2], [Sample(prompt="q:", completion=long), Sample(prompt="q:")], pass_at=0.5
    )
    assert cut.status is Status.SCORED
    assert len(cut.steps) == 1
    assert cut.evidence["truncated"]["steps_dropped"] == 2
    assert (empty.score, empty.passed, empty.steps) == (0.0, False, ())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({"good": 2}, "good: must be < 2", id="label"),
        pytest.param({"separator": ""}, "separator", id="separator"),
        pytest.param({"steps": "words"}, "steps", id="splitter"),
    ],
)
def test_settings_are_refused(folders: Any, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ask(folders[2], [], **settings)
