import { rmSync } from "node:fs";
import { connectEngine } from "#shared/engine/docker-engine.ts";
import { type Engine, EngineError } from "#shared/engine/engine.ts";
import { label, managed } from "#shared/swarm/labels.ts";
import { isOwnService } from "#shared/swarm/names.ts";
import { systemClock } from "#shared/time/clock.ts";
import { createProgress } from "../progress.ts";
import { waitUntil } from "../wait-until.ts";
import { runDirectory, tmpfilesPath } from "./host-files.ts";
import { confirmPurge, type Purged, type PurgeWord, whatPurgeDeletes } from "./purge.ts";
import { stopSupervisor } from "./supervisor-process.ts";

const gone_ms_max = 90_000;

export interface DownOptions {
  readonly socket: string;
  readonly installation_name: string;
  /** Null: volumes, choices and secrets are kept. */
  readonly purge: PurgeWord | null;
}

/**
 * Removes what `up` and the roles made on this machine and in its Swarm. Volumes, choices and secrets are removed only
 * with `purge`.
 */
export async function down({ socket, installation_name, purge }: DownOptions): Promise<void> {
  const engine = await connectEngine(socket);
  const purged = purge ? await whatPurgeDeletes(engine) : null;
  if (purge && purged) await confirmPurge(installation_name, purged, purge);
  const { step } = createProgress();
  await step("Supervisor", async () => stopSupervisor());
  await step("Services", () => removeServices(engine));
  await step("Networks", () => removeNetworks(engine));
  await step("Swarm secrets", async () => {
    for (const { ID } of await engine.secrets(managed)) await engine.removeSecret(ID);
  });
  rmSync(runDirectory, { recursive: true, force: true });
  rmSync(tmpfilesPath, { force: true });
  rmSync("/usr/local/lib/platform", { recursive: true, force: true });
  if (purged) await step("Volumes, choices and secrets of this machine", () => deleteForGood(engine, purged));
}

async function deleteForGood(engine: Engine, { volumes, files }: Purged): Promise<void> {
  for (const name of volumes) {
    await waitUntil(systemClock, `removal of volume ${name}`, gone_ms_max, async () => {
      await engine.removeVolume(name);
      return true;
    });
  }
  for (const path of files) rmSync(path, { force: true });
}
async function removeServices(engine: Engine): Promise<void> {
  for (const { ID } of await engine.services(managed)) await engine.removeService(ID);
  await waitUntil(systemClock, "the end of all containers", gone_ms_max, async () => {
    const left = await engine.containers({ [label.service_name]: "" }, { all: true });
    return left.some(({ Names }) => Names.some((name) => isOwnService(name.slice(1)))) ? null : true;
  });
}

/**
 * Removes our networks. Tries each for at most 90 s, because a network stays in use for a moment after its last
 * service ended.
 */
async function removeNetworks(engine: Engine): Promise<void> {
  for (const { Id, Name } of await engine.networks(managed)) {
    await waitUntil(systemClock, `removal of network ${Name}`, gone_ms_max, async () => {
      try {
        await engine.removeNetwork(Id);
        return true;
      } catch (error) {
        if (error instanceof EngineError) return null;
        throw error;
      }
    });
  }
}
