import { describe, expect, test } from "bun:test";
import type { SwarmNode } from "#shared/engine/engine.ts";
import type { LiveState } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import { JobMemories, newMemory, remember } from "../../../../roles/broker/lifecycle/memory.ts";
import { TasksView } from "../../../../roles/broker/swarm/tasks-view.ts";
import { VirtualClock } from "../../../simulation/model/virtual-clock.ts";
import { jobIn, taskOf } from "../../../support/builders/decisions.ts";

interface Look {
  readonly node?: string | null;
  readonly hasTask?: boolean;
  readonly monotonic_ms?: number;
}

function sightOf({ node = "ready", hasTask = true, monotonic_ms = 0 }: Look) {
  return {
    now_ms: 0,
    monotonic_ms,
    grants: new Map(),
    lostNodes: new Set<string>(),
    closing: new Map(),
    disks_full_ms: new Map(),
    tasks: new TasksView(hasTask ? [taskOf({ is: "running" })] : []),
    nodes: new Map(node === null ? [] : [["node", { Status: { State: node } } as SwarmNode]]),
  };
}

describe("a node that left Ready while a job ran there", () => {
  const rows: readonly (readonly [LiveState, string | null, boolean])[] = [
    ["running", "down", true],
    ["starting", "down", true],
    ["running", "disconnected", true],
    ["running", null, true],
    ["running", "ready", false],
    ["running", "unknown", false],
    ["collecting", "down", false],
    ["staging", "down", false],
  ];
  for (const [state, node, isRemembered] of rows) {
    test(`is ${isRemembered ? "" : "not "}remembered of a ${state} job when it is ${node ?? "gone"}`, () => {
      const memory = newMemory(0);
      remember(memory, jobIn(state), sightOf({ node }));
      remember(memory, jobIn(state), sightOf({}));
      expect(memory.wasNodeAway).toBe(isRemembered);
    });
  }
});

test("a task is missing from the first look that lacks it until one has it again", () => {
  const memory = newMemory(0);
  const sinceWhen = (state: LiveState, look: Look) => {
    remember(memory, jobIn(state, {}, state === "starting" ? { swarm_task_id: "task" } : {}), sightOf(look));
    return memory.missing_since_ms;
  };
  expect(sinceWhen("starting", { hasTask: false, monotonic_ms: 5 })).toBe(5);
  expect(sinceWhen("starting", { hasTask: false, monotonic_ms: 9 })).toBe(5);
  expect(sinceWhen("starting", { monotonic_ms: 10 })).toBeNull();
  expect(sinceWhen("running", { hasTask: false, monotonic_ms: 20 })).toBe(20);
});

test("a task that was never seen is not missing", () => {
  const memory = newMemory(0);
  remember(memory, jobIn("starting"), sightOf({ hasTask: false }));
  expect(memory.missing_since_ms).toBeNull();
});

test("a memory begins with creates of a former leader pending for 10 s, and is forgotten as a whole", async () => {
  const clock = new VirtualClock();
  const memories = new JobMemories(clock);
  const settled_ms = clock.monotonic() + limits.jobs.intent_ms_max;
  await clock.advance(5_000);
  const memory = memories.of("job");
  expect(memory.creates_settled_ms).toBe(settled_ms);
  Object.assign(memory, { isSealed: true, isServiceMade: true });
  expect(memories.of("job")).toBe(memory);
  memories.forget("job");
  expect(memories.of("job")).toEqual(newMemory(settled_ms));
});
