import type { Sha256 } from "#shared/schemas/names.ts";
import type { JobRecord } from "../../../../roles/broker/job/job.ts";
import { fullDiskOutcome, type Outcome } from "../../../../roles/broker/job/outcome.ts";
import { decisionRows } from "../../../support/builders/decisions.ts";

const outputs = {
  mounts: [
    { target: "/in", read_only: true, archive_b64: "AA==" },
    { target: "/out", read_only: false },
  ],
};
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
const left = [{ mount: 1, digest: "left" as Sha256, size_bytes: 1 }];

const low = { is: "failed", words: "task: non-zero exit (14)" } as const;
const recorded = (changes: object = {}) => `record ${JSON.stringify({ ...changes, outcome: fullDiskOutcome(failed) })}`;

// Unless a row says otherwise, the job carries a success.
decisionRows("collecting", [
  [
    "waits until the uploads of a stager that finished on a full disk are read",
    { request: outputs, memory: sealed, job: { ...told, outcome: failed }, stager: low },
    [],
  ],
  [
    "whose collector found the disk full is not to blame, which is written before the collector goes",
    {
      request: outputs,
      memory: { ...sealed, stagers: collecting },
      job: { ...told, outcome: failed, artifacts: left },
      stager: low,
    },
    ["spare node", recorded(), "remove stager collect", "end: failed, worker_disk_full, fault platform, exit 3"],
  ],
  [
    "whose collector found no room to start is not to blame",
    {
      request: outputs,
      memory: sealed,
      job: { ...told, outcome: failed },
      stager: { is: "rejected", words: "mkdir /x: no space left on device" },
    },
    ["spare node", recorded({ artifacts_complete: false }), "end: failed, worker_disk_full, fault platform, exit 3"],
  ],
  [
    "whose collector failed for another reason keeps its end",
    {
      request: outputs,
      memory: sealed,
      job: { ...told, outcome: failed },
      stager: { is: "failed", words: "task: non-zero exit (10)" },
    },
    ['record {"artifacts_complete":false}', "end: failed, exit_code, fault submission, exit 3"],
  ],
  [
    "that filled the disk itself is to blame, however full it is",
    {
      request: outputs,
      memory: sealed,
      job: { ...told, outcome: failed },
      stager: { is: "failed", words: "task: non-zero exit (20)" },
      disk_full_at: 900,
    },
    ['record {"artifacts_complete":false}', "end: failed, exit_code, fault submission, exit 3"],
  ],
  [
    "of which an inspection found the disk full is not to blame",
    { memory: { ...sealed, isDiskFull: true }, job: { ...told, outcome: failed } },
    ["spare node", recorded(), "end: failed, worker_disk_full, fault platform, exit 3"],
  ],
  [
    "whose worker was seen full a minute before it ended is not to blame",
    {
      at: 61_000,
      memory: sealed,
      job: { ...told, outcome: failed, collecting_ms: 60_500, deadline_ms: 90_000 },
      disk_full_at: 500,
    },
    [recorded(), "end: failed, worker_disk_full, fault platform, exit 3"],
  ],
  [
    "whose worker was seen full more than a minute before it ended is to blame",
    {
      at: 61_000,
      memory: sealed,
      job: { ...told, outcome: failed, collecting_ms: 60_500, deadline_ms: 90_000 },
      disk_full_at: 499,
    },
    ["end: failed, exit_code, fault submission, exit 3"],
  ],
  [
    "whose worker was seen full after it ended is not to blame, also past its deadline",
    { at: 10_001, memory: sealed, job: { ...told, outcome: failed }, disk_full_at: 9_000 },
    ['record {"artifacts_complete":true}', "end: failed, worker_disk_full, fault platform, exit 3"],
  ],
  [
    "that succeeded has succeeded, however full the disk is",
    { memory: { ...sealed, isDiskFull: true }, job: told, disk_full_at: 900 },
    ["spare node", "end: succeeded, exit 0"],
  ],
]);
