/**
 * Names of services, networks and volumes follow from the job, challenge or role. A service that has the name counts as
 * created, so a repeated create makes no second one.
 */
import { createHash } from "node:crypto";
import { challengeHost } from "../schemas/challenge.ts";

/** The stagers of a job: `stage` brings its inputs, `collect` fetches its outputs. */
export type StagerKind = "stage" | "collect";

/** The start of the name of every job volume. No other volume has it. */
export const jobVolumePrefix = "platform-job-";

/** The name of a job's service, and of the job's own network. */
export const jobName = (id: string) => `platform-job-${id}`;
export const jobVolume = (id: string, mount: number) => `${jobVolumePrefix}${id}-${mount}`;
export const stagerName = (kind: StagerKind, id: string) => `platform-${kind}-${id}`;
/** A janitor's name follows from all jobs that it cleans up after. A former leader's janitor for only some of them has another. */
export function janitorName(ids: readonly string[]): string {
  return `platform-janitor-${createHash("sha256").update(ids.toSorted().join()).digest("hex").slice(0, 32)}`;
}
export const inspectorName = (id: string) => `platform-inspect-${id}`;

/** The ID of the job whose service, stager or volume has this name. "" when the name belongs to no job. */
export function jobOfName(name: string): string {
  return /^platform-(?:job|stage|collect)-([0-9a-f]{32})(?:-\d{1,2})?$/.exec(name)?.[1] ?? "";
}

/** The name of a challenge's service, which is also its name on its network. */
export const challengeServiceName = challengeHost;
export const challengeNetworkName = (slug: string) => `platform_challenge_${slug}`;
/** The volume that a challenge has as `/data`. */
export const challengeVolumeName = (slug: string) => `platform_${slug.replaceAll("-", "_")}_sqlite`;

/** Whether a volume of this name is a challenge's or a job's. */
export function isVolumeOfChallengeOrJob(name: string): boolean {
  return /^platform_.+_sqlite$/.test(name) || name.startsWith(jobVolumePrefix);
}

/** The name of a role's service, which is also its name on its networks. */
export const roleName = (role: string) => `platform-${role}`;

/** Whether a service of this name belongs to a role, a challenge or a job. */
export const isOwnService = (name: string) => /^(platform|challenge)-/.test(name);

/** The networks: between the roles, to the outside of the machine, and between stagers and broker. */
export const network = {
  control: "platform_control",
  public: "platform_public",
  transfer: "platform_transfer",
} as const;
