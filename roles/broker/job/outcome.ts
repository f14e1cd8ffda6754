import type { EngineFault, Task } from "#shared/engine/engine.ts";
import type { Fault, FinalState, JobReason } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import { type StagerEnd, stagerEndOf } from "#shared/schemas/stager.ts";
import { exitCodeIn } from "../swarm/exit-code.ts";

/** How a job ends, decided once (jobs §2). */
export interface Outcome {
  readonly state: FinalState;
  readonly reason: JobReason | null;
  readonly fault: Fault | null;
  readonly exit_code: number | null;
}

/** Every reason for an end that is not a success: its code, by its name. */
export const reasons = {
  exit_code: 1001,
  out_of_memory: 1002,
  timeout: 1003,
  output_too_large: 1004,
  output_refused: 1005,
  image_not_found: 2001,
  command_not_found: 2002,
  container_refused: 2003,
  cancelled: 2004,
  network_not_granted: 2005,
  queue_deadline: 3001,
  staging_deadline: 3002,
  staging_failed: 3003,
  start_deadline: 3004,
  node_lost: 3005,
  engine_error: 3006,
  killed_unknown: 3007,
  create_unknown: 3008,
  task_gone: 3009,
  worker_drained: 3010,
  network_missing: 3011,
  worker_disk_full: 3012,
} as const;
export type ReasonName = keyof typeof reasons;

/** An outcome by its reason's name. The thousands of the code say whose fault it is. */
export function outcomeOf(
  state: FinalState,
  name: ReasonName,
  detail: string,
  exit_code: number | null = null,
): Outcome {
  const code = reasons[name];
  const fault = code < 2_000 ? "submission" : code < 3_000 ? "challenge" : "platform";
  return { state, reason: { code, name, detail: detail.slice(0, 1_000) }, fault, exit_code };
}

export function lostOutcome(): Outcome {
  return outcomeOf("lost", "node_lost", "the worker was lost while the job was on it");
}

export function cancelledOutcome(): Outcome {
  return outcomeOf("cancelled", "cancelled", "the challenge cancelled the job");
}

export function drainedOutcome(): Outcome {
  return outcomeOf(
    "cancelled",
    "worker_drained",
    "the worker was taken out of service, and the time its jobs had left is over",
  );
}

/** The outcome of a job whose service the engine refused. */
export function refusedOutcome(fault: EngineFault, network: string): Outcome {
  return fault === "not_found"
    ? outcomeOf("rejected", "network_missing", `there is no network ${network}`)
    : outcomeOf("rejected", "container_refused", "the engine refused the container as it was asked for");
}

/**
 * Exit codes that may not be the command's own. 137 and 143 follow a SIGKILL or SIGTERM, whoever sent it. 255 is what an
 * engine (26.1) gives to a container that it finds gone after a power cut.
 */
const doubtfulExitCodes: ReadonlySet<number> = new Set([137, 143, 255]);

/** Who ended a container, as far as is known. */
export type Killer = "kernel" | "engine" | "itself" | "unknown";

/** The outcome of a job whose exit code may not be its command's own. */
export function killedOutcome(code: number, killer: Killer): Outcome {
  switch (killer) {
    case "kernel":
      return outcomeOf("failed", "out_of_memory", "the container used more memory than its limit", code);
    case "engine":
      return outcomeOf(
        "failed",
        "engine_error",
        "the worker's engine was stopped or restarted while the job ran",
        code,
      );
    case "itself":
      return outcomeOf("failed", "exit_code", `the command ended with exit code ${code}`, code);
    case "unknown":
      return outcomeOf("failed", "killed_unknown", "the container was killed, and it is not known by whom", code);
  }
}

/** Whether the worker's engine ended the container, or may have. */
export function isEngines({ reason }: Outcome): boolean {
  return reason?.name === "engine_error" || reason?.name === "killed_unknown";
}

/** The job's outcome after its collector failed. Only a success is changed by that. */
export function collectedOutcome(outcome: Outcome, { Status }: Task): Outcome {
  if (outcome.state !== "succeeded") return outcome;
  const end = stagerEndOf(exitCodeIn(Status.Err));
  const bound = end === null ? null : excessBound(end);
  if (bound !== null)
    return outcomeOf("failed", "output_too_large", `the job left more than ${bound} in a mount`, outcome.exit_code);
  if (end === "output_refused")
    return outcomeOf("failed", "output_refused", "the job left files that no archive may hold", outcome.exit_code);
  return outcome;
}

/** The bound that the job went over, where a collector's end says that it left more than a mount may hold; else null. */
export function excessBound(end: StagerEnd): string | null {
  const count = (max: number) => max.toLocaleString("en-US");
  if (end === "output_too_large") return `${count(limits.jobs.output_bytes_max)} bytes (as a tar)`;
  return end === "output_too_many" ? `${count(limits.archive.entries_max)} files and directories` : null;
}

/** Ends by the command's own doing. A full disk may have forced the command into them. */
const commandsOwn: ReadonlySet<string> = new Set<ReasonName>(["exit_code", "timeout"]);

/** Whether a full disk may have caused this end. */
export function mayBeFullDisks({ reason }: Outcome): boolean {
  return reason !== null && commandsOwn.has(reason.name);
}

/**
 * The outcome of a job whose worker's disk was below its floor around its end. A bad end becomes the platform's fault,
 * because whoever filled the disk may have caused it. Three ends stay: a success, memory that ran out, and an output that
 * is too large, because that job filled the disk itself.
 */
export function fullDiskOutcome(outcome: Outcome): Outcome {
  if (!mayBeFullDisks(outcome)) return outcome;
  const detail = `the worker's disk was full when the job ended, which may have caused this end: ${outcome.reason?.detail}`;
  return outcomeOf("failed", "worker_disk_full", detail, outcome.exit_code);
}

export const terminalTaskStates: ReadonlySet<string> = new Set([
  "complete",
  "shutdown",
  "failed",
  "rejected",
  "remove",
  "orphaned",
]);

/**
 * Reads a task's end by the table of jobs §2. Only `complete` is success: a task of an engine that was stopped says
 * "failed", "No such container", exit code 0. The exit code counts only beside "non-zero exit".
 */
export function verdict({ Status }: Task): Outcome {
  const message = Status.Err || Status.Message || Status.State;
  if (Status.State === "complete") return { state: "succeeded", reason: null, fault: null, exit_code: 0 };
  const code = exitCodeIn(message);
  if (Status.State === "failed" && code !== null) {
    // The kernel or a stopping engine may have ended it. An inspection finds out (jobs §6).
    if (doubtfulExitCodes.has(code)) return killedOutcome(code, "unknown");
    return outcomeOf("failed", "exit_code", `the command ended with exit code ${code}`, code);
  }
  if (/starting container failed|OCI runtime create failed|failed to create (shim )?task/.test(message))
    return startFailure(message);
  if (
    /No such image|pull access denied|manifest unknown|not found: manifest|repository does not exist/i.test(message)
  ) {
    return outcomeOf("failed", "image_not_found", "the image could not be found by the worker");
  }
  if (/invalid mount|invalid argument|invalid user|unable to find user/i.test(message)) {
    return outcomeOf("failed", "container_refused", "the engine refused the container as it was asked for");
  }
  return outcomeOf("failed", "engine_error", "the engine ended the task without running it to its end");
}

function startFailure(message: string): Outcome {
  if (/executable file not found|no such file or directory|permission denied/.test(message)) {
    return outcomeOf(
      "failed",
      "command_not_found",
      "the command could not be started: it is not in the image, or not executable",
    );
  }
  if (/unable to find user|no matching entries in passwd/.test(message)) {
    return outcomeOf("failed", "container_refused", "the image has no such user");
  }
  return outcomeOf("failed", "engine_error", "the container could not be started");
}
