import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "#shared/schemas/limits.ts";
import { parseJobRequest } from "../../../roles/broker/admission/job-request.ts";
import type { JobIn } from "../../../roles/broker/job/job.ts";
import {
  cancelledOutcome,
  fullDiskOutcome,
  killedOutcome,
  lostOutcome,
  type Outcome,
  outcomeOf,
} from "../../../roles/broker/job/outcome.ts";
import { parseBytes } from "../../../roles/broker/job/quantities.ts";
import { judgedByDisk } from "../../../roles/broker/lifecycle/full-disk.ts";
import { jobUlimits } from "../../../roles/broker/swarm/job-ulimits.ts";
import { jobIn } from "../../support/builders/decisions.ts";

const failed = outcomeOf("failed", "exit_code", "the command ended with exit code 3", 3);

describe("an end on a worker whose disk is full", () => {
  test.each<[string, Outcome]>([
    ["an exit code", failed],
    ["a timeout", outcomeOf("timed_out", "timeout", "the command did not end within 5 s", 124)],
    ["an exit code that only looked like a kill", killedOutcome(137, "itself")],
  ])("by %s is the platform's fault, and keeps what it would have been", (_, outcome) => {
    const { state, fault, reason, exit_code } = fullDiskOutcome(outcome);
    expect([state, fault, reason?.name, exit_code]).toEqual([
      "failed",
      "platform",
      "worker_disk_full",
      outcome.exit_code,
    ]);
    expect(reason?.code).toBeGreaterThanOrEqual(3_000);
    expect(reason?.detail).toContain(outcome.reason?.detail ?? "?");
  });

  test.each<[string, Outcome]>([
    ["a success", { state: "succeeded", reason: null, fault: null, exit_code: 0 }],
    ["memory that ran out", killedOutcome(137, "kernel")],
    ["an output that is too large", outcomeOf("failed", "output_too_large", "", 0)],
    ["a cancel", cancelledOutcome()],
    ["a lost worker", lostOutcome()],
  ])("by %s stays what it is", (_, outcome) => {
    expect(fullDiskOutcome(outcome)).toBe(outcome);
  });
});

test("a disk that was seen full excuses jobs that end up to a minute later, even when the wall clock is set", () => {
  const window_ms = limits.jobs.dispatch.full_disk_window_ms;
  const failing = jobIn("collecting", {}, { outcome: failed }) as JobIn<"collecting">;
  fc.assert(
    fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.nat(200_000), fc.nat(200_000), (step_ms, ago_ms, since_ms) => {
      const seen_ms = 9_000_000;
      const monotonic_ms = seen_ms + ago_ms + since_ms;
      const now_ms = 1_800_000_000_000 + step_ms;
      const disks_full_ms = new Map([[failing.node_id, seen_ms]]);
      // Live jobs' times move with the clock.
      const job = { ...failing, collecting_ms: now_ms - since_ms };
      const sight = { now_ms, monotonic_ms, disks_full_ms };
      const name = judgedByDisk({ job, sight, memory: { isDiskFull: false } }).reason?.name;
      expect(name).toBe(ago_ms <= window_ms ? "worker_disk_full" : "exit_code");
      const later = { ...sight, monotonic_ms: seen_ms, disks_full_ms };
      expect(judgedByDisk({ job, sight: later, memory: { isDiskFull: false } }).reason?.name).toBe("worker_disk_full");
    }),
  );
});

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
