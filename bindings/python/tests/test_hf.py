"""`steepness.hf.loss`: in the Trainer of transformers, on tiny models made from a configuration."""

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

import steepness.hf  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from transformers import Trainer, TrainingArguments  # noqa: E402
from transformers.modeling_outputs import (  # noqa: E402
    CausalLMOutputWithPast,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)


def language_model():
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=13, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)


def classifier():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=13, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=8, num_labels=3, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config)


def sentences(language: bool) -> list[dict]:
    generator = torch.Generator().manual_seed(1)
    rows = []
    for row in range(24):
        ids = torch.randint(13, (8,), generator=generator)
        labels = ids.clone()
        # Lengths differ, so that batches have different numbers of labels.
        labels[3 + row % 5 :] = -100
        rows.append({"input_ids": ids, "labels": labels if language else ids[0] % 3})
    return rows


def trained(model, folder, rows, accumulate: int = 1, batch: int = 8, **options):
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=2,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulate,
        learning_rate=1e-2,
        max_grad_norm=0.0,
        lr_scheduler_type="constant",
        seed=0,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = Trainer(model, arguments, train_dataset=rows, **options)
    trainer.train()
    return [p.detach().clone() for p in model.parameters()], trainer


# BERT's own loss does not look at the number of labels: accumulated, it is a sum of means.
@pytest.mark.parametrize(
    "make, language, accumulate",
    [(language_model, True, 1), (language_model, True, 4), (classifier, False, 1)],
)
def test_ce_trains_as_the_models_own_loss(make, language, accumulate, tmp_path):
    rows = sentences(language)
    own, _ = trained(make(), tmp_path, rows, accumulate, 8 // accumulate)
    ours, trainer = trained(
        make(), tmp_path, rows, accumulate, 8 // accumulate, compute_loss_func=steepness.hf.loss("ce")
    )
    for expected, found in zip(own, ours, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-5)
    loss = trainer.evaluate(rows)["eval_loss"]
    assert 0 < loss < 5


def test_accumulated_batches_are_one_large_batch(tmp_path):
    rows = sentences(True)
    loss = steepness.hf.loss("el(le=0.5) + smooth(0.1)")
    whole, _ = trained(language_model(), tmp_path, rows, 1, 8, compute_loss_func=loss)
    parts, _ = trained(language_model(), tmp_path, rows, 4, 2, compute_loss_func=loss)
    for expected, found in zip(whole, parts, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_labels_are_of_the_next_position_where_the_output_is_a_causal_models():
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 5, 7, requires_grad=True), torch.randint(7, (2, 5))
    labels[1, 3:] = -100
    loss = steepness.hf.loss("ce")
    shifted = F.cross_entropy(logits[:, :-1].reshape(-1, 7), labels[:, 1:].reshape(-1))
    plain = F.cross_entropy(logits.reshape(-1, 7), labels.reshape(-1))
    causal, tokens = CausalLMOutputWithPast(logits=logits), TokenClassifierOutput(logits=logits)
    torch.testing.assert_close(loss(causal, labels), shifted)
    torch.testing.assert_close(loss(tokens, labels), plain)
    torch.testing.assert_close(steepness.hf.loss("ce", shift=True)((logits,), labels), shifted)
    torch.testing.assert_close(steepness.hf.loss("ce", shift=False)({"logits": logits}, labels), plain)
    with pytest.raises(ValueError, match="give shift=True"):
        loss((logits,), labels)
    # A device that shares the model has the number of all.
    items = torch.tensor([[4.0], [4.0]])
    torch.testing.assert_close(loss(tokens, labels, items), plain * 8 / 4)
    torch.testing.assert_close(loss(tokens, labels, 16), plain * 8 / 16)


def test_nothing_counted_is_zero():
    logits = torch.randn(3, 4, requires_grad=True)
    loss = steepness.hf.loss("el")(SequenceClassifierOutput(logits=logits), torch.full((3,), -100))
    loss.backward()
    assert loss == 0 and (logits.grad == 0).all()


def test_what_does_not_fit_is_refused():
    loss = steepness.hf.loss("el")
    output = SequenceClassifierOutput(logits=torch.randn(3, 4))
    with pytest.raises(ValueError, match="no 'labels'"):
        loss(output, None)
    with pytest.raises(ValueError, match=r"\(3, 4\) with labels of shape \(2,\)"):
        loss(output, torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match="without 'logits'"):
        loss({"loss": torch.tensor(1.0)}, torch.zeros(3, dtype=torch.int64))
    with pytest.raises(TypeError, match="reduction"):
        steepness.hf.loss("el", reduction="mean")


def test_a_schedule_is_told_the_epoch(tmp_path):
    rows = sentences(False)
    loss = steepness.hf.loss("el(le=1) from epoch 2")
    with pytest.warns(UserWarning, match=r"callbacks=\[loss.callback\(\)\]"):
        trained(classifier(), tmp_path, rows, compute_loss_func=loss)
    deferred, _ = trained(classifier(), tmp_path, rows, compute_loss_func=loss, callbacks=[loss.callback()])
    assert loss.criterion.state[:2].tolist() == [2, 2]
    never, _ = trained(classifier(), tmp_path, rows, compute_loss_func=steepness.hf.loss("ce"))
    always, _ = trained(classifier(), tmp_path, rows, compute_loss_func=steepness.hf.loss("el(le=1)"))
    assert any((a != b).any() for a, b in zip(deferred, never, strict=True))
    assert any((a != b).any() for a, b in zip(deferred, always, strict=True))
