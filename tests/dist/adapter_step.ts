import * as tf from "../../lib/deps/tfjs.ts";
import type { Group } from "../../lib/dist/group.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";

/** Software drivers' libraries that are loaded into this process. Deno gives /proc to those alone that may do everything; cat may read it. */
export function loadedDrivers(): string[] {
  const { stdout } = new Deno.Command("cat", { args: [`/proc/${Deno.pid}/maps`] }).outputSync();
  return [...new Set(new TextDecoder().decode(stdout).match(/\/\S*libvulkan_lvp\S*\.so\b/g))].sort();
}

/** Computes the squares of rank + 1, rank + 2, … on this rank's adapter, averages them over the ranks, and puts them back on it. */
export async function averageOnAdapter(group: Group, count: number): Promise<number[]> {
  const { device } = await startWebGPU();
  void device.lost.then(({ message }) => group.fail(`device lost: ${message}`));
  const shared = await group.allocate(count);
  shared.set(await tf.square(tf.range(group.rank + 1, group.rank + 1 + count, 1)).data());
  await group.average(shared);
  const back = tf.tensor1d(new Float32Array(shared));
  return [...await tf.sqrt(back).square().data()];
}
