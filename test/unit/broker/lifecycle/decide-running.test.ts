import { type DecisionRow, decisionRows } from "../../../support/builders/decisions.ts";

const cancelled = "cancelled, cancelled, fault challenge";
const drained = "cancelled, worker_drained, fault platform";
const nodeLost = "lost, node_lost, fault platform";
const gone = "failed, task_gone, fault platform";
const stray = { is: "running", id: "task2" } as const;

decisionRows("running", [
  ["has its log followed", { tasks: [{ is: "running" }] }, ["follow log of task"]],
  [
    "that ended is collected, with the time that it ran",
    { tasks: [{ is: "failed", words: "task: non-zero exit (3)", at: 800, container: "box" }] },
    [
      "collecting from 1 s until 31 s, of task box: failed, exit_code, fault submission, exit 3, ran 800 ms",
      "seal service",
      "finish task: failed, exit_code, fault submission, exit 3",
    ],
  ],
  [
    "that ended by a clock that is ahead ran until now",
    { tasks: [{ is: "complete", at: 9_000 }] },
    [
      "collecting from 1 s until 31 s, of task: succeeded, exit 0, ran 1000 ms",
      "seal service",
      "finish task: succeeded, exit 0",
    ],
  ],
  [
    "that ended by a clock that is behind ran for no time",
    { tasks: [{ is: "complete", at: -9_000 }] },
    [
      "collecting from 1 s until 31 s, of task: succeeded, exit 0, ran 0 ms",
      "seal service",
      "finish task: succeeded, exit 0",
    ],
  ],
  [
    "that ended on a node that is away is collected, and its log waited for",
    { node: "down", tasks: [{ is: "complete", at: 500 }] },
    ["collecting from 1 s until 31 s, of task: succeeded, exit 0, ran 500 ms", "seal service"],
  ],
  [
    "keeps a result that came before its node was lost",
    { isNodeLost: true, node: "down", tasks: [{ is: "complete", at: 500 }] },
    ["collecting from 1 s until 31 s, of task: succeeded, exit 0, ran 500 ms", "seal service"],
  ],
  [
    "keeps a result that came before it was cancelled",
    { job: { is_cancel_asked: true }, tasks: [{ is: "complete", at: 500 }] },
    [
      "collecting from 1 s until 31 s, of task: succeeded, exit 0, ran 500 ms",
      "seal service",
      "finish task: succeeded, exit 0",
    ],
  ],
  ["runs on at its deadline", { at: 10_000, tasks: [{ is: "running" }] }, ["follow log of task"]],
  [
    "is stopped past its deadline",
    { at: 10_001, tasks: [{ is: "running", container: "box" }] },
    [
      "collecting from 10.001 s until 40.001 s, of task box: timed_out, timeout, fault submission, exit 124, ran 10001 ms",
      "seal service",
    ],
  ],
  [
    "that ended by itself past its deadline has its own end",
    { at: 12_000, tasks: [{ is: "complete", at: 9_000 }] },
    [
      "collecting from 12 s until 42 s, of task: succeeded, exit 0, ran 9000 ms",
      "seal service",
      "finish task: succeeded, exit 0",
    ],
  ],
  [
    "that was stopped past its deadline while no broker ran has timed out",
    { at: 200_000, tasks: [{ is: "shutdown", at: 130_000 }] },
    [
      "collecting from 200 s until 230 s, of task: timed_out, timeout, fault submission, exit 124, ran 130000 ms",
      "seal service",
      "finish task: timed_out, timeout, fault submission, exit 124",
    ],
  ],
  [
    "whose task was shut down before its deadline ends as an engine error",
    { tasks: [{ is: "shutdown", at: 500 }] },
    [
      "collecting from 1 s until 31 s, of task: failed, engine_error, fault platform, ran 500 ms",
      "seal service",
      "finish task: failed, engine_error, fault platform",
    ],
  ],
  [
    "is stopped when it is cancelled",
    { job: { is_cancel_asked: true }, tasks: [{ is: "running" }] },
    [`collecting from 1 s until 31 s, of task: ${cancelled}, ran 1000 ms`, "seal service"],
  ],
  [
    "is stopped at its worker's deadline",
    { closes_at: 1_000, tasks: [{ is: "running" }] },
    [`collecting from 1 s until 31 s, of task: ${drained}, ran 1000 ms`, "seal service"],
  ],
  ["runs on until its worker is to be empty", { closes_at: 1_001, tasks: [{ is: "running" }] }, ["follow log of task"]],
  [
    "ends when its node is lost, and its capacity is held",
    { isNodeLost: true, tasks: [{ is: "running" }] },
    [`end: ${nodeLost}, held`],
  ],
  [
    "with a second task is sealed, and its strays are recorded",
    { tasks: [{ is: "running" }, stray] },
    ["seal service", "record strays task task2", "follow log of task"],
  ],
  [
    "goes by the task that was seen first, whichever is older",
    { tasks: [{ is: "failed", id: "older" }, { is: "running" }] },
    ["seal service", "record strays older task", "follow log of task"],
  ],
  ...(["orphaned", "remove", "rejected"] as const).map(
    (is): DecisionRow => [
      `whose task is ${is} is collected`,
      { tasks: [{ is, at: 500 }] },
      [
        "collecting from 1 s until 31 s, of task: failed, engine_error, fault platform, ran 500 ms",
        "seal service",
        "finish task: failed, engine_error, fault platform",
      ],
    ],
  ),
  [
    "that is known to be sealed is not sealed anew for its strays",
    { memory: { isSealed: true }, tasks: [{ is: "running" }, stray] },
    ["record strays task task2", "follow log of task"],
  ],
  [
    "that Swarm runs again has the first run's end",
    { tasks: [{ is: "failed", words: "task: non-zero exit (1)", at: 500 }, stray] },
    [
      "collecting from 1 s until 31 s, of task: failed, exit_code, fault submission, exit 1, ran 500 ms",
      "seal service",
      "finish task: failed, exit_code, fault submission, exit 1",
    ],
  ],
  ["of whose task nothing is seen waits", { job: { deadline_ms: 60_000 }, at: 20_000, missed: [14_999] }, []],
  [
    "whose task was missing for 15 s is collected",
    { job: { deadline_ms: 60_000 }, at: 20_000, missed: [15_000] },
    [`collecting from 20 s until 50 s: ${gone}, ran 20000 ms`, "seal service"],
  ],
]);
