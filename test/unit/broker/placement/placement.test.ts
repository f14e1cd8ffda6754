import { describe, expect, test } from "bun:test";
import {
  freeCapacities,
  type Grant,
  type NodeCapacity,
  place,
  type QueuedJob,
} from "../../../../roles/broker/placement/placement.ts";

describe("placing", () => {
  const node = (
    node_id: string,
    node_class: string,
    cpus: number,
    { gpu_count = 0, data = [] as string[] } = {},
  ): NodeCapacity => ({
    node_id,
    hostname: node_id,
    node_class,
    cpus,
    memory_bytes: 100,
    gpu_count,
    data_volumes: new Set(data),
  });
  const job = (id: string, challenge: string, changes: Partial<QueuedJob> = {}): QueuedJob => ({
    id,
    challenge,
    priority: 0,
    accepted_ms: Number(id.slice(1)),
    cpus: 1,
    memory_bytes: 1,
    gpu_count: 0,
    ...changes,
  });
  const share = (changes: Partial<Grant> = {}): Grant => ({
    running: { cpu: 0, gpu: 0 },
    last_start_ms: { cpu: 0, gpu: 0 },
    running_max: 10,
    share_weight: 1,
    data_volumes: [],
    ...changes,
  });
  const nodesOf = (...asked: Parameters<typeof place>) => place(...asked).map(({ id, node }) => [id, node.node_id]);
  const both = new Map([
    ["a", share()],
    ["b", share()],
  ]);

  test("gives challenges turns, however many jobs one of them has", () => {
    const queued = [job("j1", "a"), job("j2", "a"), job("j3", "a"), job("j4", "b")];
    expect(nodesOf(queued, both, [node("n", "cpu", 2)]).toSorted()).toEqual([
      ["j1", "n"],
      ["j4", "n"],
    ]);
  });
  test("respects a challenge's cap, then priority, then age", () => {
    const queued = [job("j2", "a"), job("j1", "a"), job("j3", "a", { priority: 1 })];
    const shares = new Map([["a", share({ running: { cpu: 1, gpu: 0 }, running_max: 3 })]]);
    expect(place(queued, shares, [node("n", "cpu", 9)]).map(({ id }) => id)).toEqual(["j3", "j1"]);
  });
  test("lets other lanes start when a challenge's next job fits nowhere, but no later job of its lane", () => {
    const queued = [job("j1", "a", { cpus: 9 }), job("j2", "a"), job("j3", "b"), job("j4", "a", { gpu_count: 1 })];
    const nodes = [node("n", "cpu", 4), node("g", "gpu", 4, { gpu_count: 1 })];
    expect(nodesOf(queued, both, nodes).toSorted()).toEqual([
      ["j3", "n"],
      ["j4", "g"],
    ]);
  });
  test("puts GPU jobs only on GPU nodes, and other jobs never there", () => {
    const queued = [job("j1", "a", { gpu_count: 1 }), job("j2", "b")];
    expect(nodesOf(queued, both, [node("g", "gpu", 9, { gpu_count: 1 })])).toEqual([["j1", "g"]]);
  });
  test("puts a job only where all of its data lies", () => {
    const nodes = [
      node("n1", "cpu", 1),
      node("n2", "cpu", 2, { data: ["x"] }),
      node("n3", "cpu", 3, { data: ["x", "y"] }),
    ];
    const granted = (data_volumes: string[]) => new Map([...both, ["a", share({ data_volumes })]]);
    const queued = [job("j1", "a"), job("j2", "b")];
    expect(place(queued, granted(["x", "y"]), nodes)).toMatchObject([
      { id: "j1", node: { node_id: "n3" }, data_volumes: ["x", "y"] },
      { id: "j2", node: { node_id: "n1" }, data_volumes: [] },
    ]);
    expect(nodesOf(queued, granted(["z"]), nodes)).toEqual([["j2", "n1"]]);
  });
  test("gives out no capacity that a lease or hold takes", () => {
    const lease = { node_id: "n", cpus: 2, memory_bytes: 1, gpu_count: 0 };
    expect(place([job("j1", "a")], both, freeCapacities([node("n", "cpu", 2)], [lease]))).toEqual([]);
  });
});
