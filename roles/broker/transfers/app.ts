import { Value } from "@sinclair/typebox/value";
import { ArchiveError, canonicalArchive } from "#shared/archive/canonical-archive.ts";
import { bearerToken } from "#shared/auth/tokens.ts";
import { createHttpApp } from "#shared/http/app.ts";
import { requestPieces } from "#shared/http/bounded-body.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Sha256 } from "#shared/schemas/names.ts";
import { SkippedNames, skippedHeader } from "#shared/schemas/stager.ts";
import type { Clock } from "#shared/time/clock.ts";
import { BlobError, type BlobStore } from "../blobs/blob-store.ts";
import type { Job } from "../job/job.ts";
import type { JobStore } from "../store/job-store.ts";
import type { TransferDirection, TransferTokens } from "./tokens.ts";

export interface TransferWorld {
  readonly store: JobStore;
  readonly blobs: BlobStore;
  readonly tokens: TransferTokens;
  readonly clock: Clock;
  readonly log: Logger;
  changed(jobId: string): void;
  wake(): void;
}

/** An upload's place: a mount of a job, and what is not in the upload. */
interface Output {
  readonly job: Job;
  readonly mount: number;
  readonly skipped: SkippedNames;
}

const refusedToken = () => new ProblemError(401, "invalid_transfer_token", "The transfer token is not valid for this.");

/** The routes of stagers on `platform_transfer`: they read the inputs of their job and send its outputs. */
export function createTransferApp(world: TransferWorld) {
  const { store, blobs, tokens } = world;
  const authorized = async (request: Request, direction: TransferDirection, id: string, mountText: string) => {
    const token = bearerToken(request.headers.get("authorization"));
    const job = /^[0-9a-f]{32}$/.test(id) ? await store.anyById(id) : null;
    const mount = Number(mountText);
    const wanted = job?.spec.mounts[mount];
    if (!token || !job || !wanted || !/^\d{1,2}$/.test(mountText)) throw refusedToken();
    const digest = direction === "input" ? wanted.blob : null;
    if (!tokens.isValid(token, [direction, id, mount, digest])) throw refusedToken();
    const state = direction === "input" ? "staging" : "collecting";
    if (job.state !== state)
      throw new ProblemError(410, "transfer_over", "The job no longer is in the state of this transfer.");
    return { job, mount, digest: digest as Sha256 | null };
  };

  return createHttpApp(world.log)
    .get("/v1/transfer/:id/inputs/:mount", async ({ request, params }) => {
      const { digest } = await authorized(request, "input", params.id, params.mount);
      if (!digest) throw refusedToken();
      return await inputResponse(blobs, digest, request.headers.get("range"));
    })
    .put(
      "/v1/transfer/:id/outputs/:mount",
      async ({ request, params }) => {
        const { job, mount } = await authorized(request, "output", params.id, params.mount);
        const skipped = skippedOf(request.headers.get(skippedHeader));
        const body = requestPieces(request, { bytes_max: 2 * limits.jobs.output_bytes_max });
        const artifact = await keepOutput({ job, mount, skipped }, request.body && body);
        world.changed(job.id);
        world.wake();
        return { digest: artifact.digest, size_bytes: artifact.size_bytes };
      },
      { parse: "none" },
    );

  /** Outputs go through the same archive gate as inputs, because they are just as hostile. */
  async function keepOutput({ job, mount, skipped }: Output, body: AsyncIterable<Uint8Array> | null) {
    if (!body) throw new ProblemError(400, "empty_output", "There is no body.");
    try {
      const source = canonicalArchive(body, { ...limits.archive, expanded_bytes_max: limits.jobs.output_bytes_max });
      const { digest, size_bytes } = await blobs.put(source, { mayUseReserve: true });
      await store.recordBlob(job.challenge, digest, size_bytes, world.clock.now());
      return await store.addArtifact(job.id, { mount, digest, size_bytes }, skipped);
    } catch (error) {
      if (error instanceof BlobError)
        throw new ProblemError(503, error.code, "The output cannot be stored now.", { cause: error });
      if (!(error instanceof ArchiveError)) throw error;
      const status = error.kind === "limit" ? 413 : 422;
      throw new ProblemError(status, `${error.kind}_output`, "The output cannot be kept.", {
        cause: error,
      });
    }
  }
}

/** What the stager left out of an upload. The names come from the job, so they must fit the schema exactly. */
function skippedOf(header: string | null): SkippedNames {
  const skipped = header === null ? null : parsedOrNull(header);
  if (!Value.Check(SkippedNames, skipped))
    throw new ProblemError(400, "invalid_skipped", `The header ${skippedHeader} does not say what was left out.`);
  return skipped;
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The whole blob, or its rest after a broken transfer (RFC 9110 §14.2; one range with an open end). */
async function inputResponse(blobs: BlobStore, digest: Sha256, range: string | null): Promise<Response> {
  const start = Number(/^bytes=(\d{1,15})-$/.exec(range ?? "")?.[1] ?? 0);
  const size = await blobs.size(digest);
  if (size === null) throw new ProblemError(404, "input_gone", "The input is no longer there.");
  if (start >= size && start > 0)
    throw new ProblemError(416, "range_not_satisfiable", "The input is shorter than that.");
  const reading = await blobs.open(digest, { start });
  if (!reading) throw new ProblemError(404, "input_gone", "The input is no longer there.");
  const headers = { "content-type": "application/x-tar", "content-length": String(size - start) };
  if (range === null) return new Response(reading.stream, { headers });
  return new Response(reading.stream, {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${start}-${size - 1}/${size}` },
  });
}
