"""The networks and the margin head in PyTorch, float32 and eager, for comparison.

Reads a JSON object a line, answers with one:
  {"do": "open", "plan": {...}, "frozen": [...], "batch": n, "classes": n, "embedding_size": n, "image_size": n,
   "head": {...}, "sgd": {...}, "weights": "file.safetensors" or null}  ->  what was made
  {"do": "step"}  ->  {"ms": ..., "loss": ...}
Without a plan the embeddings themselves are what is trained: the head alone. An error is {"error": text}.
"""
import json
import math
import os
import struct
import sys
import time

import torch
import torch.nn.functional as F

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.benchmark = True


class Network(torch.nn.Module):
    """The operations of a plan, one module each."""

    def __init__(self, plan, frozen):
        super().__init__()
        self.plan = plan
        self.names = [step["name"] for step in plan["steps"] if "name" in step]
        self.layers = torch.nn.ModuleList(self.layer(step, frozen) for step in plan["steps"] if "name" in step)

    @staticmethod
    def layer(step, frozen):
        op = step["op"]
        if op == "conv":
            return torch.nn.Conv2d(step["inputs"], step["outputs"], step["size"], step["stride"], step["pad"],
                                   groups=step["groups"], bias=False)
        if op == "linear":
            return torch.nn.Linear(step["inputs"], step["outputs"], step["bias"])
        if op == "prelu":
            return torch.nn.PReLU(step["channels"])
        # Of features and of images.
        norm = BatchNorm(step["channels"])
        norm.weight.requires_grad = step["name"] + ".weight" not in frozen
        return norm

    def forward(self, images):
        values = {self.plan["input"]: images}
        layers = iter(self.layers)
        for step in self.plan["steps"]:
            x = values[step["from"]]
            if step["op"] == "add":
                value = x + values[step["other"]]
            elif step["op"] == "flatten":
                value = x.flatten(1)
            else:
                value = next(layers)(x)
            values[step["to"]] = value
        return values[self.plan["output"]]

    def tensors(self):
        """Parameters and buffers by the names that the plan has for them."""
        for name, layer in zip(self.names, self.layers):
            for part, tensor in layer.state_dict(keep_vars=True).items():
                if part != "num_batches_tracked":
                    yield f"{name}.{part}", tensor


class BatchNorm(torch.nn.modules.batchnorm._BatchNorm):
    def _check_input_dim(self, input):
        pass


class Head(torch.nn.Module):
    """Center-bias margins: equations 1 to 6 of the method, in the order of the published code."""

    def __init__(self, classes, dim, dials):
        super().__init__()
        self.dials = dials
        bound = math.sqrt(6 / (classes + dim))
        self.weight = torch.nn.Parameter(torch.empty(classes, dim).uniform_(-bound, bound))
        self.register_buffer("center", torch.empty(classes, dim).uniform_(-bound, bound))
        self.register_buffer("t", torch.zeros(()))

    def margins(self, embeddings, labels, cosines):
        mu, least, grown = (self.dials[name] for name in ("centerMomentum", "margin", "mM"))
        self.center[labels] = (1 - mu) * embeddings + mu * self.center[labels]
        target = cosines.gather(1, labels[:, None])[:, 0]
        self.t.mul_(mu).add_((1 - mu) * target[target != 0].mean())
        hard = 1 - F.cosine_similarity(self.weight, self.center)
        hard = (hard - hard.min()) / (hard.max() - hard.min())
        return (least + hard * self.t * grown).clamp(least, least + grown)[labels]

    def forward(self, embeddings, labels):
        cosines = F.linear(F.normalize(embeddings), F.normalize(self.weight))
        with torch.no_grad():
            margin = self.margins(embeddings, labels, cosines)
        target = cosines.gather(1, labels[:, None])[:, 0]
        sine = (1 - target.square()).clamp(0, 1).sqrt()
        phi = target * margin.cos() - sine * margin.sin()
        phi = torch.where(target > (math.pi - margin).cos(), phi, target - margin.sin() * margin)
        logits = (cosines * self.dials["scale"]).scatter(1, labels[:, None], (phi * self.dials["scale"])[:, None])
        return F.cross_entropy(logits, labels)


class Training:
    def __init__(self, request):
        torch.manual_seed(21)
        batch, classes, dim, size = (request[name] for name in ("batch", "classes", "embedding_size", "image_size"))
        self.head = Head(classes, dim, request["head"])
        self.network = Network(request["plan"], set(request["frozen"])) if request["plan"] else None
        self.embeddings = torch.nn.Parameter(torch.randn(batch, dim))
        if request["weights"]:
            self.load(request["weights"])
        self.head.to(DEVICE)
        self.labels = (torch.arange(batch) * request["label_step"] % classes).to(DEVICE)
        if self.network:
            self.network.to(DEVICE)
            # Byte i of the images [batch, size, size, 3] is the highest of the 32-bit product 2654435761 i.
            pixels = (torch.arange(batch * size * size * 3) * 2654435761 % 2**32 // 2**24).float() / 127.5 - 1
            images = pixels.reshape(batch, size, size, 3).permute(0, 3, 1, 2).contiguous().to(DEVICE)
            self.embed = lambda: self.network(images)
            trained = [tensor for tensor in self.network.parameters() if tensor.requires_grad]
        else:
            embeddings = torch.nn.Parameter(self.embeddings.detach().to(DEVICE))
            self.embed = lambda: embeddings
            trained = [embeddings]
        self.parameters = sum(tensor.numel() for tensor in trained) if self.network else 0
        sgd = request["sgd"]
        self.optimizer = torch.optim.SGD([*trained, self.head.weight], lr=request["rate"],
                                         momentum=sgd["momentum"], weight_decay=sgd["weightDecay"])

    def load(self, path):
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
            data = bytearray(file.read())
        own = dict(self.network.tensors()) if self.network else {"embeddings": self.embeddings}
        own.update((f"head.{name}", tensor) for name, tensor in self.head.state_dict(keep_vars=True).items())
        with torch.no_grad():
            for name, tensor in own.items():
                begin, end = header[name]["data_offsets"]
                values = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
                tensor.copy_(values.reshape(tensor.shape))

    def step(self):
        synchronize()
        began = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.head(self.embed(), self.labels)
        loss.backward()
        self.optimizer.step()
        synchronize()
        return {"ms": 1000 * (time.perf_counter() - began), "loss": loss.item()}


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def main():
    training = None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if request["do"] == "open":
                training = None
                training = Training(request)
                name = torch.cuda.get_device_name() if DEVICE == "cuda" else f"{torch.get_num_threads()} threads"
                answer = {"parameters": training.parameters, "torch": torch.__version__, "device": f"{DEVICE}, {name}"}
            else:
                answer = training.step()
        except Exception as error:  # the other side says it and goes on without
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
