import { createHash } from "node:crypto";
import { ArchiveError, canonicalArchive, canonicalArchiveBytes } from "#shared/archive/canonical-archive.ts";
import { BlobError, type BlobStore } from "#shared/blobs/blob-store.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { type Challenge, type JobPolicy, jobPolicyOf } from "#shared/schemas/challenge.ts";
import type { JobRequest } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { ImageIds } from "./image-ids.ts";
import type { Job, StoredMount } from "./job.ts";
import { checkJobRequest } from "./job-request.ts";
import type { JobStore, NewJob } from "./job-store.ts";
import { sourceWatch } from "./mount-source.ts";
import { classCapacities } from "./placement.ts";
import { parseBytes } from "./quantities.ts";

export interface AcceptWorld {
  readonly store: JobStore;
  readonly blobs: BlobStore;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly images: ImageIds;
  readonly settings: { readonly queued_ms: number; readonly free_bytes_min: number };
}

/**
 * Takes a job in: checks it, keeps its inputs, writes it down. What it answers is durable.
 *
 * @throws ProblemError with the refusals of contract §4 and the job design
 */
export async function acceptJob(
  world: AcceptWorld,
  challenge: Challenge,
  request: JobRequest,
  idempotencyKey: string | null,
): Promise<{ readonly job: Job; readonly isNew: boolean }> {
  return await world.store.accept(await prepareJob(world, challenge, request, idempotencyKey));
}

/** Everything of `acceptJob` but the last step: the job as it would be written down. */
export async function prepareJob(
  world: AcceptWorld,
  challenge: Challenge,
  request: JobRequest,
  idempotencyKey: string | null,
): Promise<NewJob> {
  const policy = jobPolicyOf(challenge.spec);
  checkJobRequest(request, policy);
  if ((await world.blobs.freeBytes()) < world.settings.free_bytes_min) throw storageFull();
  await checkGpus(world.engine, request, policy);
  const image_id = await world.images.resolve(request.image, request.image_pull_policy);
  const mounts = await Promise.all(request.mounts.map((mount) => keepMount(world, challenge.spec.slug, mount, policy)));
  const spec = { ...request, mounts };
  const now_ms = world.clock.now();
  return {
    id: Bun.randomUUIDv7("hex", now_ms).replaceAll("-", ""),
    challenge: challenge.spec.slug,
    idempotency_key: idempotencyKey,
    spec_digest: createHash("sha256").update(JSON.stringify(spec)).digest("hex"),
    spec,
    image_id,
    memory_bytes: parseBytes(request.limits.memory) ?? 0,
    now_ms,
    deadline_ms: now_ms + world.settings.queued_ms,
    queued_max: policy.queued_max,
    active_max: policy.queueing ? null : policy.running_max,
    is_run_call: false,
  };
}

/** GPUs that no labelled node could ever give are refused at once, not queued for an hour. */
async function checkGpus(engine: Engine, { limits: { gpu_count } }: JobRequest, policy: JobPolicy): Promise<void> {
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

async function keepMount(
  world: AcceptWorld,
  slug: string,
  mount: JobRequest["mounts"][number],
  policy: JobPolicy,
): Promise<StoredMount> {
  const { target, read_only, source_type, source_name, blob, archive_b64 } = mount;
  if (archive_b64 !== undefined) {
    const bytes = decodeBase64(archive_b64);
    return { target, read_only, source_type, source_name, blob: await keepArchive(world, slug, mount, bytes, policy) };
  }
  if (blob !== undefined && !(await world.store.hasBlob(slug, blob))) {
    throw new ProblemError(400, "unknown_blob", `There is no blob of this digest: upload it first (mount ${target}).`);
  }
  return { target, read_only, source_type, source_name, blob: blob ?? null };
}

/** An inline archive, validated, re-packed and stored; answers its canonical digest. */
async function keepArchive(
  world: AcceptWorld,
  slug: string,
  mount: JobRequest["mounts"][number],
  bytes: Uint8Array,
  policy: JobPolicy,
): Promise<string> {
  const source = sourceWatch(mount);
  return await storing(async () => {
    const small = canonicalArchiveBytes(bytes, limits.archive, source.see);
    if (small) source.check();
    const stored = await world.blobs.put(
      small ? one(small.bytes) : canonicalArchive(one(bytes), limits.archive, source.see),
    );
    source.check();
    await recordWithinQuota(world, slug, stored, policy);
    return stored.digest;
  });
}

/** Streams an input archive in; answers its canonical digest and size. */
export async function keepUpload(world: AcceptWorld, challenge: Challenge, body: AsyncIterable<Uint8Array>) {
  const { slug } = challenge.spec;
  return await storing(async () => {
    const stored = await world.blobs.put(canonicalArchive(body, limits.archive));
    await recordWithinQuota(world, slug, stored, jobPolicyOf(challenge.spec));
    return stored;
  });
}

async function recordWithinQuota(
  world: AcceptWorld,
  slug: string,
  { digest, size_bytes }: { digest: string; size_bytes: number },
  policy: JobPolicy,
) {
  const used = await world.store.blobBytes(slug);
  if (used + size_bytes > policy.blob_bytes_max && !(await world.store.hasBlob(slug, digest))) {
    throw new ProblemError(
      429,
      "blob_quota_exceeded",
      `This challenge may keep ${policy.blob_bytes_max} bytes of blobs.`,
    );
  }
  await world.store.recordBlob(slug, digest, size_bytes, world.clock.now());
}

/** What the archive gate and the volume refuse, as HTTP says it. */
async function storing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BlobError && error.code === "storage_full") {
      throw storageFull(error);
    }
    if (error instanceof BlobError)
      throw new ProblemError(413, "archive_too_large", "the mount archive is too large", { cause: error });
    if (!(error instanceof ArchiveError)) throw error;
    const detail =
      error.kind === "limit" ? `mount archive over its limit: ${error.message}` : `${error.kind} mount archive`;
    throw new ProblemError(error.kind === "limit" ? 413 : 400, `${error.kind}_mount_archive`, detail, { cause: error });
  }
}

function storageFull(cause?: unknown): ProblemError {
  return new ProblemError(503, "storage_full", "The platform has no room for more data now.", {
    cause,
    headers: { "retry-after": "60" },
  });
}

function decodeBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  if (text.length === 0 || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)) {
    throw new ProblemError(400, "invalid_mount_archive", "invalid mount archive");
  }
  return bytes;
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
