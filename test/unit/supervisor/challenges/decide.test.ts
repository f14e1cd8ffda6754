import { describe, expect, test } from "bun:test";
import type { NetworkSpec, TaskState } from "#shared/engine/engine.ts";
import { label } from "#shared/swarm/labels.ts";
import { decideNetwork, decideService, isRotationOver } from "../../../../roles/supervisor/challenges/decide.ts";

const labels = (spec: string, challenge = "dice") => ({ [label.challenge]: challenge, [label.spec]: spec });
const wanted: NetworkSpec = { Name: "net", Labels: labels("new"), Internal: true, Attachable: false, Encrypted: true };

describe("a challenge's network", () => {
  test("is created where there is none", () => {
    expect(decideNetwork("dice", wanted, null, false)).toEqual(["create network"]);
    expect(decideNetwork("dice", wanted, null, true)).toEqual(["create network"]);
  });
  test("stays where it is as it is to be", () => {
    expect(decideNetwork("dice", wanted, { Labels: labels("new") }, true)).toEqual([]);
  });
  test("is made anew where it was made for other wishes", () => {
    expect(decideNetwork("dice", wanted, { Labels: labels("old") }, false)).toEqual([
      "remove network",
      "create network",
    ]);
  });
  test("is left by its service before it is made anew, in the next round", () => {
    expect(decideNetwork("dice", wanted, { Labels: labels("old") }, true)).toEqual([
      "remove service",
      "remove network",
    ]);
  });
  test("is never one that is not the challenge's", () => {
    for (const foreign of [{}, labels("new", "other")])
      expect(() => decideNetwork("dice", wanted, { Labels: foreign }, false)).toThrow("not the platform's");
  });
});

describe("a challenge's service", () => {
  const now = { Spec: { Labels: labels("new") } };
  const still = { token_rotating: false };
  test("is created where there is none", () => {
    expect(decideService({ Labels: labels("new") }, undefined, { token_rotating: true }, ["s"])).toBe("create service");
  });
  test("is updated where it differs from its record, before a rotation ends", () => {
    const before = { Spec: { Labels: labels("old") } };
    expect(decideService({ Labels: labels("new") }, before, { token_rotating: true }, ["s"])).toBe("update service");
  });
  test("has its rotation ended once it is as it is to be", () => {
    expect(decideService({ Labels: labels("new") }, now, { token_rotating: true }, [])).toBe("end rotation");
    expect(decideService({ Labels: labels("new") }, now, still, ["former"])).toBe("end rotation");
  });
  test("needs nothing more", () => {
    expect(decideService({ Labels: labels("new") }, now, still, [])).toBe("nothing");
  });
});

describe("a rotation", () => {
  const task = (State: TaskState, generation: string | null) => ({
    Spec: { ContainerSpec: { Labels: generation === null ? {} : { [label.token_generation]: generation } } } as never,
    Status: { State, Timestamp: "" },
  });
  const rows: readonly (readonly [string, ReturnType<typeof task>[], boolean])[] = [
    ["is over when all that runs has the present generation", [task("running", "2")], true],
    ["is not over while nothing runs", [task("starting", "2")], false],
    ["is not over while something runs with the former one", [task("running", "1"), task("running", "2")], false],
    ["is not over while something runs of which nothing is known", [task("running", null)], false],
    ["does not wait for what has stopped", [task("shutdown", "1"), task("running", "2")], true],
  ];
  for (const [what, tasks, isOver] of rows) test(what, () => expect(isRotationOver(tasks, 2)).toBe(isOver));
});
