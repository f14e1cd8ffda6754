import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { ProblemError, problemOf } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Sha256 } from "#shared/schemas/names.ts";
import { jobName } from "#shared/swarm/names.ts";
import { logLines, type ReadWorld } from "../api/log-lines.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Job } from "../job/job.ts";
import { Tail } from "./tail.ts";

const marker = "@@PLATFORM_BROKER_MOUNT_OUT[";
const timeoutExitCode = 124;
const killedExitCode = 137;

/** The answer of a run call whose job has ended, as JSON text in pieces, because mounts and logs may be large (contract §4). */
export async function* runAnswer(world: ReadWorld, job: Job, signal: AbortSignal): AsyncGenerator<string> {
  const tails = { stdout: new Tail(limits.jobs.tail_bytes), stderr: new Tail(limits.jobs.tail_bytes) };
  // Also the log that is not put away yet: of a job that was cut short it is so until its services are gone.
  for await (const lines of logLines(world, job, { since: 0, follow: false, signal }))
    for (const { record } of lines ?? []) tails[record.stream].push(Buffer.from(record.data, "base64"));
  yield `{"container_name":${JSON.stringify(jobName(job.id))},"stdout":"${inner(printed(tails.stdout))}`;
  for (const { mount, digest } of job.artifacts.toSorted((a, b) => a.mount - b.mount)) {
    yield inner(`${marker}${mount}]:BEGIN@@\n`);
    yield* base64(await gzipped(world.blobs, digest));
    yield inner(`\n${marker}${mount}]:END@@`);
  }
  const { returncode, timed_out, note } = exitOf(job);
  const stderr = `${printed(tails.stderr)}${note}`;
  yield `","stderr":"${inner(stderr)}","returncode":${returncode},"timed_out":${timed_out}}`;
}

/**
 * A job that did not run to an end of its own is an error, never a return code: clients blame the miner for the latter. One that
 * its challenge cleaned up is none.
 */
export function runFailure({ state, outcome }: Job): ProblemError | null {
  if (!outcome?.fault || outcome.fault === "submission") return null;
  if (state === "cancelled" && outcome.fault === "challenge") return null;
  const name = outcome.reason?.name ?? "job_failed";
  const detail = outcome.reason?.detail ?? "the job could not be run";
  return outcome.fault === "platform"
    ? new ProblemError(503, name, detail, { headers: { "retry-after": "5" } })
    : new ProblemError(400, name, detail);
}

/** The error's body after the status was sent. Clients take a body without `container_name` as the platform's fault. */
export function lateFailure(failure: ProblemError, requestId: string): string {
  return JSON.stringify(problemOf(failure, requestId));
}

function exitOf({ outcome, state, exit_code }: Job) {
  if (state === "timed_out") return { returncode: timeoutExitCode, timed_out: true, note: "" };
  // Its challenge had it cleaned up: as the first generation's container that was removed under its client.
  if (state === "cancelled") return { returncode: killedExitCode, timed_out: false, note: "" };
  const code = outcome?.exit_code ?? exit_code ?? 1;
  if (state === "succeeded" || code !== 0) return { returncode: code, timed_out: false, note: "" };
  // The command succeeded, but its outputs could not be kept.
  return { returncode: 1, timed_out: false, note: `\n${outcome?.reason?.detail ?? "the job failed"}\n` };
}

/** The last bytes of a stream as text, without our marker in it. */
function printed(tail: Tail): string {
  return tail.text().replaceAll(marker, "@ @PLATFORM_BROKER_MOUNT_OUT[");
}

/** The text between the quotes of a JSON string. */
function inner(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

async function gzipped(blobs: BlobStore, digest: Sha256): Promise<AsyncIterable<Uint8Array>> {
  const reading = await blobs.open(digest);
  if (!reading) throw new Error(`artifact ${digest} is not stored`);
  return Readable.from(reading.stream as AsyncIterable<Uint8Array>).compose(createGzip({ level: 1 }));
}

async function* base64(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes = Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % 3);
    rest = bytes.subarray(whole);
    if (whole > 0) yield bytes.toString("base64", 0, whole);
  }
  yield rest.toString("base64");
}
