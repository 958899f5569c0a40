"""Fine-tunes a Qwen2 model by low-rank adapters (Hu et al. 2021) on the very weights that are shipped.

`coachup train boss` calls it; the program itself never needs it. It reads the model's GGUF file and lessons, one JSON
object a line: `ids`, the tokens of a talk, and `learn`, pairs of first and last (exclusive) of the tokens that are
learned. It writes the two factors of every matrix under llama.cpp's names, saves every few dozen steps and goes on from
what it saved.
"""
import argparse
import json
import math
import os
import random
import time

import gguf
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

MATRICES = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]


class Tuned(nn.Module):
    """A matrix that stays as it is, and what is learned to be added to its products."""

    def __init__(self, weight, bias, rank, scale):
        super().__init__()
        self.weight, self.bias, self.scale = weight, bias, scale
        rows, cols = weight.shape
        self.a = nn.Parameter(torch.randn(rank, cols) / math.sqrt(cols)) if rank else None
        self.b = nn.Parameter(torch.zeros(rows, rank)) if rank else None

    def forward(self, rows):
        product = F.linear(rows, self.weight, self.bias)
        if self.a is None:
            return product
        inner = F.linear(rows, self.a.to(rows.dtype))
        return product + F.linear(inner, self.b.to(rows.dtype)) * self.scale


def norm(rows, weight, epsilon):
    rows = rows.float()
    return (rows * torch.rsqrt(rows.square().mean(-1, keepdim=True) + epsilon) * weight).bfloat16()


class Layer(nn.Module):
    def __init__(self, take, at, config, rank, scale):
        super().__init__()
        self.config = config
        self.attn_norm, self.ffn_norm = take(f"blk.{at}.attn_norm.weight"), take(f"blk.{at}.ffn_norm.weight")
        for name in MATRICES:
            bias = f"blk.{at}.{name}.bias"
            bias = take(bias).bfloat16() if take.has(bias) else None
            weight = take(f"blk.{at}.{name}.weight").bfloat16()
            setattr(self, name, Tuned(weight, bias, rank, scale))

    def forward(self, rows, cos, sin):
        heads, kv_heads, size, epsilon = self.config
        length = rows.shape[0]
        normed = norm(rows, self.attn_norm, epsilon)

        def by_head(product, count, turned=True):
            product = product.view(length, count, size).transpose(0, 1)
            if not turned:
                return product
            low, high = product.float().chunk(2, -1)
            return torch.cat([low * cos - high * sin, high * cos + low * sin], -1).bfloat16()

        query = by_head(self.attn_q(normed), heads)
        key, value = by_head(self.attn_k(normed), kv_heads), by_head(self.attn_v(normed), kv_heads, False)
        key, value = (x.repeat_interleave(heads // kv_heads, 0) for x in (key, value))
        mixed = F.scaled_dot_product_attention(query[None], key[None], value[None], is_causal=True)[0]
        rows = rows + self.attn_output(mixed.transpose(0, 1).reshape(length, heads * size))
        normed = norm(rows, self.ffn_norm, epsilon)
        return rows + self.ffn_down(F.silu(self.ffn_gate(normed)) * self.ffn_up(normed))


class Take:
    """The tensors of a GGUF file, as floats."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.fields, self.tensors = reader.fields, {tensor.name: tensor for tensor in reader.tensors}

    def has(self, name):
        return name in self.tensors

    def __call__(self, name):
        tensor = self.tensors[name]
        return torch.from_numpy(np.array(gguf.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32))

    def number(self, key):
        field = self.fields[key]
        return field.parts[field.data[0]][0].item()


class Network(nn.Module):
    """Qwen2 with adapters from layer `first` on."""

    def __init__(self, path, rank, alpha, first):
        super().__init__()
        take = Take(path)
        number = lambda key: take.number("qwen2." + key)
        heads, width = int(number("attention.head_count")), int(number("embedding_length"))
        self.epsilon, self.base, self.size = (
            number("attention.layer_norm_rms_epsilon"),
            number("rope.freq_base"),
            width // heads,
        )
        config = heads, int(number("attention.head_count_kv")), self.size, self.epsilon
        self.first, self.embedding = first, take("token_embd.weight").bfloat16()
        self.output = take("output.weight").bfloat16() if take.has("output.weight") else self.embedding
        self.norm = take("output_norm.weight")
        count = int(number("block_count"))
        layer = lambda at: Layer(take, at, config, rank if at >= first else 0, alpha / max(rank, 1))
        self.layers = nn.ModuleList(layer(at) for at in range(count))

    def forward(self, ids, wanted):
        """Logits after the tokens `wanted`."""
        angle = torch.arange(len(ids))[:, None] * self.base ** (-torch.arange(0, self.size, 2) / self.size)
        cos, sin = angle.cos(), angle.sin()
        rows = self.embedding[ids]
        with torch.no_grad():
            for layer in self.layers[: self.first]:
                rows = layer(rows, cos, sin)
        for layer in self.layers[self.first :]:
            rows = layer(rows, cos, sin)
        return F.linear(norm(rows[wanted], self.norm, self.epsilon), self.output).float()

    def named(self):
        """The factors under llama.cpp's names."""
        factors = {}
        for name, tensor in self.named_parameters():
            _, at, matrix, factor = name.split(".")
            factors[f"blk.{at}.{matrix}.weight.lora_{factor}"] = tensor.detach().contiguous()
        return factors

    def take_up(self, factors):
        """Goes on from factors that were saved."""
        for name, tensor in self.named_parameters():
            _, at, matrix, factor = name.split(".")
            tensor.data.copy_(factors[f"blk.{at}.{matrix}.weight.lora_{factor}"])


def factors_of(adapter):
    """The factors in an adapter's GGUF."""
    return {name: adapter(name) for name in adapter.tensors}


def sums(network, lesson):
    """Summed loss over what is learned of a lesson, and how many tokens that is."""
    ids = torch.tensor(lesson["ids"])
    learned = torch.cat([torch.arange(first, last) for first, last in lesson["learn"]])
    logits = network(ids, learned - 1)
    return F.cross_entropy(logits, ids[learned], reduction="sum"), len(learned)


def kept_apart(network, lessons):
    """Mean loss of a token on lessons that are not learned from."""
    with torch.no_grad():
        losses = [sums(network, lesson) for lesson in lessons]
    return sum(loss.item() for loss, _ in losses) / sum(count for _, count in losses)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True, help="the model's GGUF file")
    parser.add_argument("--lessons", required=True)
    parser.add_argument("--dev", required=True, help="lessons that are only measured on")
    parser.add_argument("--output", required=True, help="the factors, a safetensors file; gone on from if it is there")
    parser.add_argument("--start", help="factors of an earlier training to begin with, or an adapter made of them")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=float, default=32.0)
    parser.add_argument("--first", type=int, default=9, help="the first layer that is tuned")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--rate", type=float, default=3e-4, help="highest learning rate")
    parser.add_argument("--together", type=int, default=2, help="lessons of one step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--save-every", type=int, default=40, help="steps")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    read = lambda path: [json.loads(line) for line in open(path, encoding="utf-8")]
    lessons, dev = read(args.lessons), read(args.dev)
    network = Network(args.base, args.rank, args.alpha, args.first)
    parameters = list(network.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=args.rate, weight_decay=0.0, betas=(0.9, 0.99))
    if args.start:
        adapter = args.start.endswith(".gguf")
        network.take_up(factors_of(Take(args.start)) if adapter else load_file(args.start))
    steps = int(args.epochs * len(lessons) / args.together)
    # The order depends on the seed alone, so what was done before a stop can be passed over.
    order = []
    for epoch in range(math.ceil(args.epochs)):
        once = list(range(len(lessons)))
        random.Random(args.seed + epoch).shuffle(once)
        order += once
    state, done = args.output + ".state", 0
    if os.path.exists(state):
        saved = torch.load(state)
        network.take_up(load_file(args.output))
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["done"]
        print(f"going on after step {done} of {steps}", flush=True)
    metadata = {"alpha": str(args.alpha), "rank": str(args.rank)}

    def save(at):
        save_file(network.named(), args.output, metadata)
        torch.save({"optimizer": optimizer.state_dict(), "done": at}, state)

    begun, tokens, total, count = time.time(), 0, 0.0, 0
    for step in range(done, steps):
        share = step / steps
        for group in optimizer.param_groups:
            group["lr"] = args.rate * max(0.02, min(1.0, share / 0.05) * 0.5 * (1 + math.cos(math.pi * share)))
        for at in order[step * args.together : (step + 1) * args.together]:
            loss, learned = sums(network, lessons[at])
            (loss / learned / args.together).backward()
            total, count, tokens = total + loss.item(), count + learned, tokens + len(lessons[at]["ids"])
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if (step + 1) % 10 == 0:
            pace = tokens / (time.time() - begun)
            print(f"step {step + 1}/{steps} loss {total / count:.4f} {pace:.1f} tokens/s", flush=True)
            total, count = 0.0, 0
        if (step + 1) % args.save_every == 0:
            save(step + 1)
            print(f"kept apart {kept_apart(network, dev):.4f}", flush=True)
    save_file(network.named(), args.output, metadata)
    print(f"kept apart {kept_apart(network, dev):.4f}", flush=True)
    if os.path.exists(state):
        os.remove(state)


if __name__ == "__main__":
    main()
