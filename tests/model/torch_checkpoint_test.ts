import assert from "node:assert/strict";
import * as fc from "../../lib/deps/fast_check.ts";
import { InputError } from "../../lib/errors.ts";
import type { TensorData } from "../../lib/model/safetensors.ts";
import { openTorchCheckpoint, readTorchCheckpoint } from "../../lib/model/torch_checkpoint.ts";
import { writeTorchCheckpoint } from "../../lib/model/write_torch_checkpoint.ts";
import { join, type Piece, withFile } from "../data/pickle_bytes.ts";
import { withFolder } from "../temporary_folder.ts";
import { dict, floats, tensor, text, torchFile, zip } from "./torch_bytes.ts";

const SIX = floats(0, 1, 2, 3, 4, 5);
const ROWS = { count: 6, shape: [2, 3], stride: [3, 1] };

/** Tensors of a file as lists of numbers. */
function read(bytes: Uint8Array): Record<string, unknown> {
  return withFile(
    bytes,
    (path) =>
      Object.fromEntries([...readTorchCheckpoint(path)].map(([name, { data }]) => [name, Array.from(data, Number)])),
  );
}

Deno.test("shared and strided storages come out row-major", () => {
  const state = dict({
    rows: tensor(ROWS),
    turned: tensor({ count: 6, shape: [3, 2], stride: [1, 3] }),
    part: tensor({ count: 6, offset: 1, shape: [2, 2], stride: [3, 1] }),
    every: tensor({ count: 6, offset: 1, shape: [3], stride: [2] }),
    spread: tensor({ count: 6, offset: 5, shape: [2, 2], stride: [0, 0] }),
    one: tensor({ count: 6, offset: 4, shape: [], stride: [] }),
    none: tensor({ count: 6, shape: [0, 3], stride: [3, 1] }),
  });
  for (const wide of [false, true]) {
    assert.deepEqual(read(torchFile(state, [SIX], wide)), {
      rows: [0, 1, 2, 3, 4, 5],
      turned: [0, 3, 1, 4, 2, 5],
      part: [1, 2, 4, 5],
      every: [1, 3, 5],
      spread: [5, 5, 5, 5],
      one: [4],
      none: [],
    });
  }
});

Deno.test("every type of numbers is read; those that are not are refused when asked for", () => {
  const types: [string, Uint8Array, TensorData["dtype"]][] = [
    ["FloatStorage", floats(1.5), "F32"],
    ["DoubleStorage", new Uint8Array(Float64Array.of(1.5).buffer), "F64"],
    ["HalfStorage", Uint8Array.of(0, 0x3e), "F16"],
    ["BFloat16Storage", Uint8Array.of(0xc0, 0x3f), "BF16"],
    ["LongStorage", Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0), "I64"],
    ["IntStorage", Uint8Array.of(7, 0, 0, 0), "I32"],
    ["ByteStorage", Uint8Array.of(7), "U8"],
    ["BoolStorage", Uint8Array.of(1), "BOOL"],
  ];
  const view = { count: 1, shape: [1], stride: [1] };
  const state = dict(
    Object.fromEntries([
      ...types.map(([type], storage) => [type, tensor({ ...view, type, storage })]),
      ["odd", tensor({ ...view, type: "ShortStorage" })],
    ]),
  );
  withFile(torchFile(state, types.map(([, bytes]) => bytes)), (path) => {
    using file = openTorchCheckpoint(path);
    for (const [type, bytes, dtype] of types) {
      const { data, ...rest } = file.read(type);
      assert.deepEqual(rest, { dtype, shape: [1] });
      assert.deepEqual(new Uint8Array(data.buffer), bytes);
    }
    assert.throws(() => file.read("odd"), { name: "InputError", message: /odd in 16, 32 .* found torch.ShortStorage/ });
    assert.throws(() => file.read("nothing"), { name: "InputError", message: /tensor named nothing, found none/ });
  });
});

Deno.test("state dicts are found bare and under the usual names, with what training keeps beside them", () => {
  const t = tensor(ROWS);
  const beside = {
    epoch: "K\x03",
    schedule: dict({ milestones: join("ccollections\nCounter\n}(K\x08K\x01u\x85R") }),
    size: join("ctorch\nSize\nK\x01K\x02\x86\x85R"),
    device: join("ctorch\ndevice\n", text("cuda"), "K\x00\x86R"),
    dtype: "ctorch\nfloat32\n",
  };
  const parameter = join("ctorch._utils\n_rebuild_parameter\n", t, "\x88ccollections\nOrderedDict\n)R\x87R");
  const ordered = join("ccollections\nOrderedDict\n)R(", text("t"), t, "u}", text("_metadata"), "}sb");
  const contents: Piece[] = [
    dict({ t }),
    dict({ t: parameter, ...beside }),
    ordered,
    dict({ state_dict: ordered, ...beside }),
    dict({ backbone: dict({ t }), head: dict({ w: t }) }),
    dict({ ...beside, model: dict({ state_dict: dict({ t }) }) }),
    dict({ state_dict_backbone: dict({ t }), state_dict_softmax_fc: dict({ w: t }) }),
  ];
  for (const content of contents) assert.deepEqual(read(torchFile(content, [SIX])), { t: [0, 1, 2, 3, 4, 5] });
});

Deno.test("files that are something else are refused in one line, and nothing of them runs", () => {
  const t = tensor(ROWS);
  const file = (pickle: Piece, storages = [SIX]) => torchFile(pickle, storages);
  const data = { name: "m/data.pkl", bytes: join("\x80\x02", dict({ t }), ".") };
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /expected a zip archive/],
    [
      join("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
      /the older format of one pickle after the other/,
    ],
    [join(new Uint8Array(257), "ustar\x0000", new Uint8Array(300)), /the older tar format/],
    [join("PK\x03\x04", new Uint8Array(100)), /end of a zip archive, found none/],
    [zip([{ name: "m/other", bytes: SIX }]), /one data.pkl in the archive, found none/],
    [zip([data, { name: "data.pkl", bytes: SIX }]), /one data.pkl in the archive, found 2/],
    [zip([data, { name: "m/constants.pkl", bytes: SIX }]), /TorchScript program/],
    [zip([{ ...data, method: 8 }]), /data.pkl to be stored as it is, found it compressed/],
    [zip([{ ...data, checksum: 5 }]), /data.pkl with checksum 0x00000005, found 0x/],
    [zip([data]), /the numbers of t in m\/data\/0, found no such entry/],
    [zip([data, { name: "m/data/0", bytes: SIX, checksum: 5 }]), /m\/data\/0 with checksum 0x00000005/],
    [
      zip([data, { name: "m/data/0", bytes: SIX.subarray(1) }]),
      /expected 6 numbers of F32 in m\/data\/0, found 23 bytes/,
    ],
    // calls
    [file("cos\nsystem\nX\x04\x00\x00\x00true\x85R"), /the pickle names os\.system, which is not on the list/],
    [file("cbuiltins\neval\nX\x01\x00\x00\x001\x85R"), /names builtins\.eval/],
    [file("ctorch.nn.modules.container\nSequential\n)R"), /names torch\.nn\.modules\.container\.Sequential/],
    [file("ctorch\nFloatStorage\n)R"), /a call of torch\.FloatStorage/],
    [file("ctorch\nload\n(K\x01tR"), /names torch\.load/],
    [file(join(dict({ t }), "}b")), /a dict of 1 that is given a state/],
    // tensors that are not in their storages
    [file(dict({ t: tensor({ ...ROWS, count: 5 }) })), /within its 5 numbers, found it beyond/],
    [file(dict({ t: tensor({ ...ROWS, offset: 1 }) })), /found it beyond/],
    [file(dict({ t: tensor({ ...ROWS, stride: [3] }) })), /offset, size and stride/],
    [file(dict({ t: tensor({ ...ROWS, shape: [2 ** 31, 2 ** 31], stride: [0, 0] }) })), /fits memory/],
    [file(dict({ t: tensor({ ...ROWS, shape: [2 ** 30], stride: [0] }) })), /views that take 4294967296/],
    [file(dict({ t: tensor({ ...ROWS, shape: [2 ** 53], stride: [1] }) })), /something else/],
    [file(join(text("no storage"), "Q")), /storage's class, key, device and count/],
    [file("ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x00))tR"), /storage of a tensor, found a number/],
    // no tensors
    [file(dict({ epoch: "K\x03", loss: "K\x01" })), /tensors by name, .*found a dict with epoch, loss/],
    [file("]"), /found a list of 0/],
    [file(dict({ state_dict: dict({}) })), /found a dict with state_dict/],
  ];
  for (const [bytes, message] of cases) {
    withFile(bytes, (path) => {
      assert.throws(() => readTorchCheckpoint(path), (error: Error) => {
        assert.ok(error instanceof InputError, error.stack);
        assert.match(error.message, message);
        assert.match(error.message, /^Cannot read PyTorch file \S+: [^\n]+; [^\n]+$/);
        return true;
      });
    });
  }
});

Deno.test("a truncated or bit-flipped file is never read as something else", () => {
  const whole = torchFile(
    dict({ "fc.weight": tensor(ROWS), "fc.bias": tensor({ ...ROWS, shape: [3], stride: [1] }) }),
    [
      SIX,
    ],
  );
  const expected = read(whole);
  const edit = fc.record({ cut: fc.boolean(), at: fc.nat(whole.length - 1), bit: fc.nat(7) });
  fc.assert(
    fc.property(edit, ({ cut, at, bit }) => {
      const bytes = cut ? whole.slice(0, at) : whole.slice();
      if (!cut) bytes[at] ^= 1 << bit;
      try {
        assert.deepEqual(read(bytes), expected); // dates, flags and names of other entries are not looked at
        assert.ok(!cut, "a cut file was read");
      } catch (error) {
        assert.ok(error instanceof InputError, (error as Error).stack);
      }
    }),
    { seed: 21, numRuns: 600 },
  );
});

const STATE = new Map<string, TensorData>([
  ["conv.weight", { dtype: "F32", shape: [2, 1, 1, 3], data: Float32Array.of(1, -2, 3, 0.5, 1e-30, Infinity) }],
  ["scale", { dtype: "F64", shape: [], data: Float64Array.of(0.1) }],
  ["half", { dtype: "F16", shape: [2], data: Uint16Array.of(0x3c00, 0xc000) }],
  ["brain", { dtype: "BF16", shape: [1], data: Uint16Array.of(0x3f80) }],
  ["steps", { dtype: "I64", shape: [1], data: BigInt64Array.of(-5n) }],
  ["empty", { dtype: "F32", shape: [0, 4], data: new Float32Array(0) }],
]);

Deno.test("writeTorchCheckpoint() and readTorchCheckpoint() are inverse; data lie at multiples of 64", () =>
  withFolder((folder) => {
    const path = `${folder}/a.pth`;
    writeTorchCheckpoint(path, STATE);
    assert.deepEqual(readTorchCheckpoint(path), STATE);
    const hex = Deno.readFileSync(path).toHex();
    const data = new Uint8Array(STATE.get("conv.weight")!.data.buffer).toHex();
    assert.equal(hex.indexOf(data) / 2 % 64, 0);
    assert.equal(hex.indexOf("800263") / 2 % 64, 0); // the pickle
    assert.throws(() => writeTorchCheckpoint(path, STATE), { name: "InputError", message: /exists already/ });
    assert.throws(() => writeTorchCheckpoint(`${folder}/none/a.pth`, STATE), {
      name: "InputError",
      message: /no such file or folder/,
    });
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["a.pth"]);
  }));

/** A Python that has PyTorch: TORCH_PYTHON names one that is not python3. */
const python = (() => {
  try {
    const command = Deno.env.get("TORCH_PYTHON") ?? "python3";
    const { success } = new Deno.Command(command, { args: ["-c", "import torch"], stdout: "null", stderr: "null" })
      .outputSync();
    return success ? command : undefined;
  } catch {
    return undefined;
  }
})();
const skipped = python ? "" : " SKIPPED: no Python with PyTorch";

function runPython(script: string, path: string): string {
  const { success, stdout, stderr } = new Deno.Command(python!, { args: ["-c", script, path] }).outputSync();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: `PyTorch reads what writeTorchCheckpoint() writes, weights only${skipped}`,
  ignore: !python,
  fn: () =>
    withFolder((folder) => {
      writeTorchCheckpoint(`${folder}/a.pth`, STATE);
      const script = `
import json, sys, torch
state = torch.load(sys.argv[1], weights_only=True)
print(json.dumps({name: [str(t.dtype), list(t.shape), t.double().flatten().tolist()] for name, t in state.items()}))
`;
      assert.deepEqual(JSON.parse(runPython(script, `${folder}/a.pth`).replace("Infinity", "1e999")), {
        "conv.weight": ["torch.float32", [2, 1, 1, 3], [1, -2, 3, 0.5, Math.fround(1e-30), Infinity]],
        scale: ["torch.float64", [], [0.1]],
        half: ["torch.float16", [2], [1, -2]],
        brain: ["torch.bfloat16", [1], [1]],
        steps: ["torch.int64", [1], [-5]],
        empty: ["torch.float32", [0, 4], []],
      });
    }),
});

Deno.test({
  name: `readTorchCheckpoint() reads what PyTorch writes${skipped}`,
  ignore: !python,
  fn: () =>
    withFolder((folder) => {
      const script = `
import sys, torch
from torch import nn
folder = sys.argv[1]
base = torch.arange(6.0).reshape(2, 3)
model = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.BatchNorm2d(2), nn.PReLU(2))
with torch.no_grad(): model[0].weight.copy_(base.reshape(2, 3, 1, 1))
optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [8, 16])
checkpoint = {"backbone": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "epoch": 3}
torch.save(checkpoint, folder + "/checkpoint.pth")
views = {"turned": base.t(), "part": base[:, 1:], "half": base.half(), "brain": base.bfloat16(), "double": base.double(), "parameter": nn.Parameter(base)}
torch.save({"state_dict": views}, folder + "/views.pth")
torch.save(model, folder + "/whole.pth")
torch.save(model.state_dict(), folder + "/older.pth", _use_new_zipfile_serialization=False)
`;
      runPython(script, folder);
      const checkpoint = readTorchCheckpoint(`${folder}/checkpoint.pth`);
      assert.deepEqual([...checkpoint.keys()].slice(0, 3), ["0.weight", "1.weight", "1.bias"]);
      assert.deepEqual([...checkpoint.get("0.weight")!.data], [0, 1, 2, 3, 4, 5]);
      const views = readTorchCheckpoint(`${folder}/views.pth`);
      assert.deepEqual([...views.get("turned")!.data], [0, 3, 1, 4, 2, 5]);
      assert.deepEqual([...views.get("part")!.data], [1, 2, 4, 5]);
      assert.deepEqual([...views.get("double")!.data], [0, 1, 2, 3, 4, 5]);
      assert.deepEqual([...views.get("parameter")!.data], [0, 1, 2, 3, 4, 5]);
      assert.equal(views.get("half")!.data[1], 0x3c00);
      assert.equal(views.get("brain")!.data[1], 0x3f80);
      assert.throws(
        () => readTorchCheckpoint(`${folder}/whole.pth`),
        /names torch\.nn\.modules\.container\.Sequential/,
      );
      assert.throws(() => readTorchCheckpoint(`${folder}/older.pth`), /the older format/);
    }),
});
