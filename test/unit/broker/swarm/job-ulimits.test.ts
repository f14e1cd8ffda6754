import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "#shared/schemas/limits.ts";
import { parseJobRequest } from "../../../../roles/broker/admission/job-request.ts";
import { parseBytes } from "../../../../roles/broker/job/quantities.ts";
import { jobUlimits } from "../../../../roles/broker/swarm/job-ulimits.ts";

describe("a file of a job", () => {
  const fsizeOf = (asked: object) => {
    const request = parseJobRequest({ image: "a", command: ["x"], limits: asked });
    return { request, own: jobUlimits(request).filter(({ Name }) => Name === "fsize") };
  };
  const { output_bytes_max } = limits.jobs;
  const MiB = 2 ** 20;

  test.each<[string, object, number]>([
    ["as an output may be", { tmpfs: ["/tmp:size=1m"] }, output_bytes_max],
    ["as an output may be, without a tmpfs", { tmpfs: [] }, output_bytes_max],
    ["as the default tmpfs", {}, 512 * MiB],
    ["as its largest tmpfs", { tmpfs: ["/tmp:size=1g", "/a:size=3g", "/b:size=2g"] }, 3_072 * MiB],
    ["as its memory, where the tmpfs is larger", { memory: "1g", tmpfs: ["/tmp:size=900g"] }, 1_024 * MiB],
  ])("is at most as large %s", (_, asked, bytes) => {
    expect(fsizeOf(asked).own).toEqual([{ Name: "fsize", Soft: bytes, Hard: bytes }]);
  });

  test("can be lowered by the job's request, but not raised", () => {
    const value = fc.oneof(fc.constant(-1), fc.nat(2 ** 30), fc.integer({ min: 0, max: 999_999_999_999 }));
    const memory = fc.constantFrom("64m", "512m", "2g");
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { maxLength: 3 }), memory, (asked, size) => {
        const tmpfs = ["/tmp:size=1g"];
        const ulimits = ["nofile=1:2", ...asked.map(([soft, hard]) => `fsize=${soft}:${hard}`)];
        const { own } = fsizeOf({ ulimits, memory: size, tmpfs });
        const bound = Math.max(output_bytes_max, Math.min(1_024 * MiB, parseBytes(size) ?? 0));
        const [limit] = own;
        expect(own).toHaveLength(1);
        expect(limit?.Hard).toBe(Math.min(bound, ...asked.map(([, hard]) => hard).filter((bytes) => bytes >= 0)));
        expect(limit?.Soft).toBeGreaterThanOrEqual(0);
        expect(limit?.Soft).toBeLessThanOrEqual(limit?.Hard ?? -1);
      }),
    );
    expect(jobUlimits(fsizeOf({ ulimits: ["nofile=1:2", "fsize=5"] }).request)).toEqual([
      { Name: "nofile", Soft: 1, Hard: 2 },
      { Name: "fsize", Soft: 5, Hard: 5 },
    ]);
  });
});
