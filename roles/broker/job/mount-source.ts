import type { ArchiveEntry } from "#shared/archive/canonical-archive.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { MountRequest } from "#shared/schemas/job.ts";

/** The mounted part of a mount's archive: a path inside it, "" for all of it, null for a path that leads out of it. */
export function sourcePath({ source_name }: Pick<MountRequest, "source_name">): string | null {
  if (source_name.startsWith("/") || /[\0\\]/.test(source_name)) return null;
  const parts = source_name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? null : parts.join("/");
}

/** Checks, while an archive is read, that it holds the entry that a mount names (contract §4). */
export function sourceWatch(mount: MountRequest) {
  const { target, source_type } = mount;
  const path = sourcePath(mount);
  let isThere = path === "" && source_type === "directory";
  return {
    see: ({ name, kind }: ArchiveEntry): void => {
      if (source_type === "file") isThere ||= kind === "file" && name === path;
      else isThere ||= (kind === "directory" && name === path) || name.startsWith(`${path}/`);
    },
    /** @throws ProblemError 400 "mount_source_missing" when the archive had no entry of that name and kind */
    check(): void {
      if (!isThere)
        throw new ProblemError(400, "mount_source_missing", `materialized mount source is missing: ${target}`);
    },
  };
}
