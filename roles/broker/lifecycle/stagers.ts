import { limits } from "#shared/schemas/limits.ts";
import { environmentOfOrder } from "#shared/schemas/stager.ts";
import type { StagerKind } from "#shared/swarm/names.ts";
import type { PlacedJob } from "../job/job.ts";
import { ensureService } from "../swarm/ensure.ts";
import { stagerService } from "../swarm/stager-service-spec.ts";
import type { DispatchWorld } from "./world.ts";

type StagerWorld = Pick<DispatchWorld, "settings" | "clock" | "confirm" | "tokens"> & {
  readonly engine: Pick<DispatchWorld["engine"], "createService">;
};

/** Starts the job's stager of this kind for `mounts`, unless it exists. It ends by the deadline of the job's state (jobs §5). */
export async function startStager(
  world: StagerWorld,
  { id, challenge, node_id, deadline_ms, spec }: PlacedJob,
  kind: StagerKind,
  mounts: readonly number[],
): Promise<void> {
  const { engine, settings, clock, confirm, tokens } = world;
  const { stager_image, transfer_url } = settings;
  const inputOf = (index: number) => {
    const { blob = null, read_only = true } = spec.mounts[index] ?? {};
    return { index, writable: !read_only, digest: blob, token: blob ? tokens.mint("input", id, index, blob) : null };
  };
  const outputOf = (index: number) => ({ index, token: tokens.mint("output", id, index, null) });
  const env = environmentOfOrder({
    ...(kind === "collect" ? { output_bytes_max: limits.jobs.output_bytes_max } : {}),
    transfer_url: `${transfer_url}/v1/transfer/${id}`,
    mounts: kind === "stage" ? mounts.map(inputOf) : mounts.map(outputOf),
    deadline_ms: Math.max(1_000, Math.round(deadline_ms - clock.now())),
  });
  await confirm();
  await ensureService(engine, stagerService({ kind, id, challenge, mounts, node_id, stager_image, env }));
}
