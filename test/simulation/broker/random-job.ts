import { parseJobRequest } from "../../../roles/broker/admission/job-request.ts";
import { type JobIn, queuedJob } from "../../../roles/broker/job/job.ts";
import { parseBytes } from "../../../roles/broker/job/quantities.ts";
import type { Random } from "../model/random.ts";

export const timeout_seconds_max = 60;
const for_ever_ms = 86_400_000;

/** What a job's container does, read from its command. */
export interface Behaviour {
  readonly lasts_ms: number;
  readonly exit_code: number;
  /** `oom`: killed by the kernel. `absent`: cannot be started. `full`: finds no room on its disk. */
  readonly kind: "plain" | "oom" | "absent" | "full";
}

export function behaviourOf(command: readonly string[]): Behaviour {
  const [lasts_ms = "0", exit_code = "0", kind = "plain"] = command;
  return { lasts_ms: Number(lasts_ms), exit_code: Number(exit_code), kind: kind as Behaviour["kind"] };
}

/** A random request, with or without inputs and outputs. */
export function randomRequest(random: Random): object {
  const gpu_count = random.chance(0.25) ? random.between(1, 2) : null;
  const timeout_seconds = random.between(2, timeout_seconds_max);
  const lasts_ms = random.chance(0.15)
    ? random.pick([timeout_seconds * 1_500, timeout_seconds * 1_500, for_ever_ms])
    : random.between(50, 8_000);
  const kind = random.chance(0.85) ? "plain" : random.pick(["oom", "absent", "full"] as const);
  const exit_code = kind === "oom" ? 137 : random.pick([0, 0, 0, 1, 3, 137, 255]);
  const blob = "a".repeat(64);
  const mounts = [
    ...(random.chance(0.3) ? [{ target: "/input", read_only: true, blob }] : []),
    ...(random.chance(0.3) ? [{ target: "/output", read_only: false }] : []),
  ];
  const limits = { cpus: random.pick([0.5, 1, 2]), memory: "1g", gpu_count };
  const command = [String(lasts_ms), String(exit_code), kind];
  return { command, timeout_seconds, mounts, limits, priority: random.pick([0, 0, 1]) };
}

/** A queued job of one of two challenges. */
export function jobOf(
  asked: object,
  { serial, now_ms, queued_ms }: { readonly serial: number; readonly now_ms: number; readonly queued_ms: number },
  random: Random,
): JobIn<"queued"> {
  const request = parseJobRequest({ image: "job", ...asked });
  const id = serial.toString(16).padStart(32, "0");
  return queuedJob({
    id,
    challenge: random.pick(["a", "b"]),
    spec_digest: id,
    spec: { ...request, mounts: request.mounts.map((mount) => ({ ...mount, blob: mount.blob ?? null })) },
    image_id: "job",
    memory_bytes: parseBytes(request.limits.memory) ?? 0,
    accepted_ms: now_ms,
    deadline_ms: now_ms + queued_ms,
  });
}
