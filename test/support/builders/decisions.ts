import { describe, expect, test } from "bun:test";
import type { SwarmNode, Task, TaskState } from "#shared/engine/engine.ts";
import type { LiveState } from "#shared/schemas/job.ts";
import { parseJobRequest } from "../../../roles/broker/admission/job-request.ts";
import { type JobRecord, jobOf, type LiveJob, queuedJob } from "../../../roles/broker/job/job.ts";
import type { Outcome } from "../../../roles/broker/job/outcome.ts";
import { decide, type Terms } from "../../../roles/broker/lifecycle/decide.ts";
import { type JobMemory, newMemory, remember } from "../../../roles/broker/lifecycle/memory.ts";
import type { Step } from "../../../roles/broker/lifecycle/step.ts";
import { TasksView } from "../../../roles/broker/swarm/tasks-view.ts";
import { inState } from "./job-states.ts";

/** When all jobs here entered their state. All other times are milliseconds after it. */
const start_ms = Date.UTC(2026, 0, 1);
const id = "1".padStart(32, "0");
const terms: Terms = {
  fencing: 1,
  led_since_ms: 0,
  times: { queued_ms: 600_000, staging_ms: 60_000, starting_ms: 120_000, collecting_ms: 30_000 },
};

/** A task as Swarm reports it. `words` is the engine's message, `at` the time at which it reached its state. */
export interface SeenTask {
  readonly is: TaskState;
  readonly id?: string;
  readonly words?: string;
  readonly at?: number;
  readonly container?: string;
  readonly node?: string | null;
}

/** What one look sees. By default: a job in its state, its node Ready, and no task. */
export interface SeenCase {
  readonly job?: Partial<JobRecord>;
  readonly request?: object;
  /** The time of the look, in milliseconds after the job entered its state. Its deadline is at 10,000. */
  readonly at?: number;
  readonly tasks?: readonly SeenTask[];
  readonly stager?: SeenTask;
  /** The node's state; null: Swarm does not list it. */
  readonly node?: string | null;
  readonly isNodeLost?: boolean;
  readonly closes_at?: number;
  /** When the node's disk was last seen full, on the same clock as `at`. */
  readonly disk_full_at?: number;
  readonly data_volumes?: readonly string[];
  readonly memory?: Partial<JobMemory>;
  /** How many milliseconds before this look earlier looks saw no task. */
  readonly missed?: readonly number[];
}

const defaultTimeout = { timeout_seconds: 10, image: "acme/runner:1", command: ["run"] };

export function jobIn(state: LiveState, request: object = {}, changes: Partial<JobRecord> = {}): LiveJob {
  const spec = parseJobRequest({ ...defaultTimeout, ...request });
  const queued = queuedJob({
    id,
    challenge: "demo",
    spec: { ...spec, mounts: spec.mounts.map((mount) => ({ ...mount, blob: mount.blob ?? null })) },
    spec_digest: "digest",
    image_id: "sha256:1",
    memory_bytes: 1,
    accepted_ms: start_ms,
    deadline_ms: start_ms + 10_000,
  });
  const times = Object.fromEntries(
    Object.entries(changes).map(([member, value]) => [
      member,
      member.endsWith("_ms") && member !== "wall_ms" && typeof value === "number" ? start_ms + value : value,
    ]),
  );
  const placed = state === "queued" ? {} : { node_id: "node" };
  return jobOf({ ...queued, ...inState(state, { ...placed, ...times }, start_ms) }) as LiveJob;
}

export function taskOf(
  { is, id: ID = "task", words = "", at = 0, container, node = "node" }: SeenTask,
  kind = "job",
): Task {
  return {
    ID,
    CreatedAt: ID,
    ServiceID: "service",
    DesiredState: "complete",
    ...(node ? { NodeID: node } : {}),
    Spec: { ContainerSpec: { Labels: { "platform.kind": kind, "platform.id": id } } } as Task["Spec"],
    Status: {
      State: is,
      Timestamp: new Date(start_ms + at).toISOString(),
      Err: words,
      ...(container ? { ContainerStatus: { ContainerID: container } } : {}),
    },
  };
}

/** The steps that are decided for a job in `state` that is seen so, in words. */
function decided(state: LiveState, seen: SeenCase): string[] {
  return stepsFor(state, seen).map(inWords);
}

/** The steps that are decided for a job in `state` that is seen so. */
export function stepsFor(state: LiveState, seen: SeenCase): readonly Step[] {
  const { job: changes, request, at = 1_000, stager, memory = {}, node = "ready", missed = [] } = seen;
  const job = jobIn(state, request, changes);
  const tasks = (seen.tasks ?? []).map((task) => taskOf(task));
  const stagers = stager ? [taskOf(stager, state === "staging" ? "stage" : "collect")] : [];
  const nodes = new Map<string, SwarmNode>(node === null ? [] : [["node", { Status: { State: node } } as SwarmNode]]);
  const none = { cpu: 0, gpu: 0 };
  const use = { running: none, last_start_ms: none, running_max: 1, share_weight: 1 };
  const grants = new Map([["demo", { ...use, data_volumes: seen.data_volumes ?? [] }]]);
  const sightAt = (ms: number, all: readonly Task[]) => ({
    now_ms: start_ms + ms,
    monotonic_ms: ms,
    tasks: new TasksView(all),
    nodes,
    grants,
    lostNodes: new Set(seen.isNodeLost ? ["node"] : []),
    closing: new Map(seen.closes_at === undefined ? [] : [["node", start_ms + seen.closes_at]]),
    disks_full_ms: new Map(seen.disk_full_at === undefined ? [] : [["node", seen.disk_full_at]]),
  });
  const remembered = Object.assign(newMemory(0), memory);
  for (const before_ms of missed) remember(remembered, job, sightAt(at - before_ms, []));
  const sight = sightAt(at, [...tasks, ...stagers]);
  remember(remembered, job, sight);
  return decide(job, sight, remembered, terms);
}

const seconds = (ms: number) => `${(ms - start_ms) / 1_000} s`;

export function outcomeInWords({ state, reason, fault, exit_code }: Outcome): string {
  return [state, reason?.name, fault && `fault ${fault}`, exit_code !== null && `exit ${exit_code}`]
    .filter(Boolean)
    .join(", ");
}

/** A step with all its members, in words. */
export function inWords(step: Step): string {
  switch (step.do) {
    case "move": {
      const { to } = step;
      const ids = [to.swarm_task_id, to.container_id].filter(Boolean).join(" ");
      const task = ids ? `, of ${ids}` : "";
      const until = `until ${seconds(to.deadline_ms)}${task}`;
      if (to.state === "starting") return `starting from ${seconds(to.starting_ms)} ${until}`;
      if (to.state === "running") return `running from ${seconds(to.running_ms)} ${until}`;
      const ran = `ran ${to.wall_ms} ms${to.exit_code === to.outcome.exit_code ? "" : `, but exit ${to.exit_code}`}`;
      return `collecting from ${seconds(to.collecting_ms)} ${until}: ${outcomeInWords(to.outcome)}, ${ran}`;
    }
    case "record":
      return `record ${JSON.stringify(step.changes)}`;
    case "end":
      return `end: ${outcomeInWords(step.outcome)}${step.isHeld ? ", held" : ""}`;
    case "adopt service":
      return `adopt service${step.otherwise ? `, or end: ${outcomeInWords(step.otherwise)}` : ""}`;
    case "record strays":
      return `record strays ${step.task_ids.join(" ")}`;
    case "start stager":
      return `start stager ${step.kind} for ${step.mounts.join(" ")}`;
    case "remove stager":
      return `remove stager ${step.kind}`;
    case "follow log":
      return `follow log of ${step.task_id}`;
    case "finish":
      return `finish ${step.task.ID}: ${outcomeInWords(step.outcome)}`;
    case "spare node":
      return `spare ${step.node_id}`;
    default:
      return step.do;
  }
}

export type DecisionRow = readonly [what: string, seen: SeenCase, steps: readonly string[]];

/** Makes a test of each row: what is seen of a job in this state, and the steps that must follow. */
export function decisionRows(state: LiveState, rows: readonly DecisionRow[]): void {
  describe(`a ${state} job`, () => {
    for (const [what, seen, steps] of rows) test(what, () => expect(decided(state, seen)).toEqual([...steps]));
  });
}
