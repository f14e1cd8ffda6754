import { describe, expect, test } from "bun:test";
import { isSealed, sealed } from "#shared/engine/seal.ts";
import type { JobRequest } from "#shared/schemas/job.ts";
import { requireOneNetwork } from "#shared/swarm/container.ts";
import { isImageAllowed, parseImageReference } from "../../../roles/broker/admission/image-reference.ts";
import { parseJobRequest } from "../../../roles/broker/admission/job-request.ts";
import { parseBytes, parseTmpfs, parseUlimit } from "../../../roles/broker/job/quantities.ts";
import {
  freeCapacities,
  type Grant,
  type NodeCapacity,
  place,
  type QueuedJob,
} from "../../../roles/broker/placement/placement.ts";
import { featuresOf } from "../../../roles/broker/swarm/engine-features.ts";
import { jobService } from "../../../roles/broker/swarm/job-service-spec.ts";

describe("an image allowlist", () => {
  const allows = (image: string, ...list: string[]) => {
    const reference = parseImageReference(image);
    return reference !== null && isImageAllowed(reference, list);
  };
  test("matches at the boundary of a repository", () => {
    expect(allows("ghcr.io/acme/a:1", "ghcr.io/acme/")).toBe(true);
    expect(allows("ghcr.io/acme-evil/a", "ghcr.io/acme/")).toBe(false);
    expect(allows("ghcr.io/acme/ab", "ghcr.io/acme/a")).toBe(false);
    expect(allows("busybox", "docker.io/library/busybox")).toBe(true);
    expect(allows("evil.io/library/busybox", "busybox")).toBe(false);
    expect(allows("acme/a:2", "acme/a:1")).toBe(false);
  });
  test("refuses what is no image reference", () => {
    for (const text of ["", "-x", "A/b", "a b", "a:", "a@sha256:1", "a/../b", "a\n", "--privileged"])
      expect(parseImageReference(text)).toBeNull();
  });
});

test("sizes, tmpfs and ulimits are read as Docker writes them", () => {
  expect(["4g", "512m", "1.5GiB", "10", "0", "much", "-1g"].map(parseBytes)).toEqual([
    2 ** 32,
    2 ** 29,
    1.5 * 2 ** 30,
    10,
    null,
    null,
    null,
  ]);
  expect(parseTmpfs("/tmp:rw,noexec,size=1m")).toEqual({
    target: "/tmp",
    size_bytes: 2 ** 20,
    mode: 0o1777,
    isExec: false,
  });
  expect(parseTmpfs("/work:mode=0700")?.mode).toBe(0o700);
  expect(parseTmpfs("/tmp:noexec,exec")?.isExec).toBe(true);
  expect(parseTmpfs("/tmp:exec,noexec")?.isExec).toBe(false);
  expect(parseTmpfs("/tmp:suid")).toBeNull();
  expect(parseUlimit("nofile=1:2")).toEqual({ Name: "nofile", Soft: 1, Hard: 2 });
  expect(parseUlimit("nofile")).toBeNull();
});

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

describe("a job's service", () => {
  const request = (changes: object = {}): JobRequest => parseJobRequest({ image: "a", command: ["run"], ...changes });
  const placement = {
    id: "1",
    challenge: "demo",
    image_id: "sha256:1",
    node_id: "n",
    node_class: "cpu",
    data_volumes: [],
    features: featuresOf("1.45"),
  };
  const container = (changes: object) => jobService(request(changes), placement).TaskTemplate.ContainerSpec;

  test("runs once, without rights, reservations or another network than its own", () => {
    const { Mode, TaskTemplate } = jobService(request(), placement);
    expect(Mode).toEqual({ ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } });
    expect(TaskTemplate.RestartPolicy?.Condition).toBe("none");
    expect(TaskTemplate.Networks).toEqual([{ Target: "platform-job-1" }]);
    expect(TaskTemplate.Resources?.Reservations).toBeUndefined();
    expect(TaskTemplate.Placement?.Constraints).toEqual(["node.labels.platform.workload==cpu", "node.id==n"]);
    expect(TaskTemplate.ContainerSpec).toMatchObject({
      ReadOnly: true,
      Init: true,
      CapabilityDrop: ["ALL"],
      Privileges: { NoNewPrivileges: true, Seccomp: { Mode: "default" } },
    });
  });
  test("gets no swap, when the engine can limit it", () => {
    const resources = (api: string) =>
      jobService(request(), { ...placement, features: featuresOf(api) }).TaskTemplate.Resources;
    expect(resources("1.52")?.SwapBytes).toBe(0);
    expect(resources("1.51")).not.toHaveProperty("SwapBytes");
  });

  test("reserves GPUs only where they are asked for", () => {
    const { Resources } = jobService(request({ limits: { gpu_count: 2 } }), placement).TaskTemplate;
    expect(Resources?.Reservations?.GenericResources).toEqual([
      { DiscreteResourceSpec: { Kind: "NVIDIA-GPU", Value: 2 } },
    ]);
  });
  test("takes command and environment literally and keeps our labels ours", () => {
    expect(container({ command: ["{{x}}"] }).Args).toEqual(["{{x}}"]);
    expect(container({ env: { A: "{{.Node.ID}}" } }).Env).toEqual(['A={{"{{"}}.Node.ID}}']);
    const labels = container({ labels: { "platform.id": "forged", mine: "1" } }).Labels;
    expect(labels).toMatchObject({ "platform.id": "1", mine: "1" });
  });
  test("mounts a part of a volume where a file is asked for", () => {
    const mounts = [{ target: "/f", source_type: "file", source_name: "./x/f", archive_b64: "AA==" }];
    expect(container({ mounts }).Mounts?.[0]?.VolumeOptions).toEqual({ NoCopy: true, Subpath: "x/f" });
  });
  test("is sealed by wanting no completions, and never without exactly one network", () => {
    const spec = jobService(request(), placement);
    expect([isSealed(spec), isSealed(sealed(spec))]).toEqual([false, true]);
    const without = { ...spec, TaskTemplate: { ...spec.TaskTemplate, Networks: [] } };
    expect(() => requireOneNetwork(without)).toThrow("exactly one network");
  });
});
