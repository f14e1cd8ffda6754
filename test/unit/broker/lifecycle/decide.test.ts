import { decisionRows } from "../../../support/builders/decisions.ts";

const cancelled = "cancelled, cancelled, fault challenge";
const drained = "cancelled, worker_drained, fault platform";
const nodeLost = "lost, node_lost, fault platform";
const gone = "failed, task_gone, fault platform";
const inputs = { mounts: [{ target: "/in", read_only: true, blob: "a".repeat(64) }] };
const outputs = {
  mounts: [
    { target: "/in", read_only: true, archive_b64: "AA==" },
    { target: "/out", read_only: false },
  ],
};
const stray = { is: "running", id: "task2" } as const;

decisionRows("queued", [
  ["waits", {}, []],
  ["waits at its deadline", { at: 10_000 }, []],
  ["is rejected past its deadline", { at: 10_001 }, ["end: rejected, queue_deadline, fault platform"]],
  ["ends when it is cancelled", { job: { is_cancel_asked: true } }, [`end: ${cancelled}`]],
  [
    "that is cancelled ends as cancelled even past its deadline",
    { job: { is_cancel_asked: true }, at: 10_001 },
    [`end: ${cancelled}`],
  ],
]);

decisionRows("staging", [
  ["has its stager started, for all of its mounts", { request: outputs }, ["start stager stage for 0 1"]],
  ["waits for the stager that was started", { request: inputs, memory: { stagers: new Set(["stage"]) } }, []],
  ["waits for the stager that runs", { request: inputs, stager: { is: "running" } }, []],
  [
    "goes on when its stager is done, with a deadline of its own",
    { request: inputs, stager: { is: "complete" }, at: 2_000 },
    ["remove stager stage", "starting from 2 s until 122 s", "create service"],
  ],
  [
    "is rejected when its stager failed",
    { request: inputs, stager: { is: "failed", words: "task: non-zero exit (1)" } },
    ["remove stager stage", "end: rejected, staging_failed, fault platform"],
  ],
  [
    "whose stager found the disk full has its worker spared",
    { request: inputs, stager: { is: "failed", words: "task: non-zero exit (13)" } },
    ["spare node", "remove stager stage", "end: rejected, staging_failed, fault platform"],
  ],
  ["waits at its deadline", { stager: { is: "running" }, at: 10_000 }, []],
  [
    "is rejected past its deadline",
    { stager: { is: "running" }, at: 10_001 },
    ["remove stager stage", "end: rejected, staging_deadline, fault platform"],
  ],
  ["ends when it is cancelled", { job: { is_cancel_asked: true } }, ["remove stager stage", `end: ${cancelled}`]],
  ["ends when its node is lost", { isNodeLost: true }, ["remove stager stage", `end: ${nodeLost}`]],
  ["ends when its worker is to be empty", { closes_at: 1_000 }, ["remove stager stage", `end: ${drained}`]],
  ["stays until its worker is to be empty", { closes_at: 1_001, stager: { is: "running" } }, []],
]);

decisionRows("starting", [
  ["has its service created by the leader that wrote the intent", {}, ["create service"]],
  ["waits for a task of the service that was created", { memory: { isServiceMade: true } }, []],
  ["of a former leader is looked for", { job: { intent_fencing: 0 } }, ["adopt service"]],
  [
    "of a former leader is looked for until 10 s after the lead was taken",
    { job: { intent_fencing: 0 }, at: 10_000 },
    ["adopt service"],
  ],
  [
    "of a former leader is given up when 10 s later nobody finds it, and never made anew",
    { job: { intent_fencing: 0, deadline_ms: 60_000 }, at: 10_001 },
    ["adopt service, or end: lost, create_unknown, fault platform"],
  ],
  ["keeps the first task that is seen", { tasks: [{ is: "preparing" }] }, ['record {"swarm_task_id":"task"}']],
  ["waits for the task that is known", { job: { swarm_task_id: "task" }, tasks: [{ is: "preparing" }] }, []],
  [
    "runs from the moment that its node says, for as long as it may",
    { tasks: [{ is: "running", at: 700, container: "box" }] },
    ["running from 0.7 s until 10.7 s, of task box", "follow log of task"],
  ],
  [
    "does not run from before it was started",
    { tasks: [{ is: "running", at: -5_000 }] },
    ["running from 0 s until 10 s, of task", "follow log of task"],
  ],
  [
    "does not run from a time in the future",
    { tasks: [{ is: "running", at: 9_000 }] },
    ["running from 1 s until 11 s, of task", "follow log of task"],
  ],
  [
    "that ran to its end between two looks is collected",
    { tasks: [{ is: "complete", at: 900, container: "box" }] },
    [
      "collecting from 1 s until 31 s, of task box: succeeded, exit 0, ran 0 ms",
      "seal service",
      "finish task: succeeded, exit 0",
    ],
  ],
  [
    "that the engine could not start says why",
    { tasks: [{ is: "rejected", words: "No such image: x" }] },
    [
      "collecting from 1 s until 31 s, of task: failed, image_not_found, fault challenge, ran 0 ms",
      "seal service",
      "finish task: failed, image_not_found, fault challenge",
    ],
  ],
  [
    "that found no room has its worker spared",
    { tasks: [{ is: "rejected", words: "mkdir /x: no space left on device" }] },
    [
      "spare node",
      "collecting from 1 s until 31 s, of task: failed, engine_error, fault platform, ran 0 ms",
      "seal service",
      "finish task: failed, engine_error, fault platform",
    ],
  ],
  [
    "with two tasks is sealed, and its strays are recorded",
    { tasks: [{ is: "preparing", id: "task1" }, stray] },
    ["seal service", "record strays task1 task2", 'record {"swarm_task_id":"task1"}'],
  ],
  [
    "that ran to its end while no broker ran has its result, past its deadline too",
    { at: 50_000, tasks: [{ is: "complete", at: 40_000 }] },
    [
      "collecting from 50 s until 80 s, of task: succeeded, exit 0, ran 0 ms",
      "seal service",
      "finish task: succeeded, exit 0",
    ],
  ],
  [
    "that was stopped past its deadline while no broker ran did not start in time",
    { at: 200_000, tasks: [{ is: "shutdown", at: 130_000 }] },
    [
      "collecting from 200 s until 230 s, of task: rejected, start_deadline, fault platform, ran 0 ms",
      "seal service",
      "finish task: rejected, start_deadline, fault platform",
    ],
  ],
  [
    "that started at its deadline runs, though nobody looked until later",
    { at: 12_000, tasks: [{ is: "running", at: 10_000 }] },
    ["running from 10 s until 20 s, of task", "follow log of task"],
  ],
  [
    "that started past its deadline is stopped",
    { at: 12_000, tasks: [{ is: "running", at: 10_001 }] },
    ["collecting from 12 s until 42 s, of task: rejected, start_deadline, fault platform, ran 0 ms", "seal service"],
  ],
  [
    "keeps a result that came before it was cancelled, or before its node was lost",
    { job: { is_cancel_asked: true }, isNodeLost: true, node: "down", tasks: [{ is: "complete" }] },
    ["collecting from 1 s until 31 s, of task: succeeded, exit 0, ran 0 ms", "seal service"],
  ],
  ["waits at its deadline", { at: 10_000, job: { swarm_task_id: "task" }, tasks: [{ is: "preparing" }] }, []],
  [
    "is stopped past its deadline",
    { at: 10_001, job: { swarm_task_id: "task" }, tasks: [{ is: "preparing" }] },
    [
      "collecting from 10.001 s until 40.001 s, of task: rejected, start_deadline, fault platform, ran 0 ms",
      "seal service",
    ],
  ],
  [
    "without any task is stopped past its deadline too",
    { at: 10_001 },
    ["collecting from 10.001 s until 40.001 s: rejected, start_deadline, fault platform, ran 0 ms", "seal service"],
  ],
  [
    "is stopped when it is cancelled",
    { job: { is_cancel_asked: true }, tasks: [{ is: "preparing" }] },
    [`collecting from 1 s until 31 s, of task: ${cancelled}, ran 0 ms`, "seal service"],
  ],
  [
    "is stopped at its worker's deadline",
    { closes_at: 1_000, tasks: [{ is: "preparing" }] },
    [`collecting from 1 s until 31 s, of task: ${drained}, ran 0 ms`, "seal service"],
  ],
  [
    "ends when its node is lost, and its capacity is held",
    { isNodeLost: true, tasks: [{ is: "preparing" }] },
    [`end: ${nodeLost}, held`],
  ],
  [
    "whose task is missing waits for it",
    { job: { swarm_task_id: "task", deadline_ms: 60_000 }, at: 20_000, missed: [14_999] },
    [],
  ],
  [
    "whose task was missing for 15 s is collected",
    { job: { swarm_task_id: "task", deadline_ms: 60_000 }, at: 20_000, missed: [15_000] },
    [`collecting from 20 s until 50 s: ${gone}, ran 0 ms`, "seal service"],
  ],
]);
