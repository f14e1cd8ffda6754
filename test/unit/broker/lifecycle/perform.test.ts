import { describe, expect, test } from "bun:test";
import { LeadLostError } from "#shared/database/lead.ts";
import { EngineError } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { Finisher } from "../../../../roles/broker/lifecycle/finisher.ts";
import { type JobMemory, newMemory } from "../../../../roles/broker/lifecycle/memory.ts";
import { Performer } from "../../../../roles/broker/lifecycle/perform.ts";
import type { Step } from "../../../../roles/broker/lifecycle/step.ts";
import type { DispatchWorld } from "../../../../roles/broker/lifecycle/world.ts";
import { FullNodes } from "../../../../roles/broker/placement/full-nodes.ts";
import { VirtualClock } from "../../../simulation/model/virtual-clock.ts";
import { jobIn } from "../../../support/builders/decisions.ts";

/** A performer whose calls are recorded by name; `answers` gives the results of calls. */
function performing(answers: Readonly<Record<string, () => unknown>> = {}) {
  const calls: string[] = [];
  const clock = new VirtualClock();
  const told = (of: string) =>
    new Proxy(
      {},
      {
        get:
          (_, name) =>
          async (...words: unknown[]) => {
            calls.push(`${of}.${String(name)}`);
            return answers[String(name)]?.() ?? (name === "move" || name === "record" ? words[0] : null);
          },
      },
    );
  const world = {
    engine: told("engine"),
    store: told("store"),
    clock,
    log: { info: () => undefined, warn: () => undefined },
    settings: { stager_image: "stager", transfer_url: "http://broker", encrypted_overlays: false },
    features: { canLimitSwap: false },
    fencing: 1,
    tokens: { mint: () => "token" },
    registryAuthOf: async () => undefined,
    confirm: async () => {
      calls.push("confirm");
      answers["confirm"]?.();
    },
    changed: () => undefined,
  } as never as DispatchWorld;
  const performer = new Performer(world, new Finisher(world), new FullNodes(clock));
  return {
    calls,
    clock,
    perform: (memory: JobMemory, ...steps: Step[]) => performer.perform(jobIn("starting"), memory, steps),
  };
}

const irrevocable: readonly Step[] = [
  { do: "create service" },
  { do: "seal service" },
  { do: "start stager", kind: "collect", mounts: [0] },
  { do: "remove stager", kind: "stage" },
];

describe("a broker that lost its lead", () => {
  for (const step of irrevocable) {
    test(`does not ${step.do}`, async () => {
      const { calls, perform } = performing({
        confirm: () => {
          throw new LeadLostError("another leads");
        },
      });
      await expect(perform(newMemory(0), step)).rejects.toThrow(LeadLostError);
      expect(calls.filter((call) => call !== "engine.createNetwork")).toEqual(["confirm"]);
    });
  }
});

test("a step that fails ends the steps of its job", async () => {
  const { calls, perform } = performing({
    record: () => {
      throw new Error("no database");
    },
  });
  await expect(perform(newMemory(0), { do: "record", changes: {} }, { do: "seal service" })).rejects.toThrow(
    "no database",
  );
  expect(calls).toEqual(["store.record"]);
});

test("an unanswered create counts as pending for 10 s", async () => {
  const { clock, perform } = performing({
    createService: () => {
      throw new EngineError("unavailable", "cut");
    },
  });
  const memory = newMemory(0);
  await expect(perform(memory, { do: "create service" })).rejects.toThrow("cut");
  expect(memory).toMatchObject({
    isServiceMade: false,
    creates_settled_ms: clock.monotonic() + limits.jobs.intent_ms_max,
  });
});

test("a service that the engine refuses ends its job, with no create pending", async () => {
  const { calls, perform } = performing({
    createService: () => {
      throw new EngineError("refused", "no");
    },
  });
  const memory = newMemory(0);
  await perform(memory, { do: "create service" });
  expect([calls.at(-1), memory.creates_settled_ms]).toEqual(["store.end", 0]);
});

test("a service of this name counts as created", async () => {
  const { perform } = performing({
    createService: () => {
      throw new EngineError("conflict", "exists");
    },
  });
  const memory = newMemory(0);
  await perform(memory, { do: "create service" });
  expect(memory.isServiceMade).toBe(true);
});

describe("a former leader's service", () => {
  const lost = { state: "lost", reason: null, fault: "platform", exit_code: null } as const;
  test("is taken over when it exists", async () => {
    const { calls, perform } = performing({ service: () => ({}) });
    const memory = newMemory(0);
    await perform(memory, { do: "adopt service", otherwise: lost });
    expect([calls, memory.isServiceMade]).toEqual([["engine.service"], true]);
  });
  test("that does not exist ends the job only once it is given up", async () => {
    const { calls, perform } = performing();
    await perform(newMemory(0), { do: "adopt service", otherwise: null });
    expect(calls).toEqual(["engine.service"]);
    await perform(newMemory(0), { do: "adopt service", otherwise: lost });
    expect(calls.slice(1)).toEqual(["engine.service", "store.end"]);
  });
});
