import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineFault, TaskState } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import {
  collectedOutcome,
  isEngines,
  type Killer,
  killedOutcome,
  type Outcome,
  outcomeOf,
  type ReasonName,
  reasons,
  refusedOutcome,
  verdict,
} from "../../../../roles/broker/job/outcome.ts";
import { decideNotGranted, decideRefused } from "../../../../roles/broker/lifecycle/decide.ts";
import {
  inWords,
  jobIn,
  outcomeInWords,
  type SeenTask,
  stepsFor,
  taskOf,
} from "../../../support/builders/decisions.ts";

/** Codes by which challenges decide to retry. They never change. */
const known: readonly (readonly [ReasonName, number, Outcome["fault"]])[] = [
  ["exit_code", 1001, "submission"],
  ["out_of_memory", 1002, "submission"],
  ["timeout", 1003, "submission"],
  ["output_too_large", 1004, "submission"],
  ["output_refused", 1005, "submission"],
  ["image_not_found", 2001, "challenge"],
  ["command_not_found", 2002, "challenge"],
  ["container_refused", 2003, "challenge"],
  ["cancelled", 2004, "challenge"],
  ["network_not_granted", 2005, "challenge"],
  ["queue_deadline", 3001, "platform"],
  ["staging_deadline", 3002, "platform"],
  ["staging_failed", 3003, "platform"],
  ["start_deadline", 3004, "platform"],
  ["node_lost", 3005, "platform"],
  ["engine_error", 3006, "platform"],
  ["killed_unknown", 3007, "platform"],
  ["create_unknown", 3008, "platform"],
  ["task_gone", 3009, "platform"],
  ["worker_drained", 3010, "platform"],
  ["network_missing", 3011, "platform"],
  ["worker_disk_full", 3012, "platform"],
];

test("each reason has its code and its fault", () => {
  const said = (Object.keys(reasons) as ReasonName[]).map((name) => {
    const { reason, fault } = outcomeOf("failed", name, "");
    return [reason?.name, reason?.code, fault];
  });
  expect(said).toEqual(known.map((row) => [...row]));
});

test("each reason is that of a job's end in a test of a decision", () => {
  const folder = join(import.meta.dir, "..");
  const texts = [...new Bun.Glob("**/{decide*,outcome}.test.ts").scanSync(folder)]
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  const ends = [...texts.matchAll(/(?:failed|timed_out|cancelled|rejected|lost), ([a-z_]+), fault/g)];
  const named = new Set(ends.map(([, name]) => name));
  expect(Object.keys(reasons).filter((name) => !named.has(name))).toEqual([]);
});

test("a reason's detail is cut to 1,000 characters", () => {
  expect(outcomeOf("failed", "engine_error", "x".repeat(2_000)).reason?.detail).toHaveLength(1_000);
});

describe("a task's end", () => {
  const rows: readonly (readonly [what: string, is: TaskState, words: string, outcome: string])[] = [
    ["complete", "complete", "", "succeeded, exit 0"],
    ["non-zero exit", "failed", "task: non-zero exit (3)", "failed, exit_code, fault submission, exit 3"],
    ["a rejection that quotes an exit", "rejected", "task: non-zero exit (3)", "failed, engine_error, fault platform"],
    ["engine stopped, exit code 0", "failed", "No such container: x", "failed, engine_error, fault platform"],
    ["SIGKILL", "failed", "task: non-zero exit (137)", "failed, killed_unknown, fault platform, exit 137"],
    ["SIGTERM", "failed", "task: non-zero exit (143)", "failed, killed_unknown, fault platform, exit 143"],
    [
      "gone at the engine's start",
      "failed",
      "task: non-zero exit (255)",
      "failed, killed_unknown, fault platform, exit 255",
    ],
    [
      "a command of no such name",
      "failed",
      "task: non-zero exit (127)",
      "failed, exit_code, fault submission, exit 127",
    ],
    ["exit code without the words", "failed", "agent lost", "failed, engine_error, fault platform"],
    [
      "no such command",
      "failed",
      'starting container failed: exec: "x": executable file not found in $PATH',
      "failed, command_not_found, fault challenge",
    ],
    [
      "no such script",
      "failed",
      "OCI runtime create failed: exec /x: no such file or directory",
      "failed, command_not_found, fault challenge",
    ],
    [
      "a command that is not executable",
      "failed",
      "failed to create shim task: exec /x: permission denied",
      "failed, command_not_found, fault challenge",
    ],
    [
      "no such user in the image",
      "failed",
      "starting container failed: unable to find user joe",
      "failed, container_refused, fault challenge",
    ],
    [
      "no such user, in other words",
      "failed",
      "failed to create task: no matching entries in passwd",
      "failed, container_refused, fault challenge",
    ],
    ["other start failure", "failed", "starting container failed: cgroup", "failed, engine_error, fault platform"],
    ["no image", "rejected", "No such image: acme/x", "failed, image_not_found, fault challenge"],
    ["no access to the image", "rejected", "pull access denied for acme/x", "failed, image_not_found, fault challenge"],
    ["no such tag", "rejected", "manifest unknown", "failed, image_not_found, fault challenge"],
    [
      "no such repository",
      "rejected",
      "repository does not exist or may require login",
      "failed, image_not_found, fault challenge",
    ],
    ["a mount that is none", "rejected", "invalid mount config", "failed, container_refused, fault challenge"],
    ["an argument that is none", "rejected", "invalid argument", "failed, container_refused, fault challenge"],
    ["a user that is none", "rejected", "unable to find user joe", "failed, container_refused, fault challenge"],
    ["no manifest", "rejected", "acme/x not found: manifest", "failed, image_not_found, fault challenge"],
    ["a user's name that is none", "rejected", "invalid user: a b", "failed, container_refused, fault challenge"],
    ["orphaned", "orphaned", "", "failed, engine_error, fault platform"],
    ["shutdown", "shutdown", "", "failed, engine_error, fault platform"],
    ["removed", "remove", "", "failed, engine_error, fault platform"],
  ];
  for (const [what, is, words, outcome] of rows)
    test(`(${what}) is: ${outcome}`, () => expect(outcomeInWords(verdict(taskOf({ is, words })))).toBe(outcome));
});

describe("a container that was killed", () => {
  const rows: readonly (readonly [Killer, string, isEngines: boolean])[] = [
    ["kernel", "failed, out_of_memory, fault submission, exit 137", false],
    ["engine", "failed, engine_error, fault platform, exit 137", true],
    ["itself", "failed, exit_code, fault submission, exit 137", false],
    ["unknown", "failed, killed_unknown, fault platform, exit 137", true],
  ];
  for (const [killer, words, isEngine] of rows) {
    test(`(by ${killer}) is: ${words}`, () => {
      const outcome = killedOutcome(137, killer);
      expect([outcomeInWords(outcome), isEngines(outcome)]).toEqual([words, isEngine]);
    });
  }
});

describe("a service that the engine refused", () => {
  const rows: readonly (readonly [EngineFault, string])[] = [
    ["not_found", "rejected, network_missing, fault platform"],
    ["refused", "rejected, container_refused, fault challenge"],
    ["conflict", "rejected, container_refused, fault challenge"],
  ];
  for (const [fault, words] of rows) {
    test(`(${fault}) ends its job: ${words}`, () => {
      const job = jobIn("starting", { limits: { network: "granted" } });
      if (job.state === "queued") throw new Error("it starts");
      expect(decideRefused(job, fault).map(inWords)).toEqual([`end: ${words}`]);
      expect(refusedOutcome("not_found", "granted").reason?.detail).toBe("there is no network granted");
    });
  }
});

test("a network that was not granted ends its job as the challenge's fault", () => {
  const steps = decideNotGranted("the network x is not labelled").map(inWords);
  expect(steps).toEqual(["end: rejected, network_not_granted, fault challenge"]);
});

test("a failed collection changes only a success", () => {
  const tooMuch = taskOf({ is: "failed", words: "task: non-zero exit (20)" });
  const timedOut = outcomeOf("timed_out", "timeout", "", 124);
  expect(collectedOutcome(timedOut, tooMuch)).toBe(timedOut);
  const other = taskOf({ is: "failed", words: "task: non-zero exit (1)" });
  const succeeded: Outcome = { state: "succeeded", reason: null, fault: null, exit_code: 0 };
  expect(collectedOutcome(succeeded, other)).toBe(succeeded);
});

test.each([
  [20, limits.jobs.output_bytes_max, "bytes"],
  [22, limits.archive.entries_max, "files and directories"],
])("a job that left more than a mount may hold is told which bound it was (collector's exit %d)", (code, max, unit) => {
  const succeeded: Outcome = { state: "succeeded", reason: null, fault: null, exit_code: 0 };
  const { reason } = collectedOutcome(succeeded, taskOf({ is: "failed", words: `task: non-zero exit (${code})` }));
  expect(reason?.name).toBe("output_too_large");
  expect(reason?.detail).toContain(`more than ${max.toLocaleString("en-US")} ${unit}`);
});

describe("a reason says", () => {
  const detail = (steps: ReturnType<typeof stepsFor>) =>
    steps.flatMap((step) => {
      if (step.do === "end") return step.outcome.reason?.detail ?? [];
      return step.do === "move" && step.to.state === "collecting" ? (step.to.outcome.reason?.detail ?? []) : [];
    });

  test("which data a queued job waited for in vain", () => {
    const text = "no capacity came free on a worker that holds a, b before the queue's deadline";
    expect(detail(stepsFor("queued", { at: 10_001, data_volumes: ["a", "b"] }))).toEqual([text]);
    const plain = "no capacity came free before the queue's deadline";
    expect(detail(stepsFor("queued", { at: 10_001 }))).toEqual([plain]);
  });

  test("what the engine last said of a start", () => {
    const task: SeenTask = { is: "preparing", words: "pulling \u001b[31m" };
    expect(detail(stepsFor("starting", { at: 10_001, tasks: [task] }))).toEqual([
      "the container did not start in time: pulling ?[31m",
    ]);
    expect(detail(stepsFor("starting", { at: 10_001, tasks: [{ is: "preparing" }] }))).toEqual([
      "the container did not start in time: preparing",
    ]);
    expect(detail(stepsFor("starting", { at: 10_001 }))).toEqual([
      "the container did not start in time: the engine has no task of it",
    ]);
  });

  test("how long the command had", () => {
    const seen = { at: 10_001, tasks: [{ is: "running" as const }] };
    expect(detail(stepsFor("running", seen))).toEqual(["the command did not end within 10 s"]);
  });
});
