import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "#shared/schemas/limits.ts";
import type { JobIn } from "../../../../roles/broker/job/job.ts";
import {
  cancelledOutcome,
  fullDiskOutcome,
  killedOutcome,
  lostOutcome,
  type Outcome,
  outcomeOf,
} from "../../../../roles/broker/job/outcome.ts";
import { judgedByDisk } from "../../../../roles/broker/lifecycle/full-disk.ts";
import { jobIn } from "../../../support/builders/decisions.ts";

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
