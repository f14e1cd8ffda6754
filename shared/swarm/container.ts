import type { ContainerSpec, Mount, ServiceSpec } from "../engine/engine.ts";

const MiB = 2 ** 20;

/** Settings of every container of ours: no extra privileges, and writes only to mounts. */
export const hardened = {
  Init: true,
  ReadOnly: true,
  CapabilityDrop: ["ALL"],
  Privileges: { NoNewPrivileges: true, Seccomp: { Mode: "default" } },
} as const satisfies Partial<ContainerSpec>;

/** The service mode of a task that runs once. */
export const onceOnly = { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } } as const;
export const noRestart = { Condition: "none", MaxAttempts: 0 } as const;

/** The user ID that our images run as, as Swarm expects it for the owner of a secret. */
export const imageUser = "65532";
/** The folder of a service's secrets. */
export const secretsFolder = "/run/secrets/platform";

/** A `/tmp` in memory, of this many MiB. */
export function temporaryFolder(size_mib: number): Mount {
  return { Type: "tmpfs", Target: "/tmp", TmpfsOptions: { SizeBytes: size_mib * MiB } };
}

/**
 * The engine's `local` log driver, with the size of a file in MiB and the number of files. Use at least two files, because the
 * engine deletes the oldest as a whole.
 * (`json-file` loses multi-byte characters at each 16 KiB of an unbroken line.)
 */
export function localLog(file_mib: number, files: number) {
  return { Name: "local", Options: { "max-size": `${file_mib}m`, "max-file": String(files) } };
}

/** `values` as lines of an environment, escaped so that Swarm expands no template in them. */
export function environmentOf(values: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(values).map(([name, value]) => `${name}=${escapeTemplate(String(value))}`);
}

/** Escapes a value in which Swarm would expand Go templates: in environment, hostname and mounts. `{{"{{"}}` expands to two braces. */
export function escapeTemplate(value: string): string {
  return value.replaceAll("{{", '{{"{{"}}');
}

/**
 * Returns a service that has exactly one network. With none, Swarm gives the container docker0 and a default route.
 *
 * @throws Error when the service has no network or more than one
 */
export function requireOneNetwork(spec: ServiceSpec): ServiceSpec {
  if (spec.TaskTemplate.Networks?.length !== 1) throw new Error(`service ${spec.Name} must have exactly one network`);
  return spec;
}
