import { createHash } from "node:crypto";
import { ArchiveError, canonicalArchive, canonicalArchiveBytes } from "#shared/archive/canonical-archive.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { Logger } from "#shared/observability/logger.ts";
import {
  type ArchivePolicy,
  archivePolicyOf,
  type Challenge,
  type JobPolicy,
  jobPolicyOf,
} from "#shared/schemas/challenge.ts";
import type { JobRequest } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { clockOffset } from "#shared/time/clock-offset.ts";
import { BlobError, type BlobStore, type StoredBlob } from "../blobs/blob-store.ts";
import { queuedJob, type StoredMount } from "../job/job.ts";
import { sourceWatch } from "../job/mount-source.ts";
import { parseBytes } from "../job/quantities.ts";
import { classCapacities } from "../placement/placement.ts";
import type { Accepted, JobStore, NewJob } from "../store/job-store.ts";
import type { EngineFeatures } from "../swarm/engine-features.ts";
import { grantFault } from "../swarm/granted-network.ts";
import type { ImageIds } from "./image-ids.ts";
import { checkJobRequest } from "./job-request.ts";
import type { Tally } from "./quota.ts";

export interface AcceptWorld {
  readonly store: JobStore;
  readonly blobs: BlobStore;
  readonly engine: Pick<Engine, "network" | "nodes">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly images: ImageIds;
  readonly features: EngineFeatures;
  readonly blob_bytes: Tally;
  readonly queued: Tally;
  readonly settings: { readonly queued_ms: number; readonly free_bytes_min: number };
}

/**
 * Takes a job in: checks it, keeps its inputs, writes it down. What it answers is durable.
 *
 * @throws ProblemError when contract §4 or jobs §6 refuses the job
 */
export async function acceptJob(
  world: AcceptWorld,
  challenge: Challenge,
  request: JobRequest,
  idempotencyKey: string | null,
): Promise<Accepted> {
  const job = await prepareJob(world, challenge, request, idempotencyKey);
  return await acceptPrepared(world, job);
}

/** Writes a prepared job down. @throws ProblemError 429 "queue_full" when its challenge's queue is full */
export async function acceptPrepared(world: AcceptWorld, asked: NewJob): Promise<Accepted> {
  const known = asked.idempotency_key === null ? null : await world.store.sameKey(asked);
  if (known) return known;
  await world.queued.take(asked.job.challenge, 1, asked.queued_max, () => {
    const detail = `The queue of this challenge holds its ${asked.queued_max} jobs.`;
    return new ProblemError(429, "queue_full", detail, { headers: { "retry-after": "10" } });
  });
  return await world.store.accept(asked);
}

/** Does all of `acceptJob` but the last step. The answer is the job, not yet written down. */
export async function prepareJob(
  world: AcceptWorld,
  challenge: Challenge,
  request: JobRequest,
  idempotencyKey: string | null,
): Promise<NewJob> {
  const policy = jobPolicyOf(challenge.spec);
  checkJobRequest(request, policy, world.features);
  await checkGrant(world.engine, challenge.spec.slug, request);
  if ((await world.blobs.freeBytes()) < world.settings.free_bytes_min) throw storageFull();
  await checkGpus(world.engine, request, policy);
  const image_id = await world.images.resolve(challenge.spec.slug, request.image, request.image_pull_policy);
  const { blob_bytes_max } = policy;
  const keeper = { slug: challenge.spec.slug, blob_bytes_max, archives: archivePolicyOf(policy) };
  const kept = await Promise.all(request.mounts.map((mount) => keepMount(world, keeper, mount)));
  const spec = { ...request, mounts: kept.map(({ mount }) => mount) };
  const now_ms = world.clock.now();
  const job = queuedJob({
    id: Bun.randomUUIDv7("hex", now_ms).replaceAll("-", ""),
    challenge: challenge.spec.slug,
    spec_digest: createHash("sha256").update(JSON.stringify(spec)).digest("hex"),
    spec,
    image_id,
    memory_bytes: parseBytes(request.limits.memory) ?? 0,
    accepted_ms: now_ms,
    deadline_ms: now_ms + world.settings.queued_ms,
  });
  return {
    job,
    idempotency_key: idempotencyKey,
    addedBlobs: kept.flatMap(({ added }) => added ?? []),
    clock_offset: clockOffset(world.clock),
    queued_max: policy.queued_max,
    active_max: policy.queueing ? null : policy.running_max,
    is_run_call: false,
  };
}

async function checkGrant(engine: Pick<Engine, "network">, slug: string, request: JobRequest): Promise<void> {
  const fault = await grantFault(engine, slug, request);
  if (fault === null) return;
  const detail = `Docker network must be 'none', 'default', or a platform network: ${fault}`;
  throw new ProblemError(400, "network_not_granted", detail);
}

/** Refuses at once more GPUs than any labelled node has. Such a job would only wait for its queue deadline. */
async function checkGpus(
  engine: Pick<Engine, "nodes">,
  { limits: { gpu_count } }: JobRequest,
  policy: JobPolicy,
): Promise<void> {
  if (gpu_count === null) return;
  if (gpu_count > policy.gpu_count_max) {
    throw new ProblemError(
      400,
      "gpu_capacity_insufficient",
      `gpu_capacity_insufficient: this challenge may ask for ${policy.gpu_count_max} GPUs`,
    );
  }
  const most = Math.max(
    0,
    ...classCapacities(await engine.nodes()).map((node) => (node.node_class === "gpu" ? node.gpu_count : 0)),
  );
  if (gpu_count > most) {
    throw new ProblemError(
      400,
      "gpu_capacity_insufficient",
      `gpu_capacity_insufficient: ${gpu_count} GPUs asked for, the largest GPU node has ${most}`,
    );
  }
}

/** The challenge that keeps a blob, and how many bytes of them it may. */
interface Keeper {
  readonly slug: string;
  readonly blob_bytes_max: number;
  readonly archives: ArchivePolicy;
}

async function keepMount(
  world: AcceptWorld,
  keeper: Keeper,
  mount: JobRequest["mounts"][number],
): Promise<{ readonly mount: StoredMount; readonly added: StoredBlob | null }> {
  const { target, read_only, source_type, source_name, blob, archive_b64 } = mount;
  if (archive_b64 !== undefined) {
    const bytes = decodeBase64(archive_b64);
    const added = await keepArchive(world, keeper, mount, bytes);
    return { mount: { target, read_only, source_type, source_name, blob: added.digest }, added };
  }
  if (blob !== undefined && !(await world.store.hasBlob(keeper.slug, blob))) {
    throw new ProblemError(400, "unknown_blob", `There is no blob of this digest: upload it first (mount ${target}).`);
  }
  return { mount: { target, read_only, source_type, source_name, blob: blob ?? null }, added: null };
}

/** Validates, re-packs and stores an inline archive. Its row is written together with the job's. */
async function keepArchive(
  world: AcceptWorld,
  keeper: Keeper,
  mount: JobRequest["mounts"][number],
  bytes: Uint8Array,
): Promise<StoredBlob> {
  const source = sourceWatch(mount);
  const { slug, archives } = keeper;
  return await storing(world, slug, async () => {
    const small = canonicalArchiveBytes(bytes, limits.archive, source.see, archives);
    if (small) source.check();
    const canonical = small ? one(small.bytes) : canonicalArchive(one(bytes), limits.archive, source.see, archives);
    const stored = await putWithinQuota(world, keeper, canonical);
    source.check();
    return stored;
  });
}

/** Stores an uploaded input archive. The answer holds its canonical digest and size. */
export async function keepUpload(world: AcceptWorld, challenge: Challenge, body: AsyncIterable<Uint8Array>) {
  const { slug } = challenge.spec;
  const policy = jobPolicyOf(challenge.spec);
  const keeper = { slug, blob_bytes_max: policy.blob_bytes_max, archives: archivePolicyOf(policy) };
  return await storing(world, slug, async () => {
    const canonical = canonicalArchive(body, limits.archive, undefined, keeper.archives);
    const stored = await putWithinQuota(world, keeper, canonical);
    await world.store.recordBlob(slug, stored.digest, stored.size_bytes, world.clock.now());
    return stored;
  });
}

/** Stores a blob within the challenge's quota; a refused blob is deleted. @throws ProblemError 429 "blob_quota_exceeded" */
async function putWithinQuota(
  { blobs, store, blob_bytes }: AcceptWorld,
  { slug, blob_bytes_max }: Keeper,
  source: AsyncIterable<Uint8Array>,
): Promise<StoredBlob> {
  const detail = `This challenge may keep ${blob_bytes_max} bytes of blobs.`;
  const refusal = () => new ProblemError(429, "blob_quota_exceeded", detail);
  return await blobs.put(blob_bytes.passing(slug, source, blob_bytes_max, refusal), {
    async admit({ digest, size_bytes, isKnown }) {
      if (isKnown && (await store.hasBlob(slug, digest))) return;
      await blob_bytes.take(slug, size_bytes, blob_bytes_max, refusal);
    },
  });
}

/** Runs `work`, and turns refusals of the archive gate and of the disk into HTTP errors. */
async function storing<T>({ log }: AcceptWorld, slug: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BlobError && error.code === "storage_full") throw storageFull(error);
    if (error instanceof BlobError)
      throw new ProblemError(408, "request_too_slow", "The archive did not arrive in time.", { cause: error });
    if (!(error instanceof ArchiveError)) throw error;
    log.info({ challenge: slug, ...error.extensions }, `an input archive was refused: ${error.message}`);
    throw archiveRefusal(error);
  }
}

/** The detail of the first two is the contract's own (contract §4); the rest is in members of its own. */
function archiveRefusal(error: ArchiveError): ProblemError {
  const { kind, extensions } = error;
  const detail = kind === "limit" ? "mount archive over its limit" : `${kind} mount archive`;
  return new ProblemError(kind === "limit" ? 413 : 400, `${kind}_mount_archive`, detail, { cause: error, extensions });
}

function storageFull(cause?: unknown): ProblemError {
  return new ProblemError(503, "storage_full", "The platform has no room for more data now.", {
    cause,
    headers: { "retry-after": "60" },
  });
}

function decodeBase64(text: string): Uint8Array {
  const invalid = () =>
    archiveRefusal(new ArchiveError("invalid", "base64", "archive_b64 is not base64 (RFC 4648 §4)"));
  // Bun would pass over line breaks and missing padding; the first generation did not.
  if (text.length % 4 !== 0 || /\s/.test(text)) throw invalid();
  try {
    return Uint8Array.fromBase64(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid();
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
