"""Fine-tunes a sentence encoder to answer yes/no questions about a text, and to point at the words that show a yes.

`coachup train scorer` and `coachup train critic` call it; the program itself never needs it. It reads examples, one
JSON object a line (see `Example` in src/model/encoder/train.rs), and writes the weights under the names of the
encoder's GGUF. It saves after every epoch and every few hundred steps, and goes on from what it saved.
"""
import argparse
import io
import json
import math
import os
import random
import re
import time
import zipfile

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load, load_file, save_file
from tokenizers import Tokenizer

LONGEST = 160  # word pieces of a text that are read together; as in src/model/encoder/file.rs
MARKS = 4
SAVE_EVERY = 200


class Layer(nn.Module):
    """One layer of BERT or MPNet."""

    def __init__(self, width, wide, heads, epsilon):
        super().__init__()
        self.heads = heads
        self.attn_q, self.attn_k, self.attn_v, self.attn_output = (nn.Linear(width, width) for _ in range(4))
        self.attn_output_norm = nn.LayerNorm(width, epsilon)
        self.ffn_up, self.ffn_down = nn.Linear(width, wide), nn.Linear(wide, width)
        self.layer_output_norm = nn.LayerNorm(width, epsilon)

    def forward(self, rows, mask):
        texts, length, width = rows.shape

        def by_head(linear):
            return linear(rows).view(texts, length, self.heads, width // self.heads).transpose(1, 2)

        mixed = F.scaled_dot_product_attention(*map(by_head, (self.attn_q, self.attn_k, self.attn_v)), attn_mask=mask)
        rows = self.attn_output_norm(rows + self.attn_output(mixed.transpose(1, 2).reshape(texts, length, width)))
        return self.layer_output_norm(rows + self.ffn_down(F.gelu(self.ffn_up(rows), approximate="tanh")))


def distances(length):
    """MPNet's 32 distances of a key from its query (Raffel et al. 2020), `[length, length]`."""
    offset = torch.arange(length)[None, :] - torch.arange(length)[:, None]
    distance = offset.abs()
    far = 8 + (torch.log(distance.float().clamp(min=1) / 8) / math.log(128 / 8) * 8).long()
    return (offset > 0).long() * 16 + torch.where(distance < 8, distance, far.clamp(max=15))


class Network(nn.Module):
    """The encoder with one attention-pooled head a label, and one that says of each piece whether it shows a yes."""

    def __init__(self, base, labels, before):
        super().__init__()
        config, tensors, self.tokenizer = base
        width, epsilon, self.heads = (
            config["hidden_size"],
            config["layer_norm_eps"],
            config["num_attention_heads"],
        )
        mpnet = config["model_type"] == "mpnet"
        self.epsilon, self.before, self.labels = epsilon, before, labels
        take = lambda name: tensors[name].float()
        self.token_embd = nn.Embedding.from_pretrained(take("embeddings.word_embeddings.weight"), freeze=True)
        first = 2 if mpnet else 0  # MPNet counts positions from its padding mark
        positions = take("embeddings.position_embeddings.weight")[first : first + LONGEST + before + MARKS]
        self.position_embd = nn.Embedding.from_pretrained(positions.clone(), freeze=False)
        self.token_embd_norm = nn.LayerNorm(width, epsilon)
        if mpnet:
            bias = take("encoder.relative_attention_bias.weight")
            self.attn_rel_b = nn.Embedding.from_pretrained(bias.clone(), freeze=False)
        else:
            kinds = take("embeddings.token_type_embeddings.weight")
            self.token_types = nn.Embedding.from_pretrained(kinds.clone(), freeze=False)
        count = config["num_hidden_layers"]
        self.blk = nn.ModuleList(
            Layer(width, config["intermediate_size"], self.heads, epsilon) for _ in range(count)
        )
        parts = {
            "attn_q": "attention.attn.q" if mpnet else "attention.self.query",
            "attn_k": "attention.attn.k" if mpnet else "attention.self.key",
            "attn_v": "attention.attn.v" if mpnet else "attention.self.value",
            "attn_output": "attention.attn.o" if mpnet else "attention.output.dense",
            "attn_output_norm": "attention.LayerNorm" if mpnet else "attention.output.LayerNorm",
            "ffn_up": "intermediate.dense",
            "ffn_down": "output.dense",
            "layer_output_norm": "output.LayerNorm",
        }
        places = {"token_embd_norm": (self.token_embd_norm, "embeddings.LayerNorm")}
        for at, layer in enumerate(self.blk):
            for ours, theirs in parts.items():
                places[f"{at}.{ours}"] = (getattr(layer, ours), f"encoder.layer.{at}.{theirs}")
        for module, name in places.values():
            module.weight.data.copy_(take(name + ".weight"))
            module.bias.data.copy_(take(name + ".bias"))
        self.look = nn.Linear(width, len(labels), bias=False)
        self.weigh, self.show = nn.Linear(width, len(labels)), nn.Linear(width, len(labels))
        for head in self.look, self.weigh, self.show:
            nn.init.normal_(head.weight, std=0.02)
        for head in self.weigh, self.show:
            nn.init.constant_(head.bias, -1.5)  # most labels are absent from most texts
        # BERT's marks, or else MPNet's, which has two of them between texts.
        mark = self.tokenizer.token_to_id
        if mark("[CLS]") is not None:
            self.start, self.end, self.between = mark("[CLS]"), mark("[SEP]"), []
        else:
            self.start, self.end, self.between = mark("<s>"), mark("</s>"), [mark("</s>")]

    def forward(self, ids, lengths, own, dropout=0.0):
        """The labels' log-odds `[texts, labels]`, and each piece's `[texts, pieces, labels]`."""
        place = torch.arange(ids.shape[1])
        rows = self.token_embd(ids) + self.position_embd(place)
        if hasattr(self, "token_types"):
            rows = rows + self.token_types((place[None] >= own[:, None]).long())
        rows = F.dropout(self.token_embd_norm(rows), dropout, self.training)
        mask = torch.zeros(len(ids), 1, 1, ids.shape[1])
        mask = mask.masked_fill((place[None] >= lengths[:, None])[:, None, None], -1e9)
        if hasattr(self, "attn_rel_b"):
            mask = mask + self.attn_rel_b(distances(ids.shape[1])).permute(2, 0, 1)[None]
        for layer in self.blk:
            rows = layer(rows, mask.to(torch.bfloat16))
        with torch.autocast("cpu", enabled=False):
            rows = F.dropout(rows.float(), dropout, self.training)
            foreign = (place[None] >= own[:, None])[:, :, None]
            shares = self.look(rows).masked_fill(foreign, -1e9).softmax(1)
            return (shares * self.weigh(rows)).sum(1), self.show(rows)

    def named(self):
        """The tensors under their names in the encoder's GGUF."""
        prefix = lambda name: "labels." if name.split(".")[0] in ("look", "weigh", "show") else ""
        return {prefix(name) + name: tensor.detach().contiguous() for name, tensor in self.state_dict().items()}

    def take_up(self, tensors):
        """Goes on from tensors that were saved."""
        self.load_state_dict({ours: tensors[name] for ours, name in zip(self.state_dict(), self.named())})

    def metadata(self):
        """What the encoder's file must say of itself."""
        return {
            "labels": ",".join(self.labels),
            "layers": str(len(self.blk)),
            "heads": str(self.heads),
            "epsilon": str(self.epsilon),
            "before": str(self.before),
            "tokenizer": self.tokenizer.to_str(),
        }


def base(path):
    """Configuration, weights and tokenizer of a sentence-embedding model: a folder, or a zip of one."""
    if os.path.isdir(path):
        read = lambda name: open(os.path.join(path, name), "rb").read()
    else:
        archive = zipfile.ZipFile(path)
        names = {os.path.basename(name): name for name in archive.namelist() if "Pooling" not in name}
        read = lambda name: archive.read(names[name])
    tokenizer = Tokenizer.from_str(read("tokenizer.json").decode())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return json.loads(read("config.json")), load(read("model.safetensors")), tokenizer


# How the same words may be typed or taken down: none of it changes what is said.
CONTRACTED = [
    ("I", " am", "'m"),
    ("you|we|they", " are", "'re"),
    ("do|does|did|is|are|was|were|would|could|should|has|have|had", " not", "n't"),
    ("I|you|we|they|he|she|it", " will", "'ll"),
    ("I|you|we|they", " have", "'ve"),
    ("can", "not", "'t"),
]
SHORTER = [(rf"\b({words}){long}\b", rf"\1{short}") for words, long, short in CONTRACTED]
SHORTER += [(r"\bwill not\b", "won't"), (r"\b(it|that|what|he|she) is\b", r"\1's")]
LONGER = [(rf"\b({words}){short}\b", rf"\1{long}") for words, long, short in CONTRACTED]
LONGER += [(r"\bwon't\b", "will not")]
FILLERS = ["um", "uh", "er", "erm", "mm", "like", "well", "so", "you know", "I mean", "kind of", "--", "..."]
FILLERS += ["[inaudible]", "[laughs]", "(laughs)", "(pause)", "<laugh>"]
AS_IT_STANDS = 0.42  # share of the examples that are not changed


def mistyped(word, chance):
    if len(word) < 4:
        return word
    at, kind = chance.randrange(1, len(word) - 1), chance.random()
    if kind < 0.4:  # two letters swapped, one left out, one doubled
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if kind < 0.7 else word[:at] + word[at] + word[at:]


def hesitating(piece, chance):
    words = piece.split(" ")
    for _ in range(1 + len(words) // 12):
        at = chance.randrange(len(words) + 1)
        if at == len(words) or chance.random() < 0.65:
            words.insert(at, chance.choice(FILLERS))
        else:
            words.insert(at, re.sub(r"\W+$", "", words[at]))
    return " ".join(words)


def retyped(pieces, chance):
    """The pieces of a text as somebody else would have typed them, piece by piece."""
    if chance.random() < AS_IT_STANDS:
        return pieces
    changes = []
    if chance.random() < 0.4:
        mark = chance.choice(["", "."])
        changes.append(lambda piece: piece.replace("?", mark))
    if chance.random() < 0.25:
        changes.append(lambda piece: re.sub(r"[.,;:!?\"]+(?=\s|$)", "", piece))
    if chance.random() < 0.3:
        for pattern, other in chance.choice([SHORTER, LONGER]):
            changes.append(lambda piece, p=pattern, o=other: re.sub(p, o, piece, flags=re.I))
    if chance.random() < 0.15:
        changes.append(lambda piece: piece.replace("'", ""))
    if chance.random() < 0.35:
        often = 1.0 if chance.random() < 0.3 else 0.3
        changes.append(lambda piece: hesitating(piece, chance) if chance.random() < often else piece)
    if chance.random() < 0.3:
        changes.append(lambda piece: " ".join(mistyped(w, chance) if chance.random() < 0.1 else w for w in piece.split(" ")))
    for change in changes:
        pieces = [change(piece) or piece for piece in pieces]
    return pieces


def numbers(example, network, chance=None):
    """Ids, how many are the text's own, answers and which count, and the same for each own piece."""
    encode = lambda text: network.tokenizer.encode(text, add_special_tokens=False).ids
    labels = network.labels
    pieces = example["pieces"] if chance is None else retyped(example["pieces"], chance)
    ids, source = [network.start], [None]
    for at, piece in enumerate(pieces):
        found = encode(piece)
        ids += found
        source += [at] * len(found)
    ids, source = ids[: LONGEST + 1] + [network.end], source[: LONGEST + 1] + [None]
    own = len(ids)
    if example.get("before"):
        ids += network.between + encode(example["before"])[-network.before :] + [network.end]
    yes, unknown, shown = set(example["yes"]), set(example.get("unknown", [])), example.get("shown", {})
    answers = torch.tensor([float(label in yes) for label in labels])
    counts = torch.tensor([float(label not in unknown) for label in labels])
    # Where a label is absent no piece shows it; where it is present that is known only if somebody said so.
    known = torch.tensor([float(label not in unknown and (label not in yes or label in shown)) for label in labels])
    inside = torch.tensor([float(at is not None) for at in source])
    shows = torch.tensor([[float(at in shown.get(label, ())) for label in labels] for at in source])
    return ids, own, answers, counts, shows, inside[:, None] * known[None]


def together(items):
    """A batch, padded."""
    length, most = max(len(item[0]) for item in items), max(item[1] for item in items)
    ids = torch.ones(len(items), length, dtype=torch.long)
    shows = torch.zeros(len(items), most, items[0][4].shape[1])
    counts = torch.zeros_like(shows)
    for at, item in enumerate(items):
        ids[at, : len(item[0])] = torch.tensor(item[0])
        shows[at, : item[1]], counts[at, : item[1]] = item[4], item[5]
    lengths, own = (torch.tensor(list(sizes)) for sizes in ((len(i[0]) for i in items), (i[1] for i in items)))
    return ids, lengths, own, torch.stack([i[2] for i in items]), torch.stack([i[3] for i in items]), shows, counts


def batches(lengths, size, chance):
    """All examples once, in batches of like length, in random order."""
    order = list(range(len(lengths)))
    chance.shuffle(order)
    found = []
    for at in range(0, len(order), size * 16):
        stretch = sorted(order[at : at + size * 16], key=lambda example: lengths[example])
        found += [stretch[start : start + size] for start in range(0, len(stretch), size)]
    chance.shuffle(found)
    return found


def mean_loss(logits, answers, counts):
    losses = F.binary_cross_entropy_with_logits(logits, answers, reduction="none")
    return (losses * counts).sum() / counts.sum().clamp(min=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True, help="the sentence-embedding model: a folder or a zip of one")
    parser.add_argument("--examples", required=True)
    parser.add_argument("--labels", required=True, help="the labels' names, with commas between")
    parser.add_argument("--output", required=True, help="the weights, a safetensors file; gone on from if it is there")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=5e-5, help="highest learning rate of the pretrained layers")
    parser.add_argument("--head-rate", type=float, default=1e-3, help="the same of the labels' heads")
    parser.add_argument("--before", type=int, default=40, help="most word pieces of what stood before")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--start", help="weights of an earlier training to begin with")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    network = Network(base(args.base), args.labels.split(","), args.before)
    if args.start:
        network.take_up(load_file(args.start))
    examples = [json.loads(line) for line in open(args.examples, encoding="utf-8")]
    heads = [*network.look.parameters(), *network.weigh.parameters(), *network.show.parameters()]
    apart = {id(tensor) for tensor in heads}
    body = [t for t in network.parameters() if t.requires_grad and id(t) not in apart]
    groups = [{"params": body, "lr": args.rate}, {"params": heads, "lr": args.head_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98), fused=True)
    highest = [group["lr"] for group in groups]
    lengths = [sum(map(len, e["pieces"])) + len(e.get("before") or "") for e in examples]
    steps = args.epochs * math.ceil(len(examples) / args.batch)
    # The order of the batches depends on the seed alone, so what was done before a stop can be passed over.
    order = [b for epoch in range(args.epochs) for b in batches(lengths, args.batch, random.Random(args.seed + epoch))]
    state, done = args.output + ".state", 0
    if os.path.exists(state):
        saved = torch.load(state)
        network.take_up(load_file(args.output))
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["done"]
        print(f"going on after step {done} of {steps}", flush=True)
    begun, total = time.time(), 0.0
    network.train()
    for step, batch in enumerate(order):
        if step < done:
            continue
        share = step / steps
        for group, rate in zip(optimizer.param_groups, highest):
            group["lr"] = rate * min(1.0, share / 0.06) * (1 - share)
        chance = random.Random(args.seed * 1_000_003 + step)
        ids, length, own, answers, counts, shows, known = together(
            [numbers(examples[at], network, chance) for at in batch]
        )
        with torch.autocast("cpu", torch.bfloat16):
            logits, pieces = network(ids, length, own, dropout=0.1)
        loss = mean_loss(logits, answers, counts) + 0.5 * mean_loss(pieces[:, : shows.shape[1]], shows, known)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*body, *heads], 1.0)
        optimizer.step()
        total += loss.item()
        if (step + 1) % 20 == 0:
            print(f"step {step + 1}/{steps} loss {total / 20:.4f} {time.time() - begun:.0f} s", flush=True)
            total = 0.0
        if (step + 1) % SAVE_EVERY == 0:
            save_file(network.named(), args.output, network.metadata())
            torch.save({"optimizer": optimizer.state_dict(), "done": step + 1}, state)
    save_file(network.named(), args.output, network.metadata())
    if os.path.exists(state):
        os.remove(state)


if __name__ == "__main__":
    main()
