import { existsSync } from "node:fs";
import type { Engine } from "#shared/engine/engine.ts";
import { isVolumeOfChallengeOrJob, jobVolumePrefix } from "#shared/swarm/names.ts";
import { isTerminal, isTyped } from "../plan/confirm.ts";
import { installationPath } from "../plan/installation-file.ts";
import { formerTokenFile } from "./admin-token.ts";
import { configDirectory, secretPath, supervisorEnvironmentPath } from "./host-files.ts";

/** The names of the volumes and the paths of the files that a purge deletes for good. */
export interface Purged {
  readonly volumes: readonly string[];
  readonly files: readonly string[];
}

/** How a purge was requested: the installation's name (null if not given), and whether `--yes` was given. */
export interface PurgeWord {
  readonly name: string | null;
  readonly isSure: boolean;
}

const ownVolumes = ["platform_postgres", "platform_blobs", "platform_devchain", "platform_submitter"];
const ownFiles = [
  "master_key",
  "postgres_password",
  "database_url",
  "admin_token",
  formerTokenFile,
  "demo-miners.json",
];

/** Lists the volumes of this machine's engine and the files that a purge would delete. */
export async function whatPurgeDeletes(engine: Pick<Engine, "volumes">): Promise<Purged> {
  const volumes = (await engine.volumes({}))
    .map(({ Name }) => Name)
    .filter((name) => ownVolumes.includes(name) || isVolumeOfChallengeOrJob(name));
  const files = [...ownFiles.map(secretPath), supervisorEnvironmentPath, installationPath].filter((path) =>
    existsSync(path),
  );
  return { volumes: volumes.toSorted(), files };
}

/**
 * Requires that the person who purges names the installation: by typing its name on a terminal, or with
 * `--yes --purge=NAME`. It removes nothing itself.
 *
 * @throws Error when the installation is not named
 */
export async function confirmPurge(name: string, { volumes, files }: Purged, word: PurgeWord): Promise<void> {
  const ofJobs = volumes.filter((volume) => volume.startsWith(jobVolumePrefix));
  const rows = [
    ...volumes.filter((volume) => !volume.startsWith(jobVolumePrefix)).map((volume) => `volume ${volume}`),
    ...(ofJobs.length > 0 ? [`the ${ofJobs.length} volumes of jobs (${jobVolumePrefix}…)`] : []),
    ...files.map((path) => `file ${path}`),
  ];
  process.stderr.write(
    `\n  This stops the whole installation ${name}, and deletes for good:\n\n${rows.map((row) => `    ${row}\n`).join("")}
  A database and a chain from outside, the Swarm and its engine, and ${configDirectory}/secrets stay as they are.\n\n`,
  );
  if (word.name !== null && word.name !== name)
    throw new Error(`nothing was removed: this installation is ${name}, not ${word.name}`);
  if (word.isSure && word.name !== null) return;
  if (word.isSure || !isTerminal())
    throw new Error(`nothing was removed: to delete it without a question say --yes --purge=${name}`);
  if (!(await isTyped(name, `  Type the installation's name (${name}) to delete it:`)))
    throw new Error("nothing was removed: the name that was typed is not the installation's");
}
