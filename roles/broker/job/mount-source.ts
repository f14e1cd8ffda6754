import type { ArchiveEntry } from "#shared/archive/canonical-archive.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { MountRequest } from "#shared/schemas/job.ts";

/** The part of a mount's archive that is mounted: a path inside it, "" for all of it, null when it would lead out. */
export function sourcePath({ source_name }: Pick<MountRequest, "source_name">): string | null {
  if (source_name.startsWith("/") || /[\0\\]/.test(source_name)) return null;
  const parts = source_name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? null : parts.join("/");
}

/** Watches an archive go by for what a mount names in it (contract §4). */
export function sourceWatch(mount: MountRequest) {
  const { target, source_type } = mount;
  const path = sourcePath(mount);
  let isThere = path === "" && source_type === "directory";
  return {
    see: ({ name, kind }: ArchiveEntry): void => {
      if (source_type === "file") isThere ||= kind === "file" && name === path;
      else isThere ||= (kind === "directory" && name === path) || name.startsWith(`${path}/`);
    },
    /** @throws ProblemError 400 when nothing of that name and kind went by */
    check(): void {
      if (!isThere)
        throw new ProblemError(400, "mount_source_missing", `materialized mount source is missing: ${target}`);
    },
  };
}
