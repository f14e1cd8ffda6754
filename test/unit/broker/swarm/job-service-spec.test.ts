import { describe, expect, test } from "bun:test";
import { isSealed, sealed } from "#shared/engine/seal-service.ts";
import type { JobRequest } from "#shared/schemas/job.ts";
import { requireOneNetwork } from "#shared/swarm/container.ts";
import { parseJobRequest } from "../../../../roles/broker/admission/job-request.ts";
import { featuresOf } from "../../../../roles/broker/swarm/engine-features.ts";
import { jobService } from "../../../../roles/broker/swarm/job-service-spec.ts";

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
    const mounts = [{ target: "/f", source_type: "file", source_name: "./x/f", archive_b64: "YQ==" }];
    expect(container({ mounts }).Mounts?.[0]?.VolumeOptions).toEqual({ NoCopy: true, Subpath: "x/f" });
  });
  test("is sealed by wanting no completions, and never without exactly one network", () => {
    const spec = jobService(request(), placement);
    expect([isSealed(spec), isSealed(sealed(spec))]).toEqual([false, true]);
    const without = { ...spec, TaskTemplate: { ...spec.TaskTemplate, Networks: [] } };
    expect(() => requireOneNetwork(without)).toThrow("exactly one network");
  });
});
