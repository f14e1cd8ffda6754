import type { Sha256 } from "#shared/schemas/names.ts";
import type { JobRecord } from "../../../../roles/broker/job/job.ts";
import type { Outcome } from "../../../../roles/broker/job/outcome.ts";
import { decisionRows } from "../../../support/builders/decisions.ts";

const outputs = {
  mounts: [
    { target: "/in", read_only: true, archive_b64: "AA==" },
    { target: "/out", read_only: false },
  ],
};
const file = { target: "/file", read_only: false, source_type: "file", source_name: "x", archive_b64: "AA==" };
const failed: Outcome = {
  state: "failed",
  reason: { code: 1001, name: "exit_code", detail: "" },
  fault: "submission",
  exit_code: 3,
};
/** The log of its task is stored. */
const told = { log_digest: "log", swarm_task_id: "task", container_id: "box" } satisfies Partial<JobRecord>;
const sealed = { isSealed: true };
const collecting = new Set(["collect"] as const);
const ended = { is: "complete" } as const;
const running = { is: "running" } as const;
const left = [{ mount: 1, digest: "left" as Sha256, size_bytes: 1 }];

// Unless a row says otherwise, the job carries a success.
decisionRows("collecting", [
  // Sealing its service.
  [
    "is sealed before anything is collected",
    { tasks: [ended], job: { swarm_task_id: "task" } },
    ["seal service", "finish task: succeeded, exit 0"],
  ],
  ["waits until its container stopped", { memory: sealed, tasks: [running], job: { swarm_task_id: "task" } }, []],
  [
    "says that Swarm ran it again",
    { memory: sealed, tasks: [{ is: "failed" }, { is: "complete", id: "task2" }], job: told },
    ["record strays task task2", "end: succeeded, exit 0"],
  ],
  // Storing its log.
  ["waits for a node that is away to tell its log", { memory: sealed, node: "down", tasks: [ended] }, []],
  ["waits while its log is being put away", { memory: { ...sealed, isFinishing: true }, tasks: [ended] }, []],
  ["waits before its log is tried again", { memory: { ...sealed, finish_again_ms: 1_001 }, tasks: [ended] }, []],
  [
    "tries again to store its log",
    { memory: { ...sealed, finish_again_ms: 1_000 }, tasks: [ended] },
    ["finish task: succeeded, exit 0"],
  ],
  [
    "stores the log of its first task",
    { memory: sealed, tasks: [{ is: "failed" }, { ...ended, id: "task2" }] },
    ["record strays task task2", "finish task: succeeded, exit 0"],
  ],
  // A create that may still take effect.
  [
    "of which no task was seen is sealed again and again while a create may come",
    { memory: { ...sealed, creates_settled_ms: 1_001 } },
    ["seal service"],
  ],
  [
    "of which no task was seen ends once no create can come",
    { memory: { ...sealed, creates_settled_ms: 1_000 } },
    ["end: succeeded, exit 0"],
  ],
  [
    "of which a task was seen does not wait for a create",
    { memory: { ...sealed, creates_settled_ms: 5_000 }, job: told },
    ["end: succeeded, exit 0"],
  ],
  // Collecting its outputs.
  ["that left nothing ends", { memory: sealed, tasks: [ended], job: told }, ["end: succeeded, exit 0"]],
  [
    "has its writable mounts collected",
    { request: outputs, memory: sealed, tasks: [ended], job: told },
    ["start stager collect for 1"],
  ],
  [
    "has only the missing mounts collected",
    {
      request: { mounts: [...outputs.mounts, { target: "/more", read_only: false }] },
      memory: sealed,
      tasks: [ended],
      job: { ...told, artifacts: left },
    },
    ["start stager collect for 2"],
  ],
  [
    "waits for the stager that was started",
    { request: outputs, memory: { ...sealed, stagers: collecting }, tasks: [ended], job: told },
    [],
  ],
  [
    "waits for the stager that runs",
    { request: outputs, memory: sealed, tasks: [ended], job: told, stager: running },
    [],
  ],
  [
    "waits until the uploads of a finished stager are read",
    { request: outputs, memory: sealed, tasks: [ended], job: told, stager: ended },
    [],
  ],
  [
    "ends when all is there, its stager removed",
    { request: outputs, memory: { ...sealed, stagers: collecting }, tasks: [ended], job: { ...told, artifacts: left } },
    ["remove stager collect", "end: succeeded, exit 0"],
  ],
  [
    "that had no container has nothing to collect",
    { request: outputs, memory: sealed, job: { ...told, container_id: null } },
    ["end: succeeded, exit 0"],
  ],
  [
    "does not collect single files",
    { request: { mounts: [file] }, memory: sealed, tasks: [ended], job: told },
    ["end: succeeded, exit 0"],
  ],
  [
    "that left too much has failed",
    { request: outputs, memory: sealed, job: told, stager: { is: "failed", words: "task: non-zero exit (20)" } },
    ['record {"artifacts_complete":false}', "end: failed, output_too_large, fault submission, exit 0"],
  ],
  [
    "that left too many files has failed",
    { request: outputs, memory: sealed, job: told, stager: { is: "failed", words: "task: non-zero exit (22)" } },
    ['record {"artifacts_complete":false}', "end: failed, output_too_large, fault submission, exit 0"],
  ],
  [
    "that left files which no archive may hold has failed",
    {
      request: outputs,
      memory: { ...sealed, stagers: collecting },
      job: told,
      stager: { is: "failed", words: "task: non-zero exit (21)" },
    },
    [
      'record {"artifacts_complete":false}',
      "remove stager collect",
      "end: failed, output_refused, fault submission, exit 0",
    ],
  ],
  [
    "that failed by itself keeps that end, whatever it left",
    {
      request: outputs,
      memory: sealed,
      job: { ...told, outcome: failed },
      stager: { is: "failed", words: "task: non-zero exit (20)" },
    },
    ['record {"artifacts_complete":false}', "end: failed, exit_code, fault submission, exit 3"],
  ],
  [
    "whose stager failed for want of room lacks what it left, and its worker is spared",
    { request: outputs, memory: sealed, job: told, stager: { is: "failed", words: "task: non-zero exit (13)" } },
    ["spare node", 'record {"artifacts_complete":false}', "end: succeeded, exit 0"],
  ],
  // A disk that was full at its end.
  [
    "that failed waits for its collector's report of the disk, even when all outputs are there",
    { request: outputs, memory: sealed, job: { ...told, outcome: failed, artifacts: left }, stager: running },
    [],
  ],
  [
    "that succeeded does not wait for a report of the disk",
    { request: outputs, memory: sealed, job: { ...told, artifacts: left }, stager: running },
    ["end: succeeded, exit 0"],
  ],
  // Ends that come before all is collected.
  [
    "whose task vanished before its log was stored keeps its capacity held",
    { memory: { ...sealed, isLogDrained: true }, job: { swarm_task_id: "task" } },
    ["end: succeeded, exit 0, held"],
  ],
  ["waits at its deadline", { at: 10_000, memory: sealed, tasks: [running] }, []],
  [
    "ends past its deadline with its outcome, complete when it had nothing to collect",
    { at: 10_001, memory: sealed, tasks: [ended], job: { outcome: failed } },
    ['record {"artifacts_complete":true}', "end: failed, exit_code, fault submission, exit 3"],
  ],
  [
    "ends past its deadline without its outputs",
    { request: outputs, at: 10_001, memory: sealed, tasks: [ended], job: told },
    ['record {"artifacts_complete":false}', "end: succeeded, exit 0"],
  ],
  [
    "whose container may still run past the deadline is sealed, and its capacity held",
    { at: 10_001, tasks: [running] },
    ['record {"artifacts_complete":true}', "seal service", "end: succeeded, exit 0, held"],
  ],
  [
    "that is known to be sealed is held past the deadline",
    { at: 10_001, memory: sealed, tasks: [running] },
    ['record {"artifacts_complete":true}', "end: succeeded, exit 0, held"],
  ],
  [
    "ends when its node is lost, held while its container may run",
    { isNodeLost: true, tasks: [running] },
    ['record {"artifacts_complete":true}', "end: succeeded, exit 0, held"],
  ],
  [
    "ends when its node is lost, not held when its container is over",
    { isNodeLost: true, tasks: [ended] },
    ['record {"artifacts_complete":true}', "end: succeeded, exit 0"],
  ],
  [
    "is not cancelled any more",
    { memory: sealed, job: { ...told, is_cancel_asked: true }, tasks: [ended] },
    ["end: succeeded, exit 0"],
  ],
  ["is not ended by its worker's drain", { closes_at: 0, memory: sealed, job: told, tasks: [running] }, []],
]);
