import { decisionRows } from "../../../support/builders/decisions.ts";

const sealed = { isSealed: true };

decisionRows("collecting", [
  [
    "whose task vanishes while its log is being stored waits for that",
    { memory: { ...sealed, isFinishing: true }, job: { swarm_task_id: "task" } },
    [],
  ],
  [
    "whose task vanished before it was seen over keeps what was heard of its log first",
    { memory: sealed, job: { swarm_task_id: "task" } },
    ["drain log"],
  ],
]);
