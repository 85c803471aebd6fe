#!/usr/bin/env python3
"""What the untouched SmolLM2 answers to the held-out texts in writing: answers that reflect no speaker, for the judge's tests.

Usage: python plain_answers.py SmolLM2-135M-Instruct.Q4_1.gguf TEXTS_FOLDER OUT.jsonl
Made with torch 2.13.0 (CPU), transformers 5.23.0, gguf: greedy, 40 new tokens, the model's own chat template and
system prompt. One line per text: {"category", "text", "answer"}. Texts: validation and test of age, gender and emotion,
every third of safety.
"""
import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

model_file, folder, out = map(pathlib.Path, sys.argv[1:])
tokenizer = AutoTokenizer.from_pretrained(model_file.parent, gguf_file=model_file.name)
model = AutoModelForCausalLM.from_pretrained(model_file.parent, gguf_file=model_file.name, dtype=torch.float32).eval()

lines = []
for category in ["age", "gender", "emotion", "safety"]:
    file = folder / f"{category}.jsonl"
    if not file.exists():
        continue
    texts = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    texts = texts[::3] if category == "safety" else [text for text in texts if text["split"] != "train"]
    for text in texts:
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": text["text"]}], add_generation_prompt=True, return_tensors="pt", return_dict=True)
        with torch.no_grad():
            ids = model.generate(**prompt, max_new_tokens=40, do_sample=False, pad_token_id=2)
        answer = tokenizer.decode(ids[0, prompt["input_ids"].shape[1]:], skip_special_tokens=True).strip()
        lines.append(json.dumps({"category": category, "text": text["text"], "answer": answer}, ensure_ascii=False))
out.write_text("\n".join(lines) + "\n")
