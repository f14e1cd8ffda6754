import { ArchiveError, type ArchiveLimits, canonicalArchiveBytes } from "#shared/archive/canonical-archive.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";

const programLimits: ArchiveLimits = {
  ...limits.archive,
  compressed_bytes_max: 262_144,
  expanded_bytes_max: 262_144,
  entries_max: 64,
  depth_max: 4,
};

/** The miner's archive, re-packed so that a job can be given it; refused when it is unsafe, too large or lacks predict.awk. */
export function acceptProgram(body: Uint8Array): Uint8Array {
  const names = new Set<string>();
  const packed = repack(body, (name) => names.add(name));
  if (!names.has("predict.awk")) throw new ProblemError(400, "no_program", "The archive has no file predict.awk");
  return packed;
}

function repack(body: Uint8Array, onFile: (name: string) => void): Uint8Array {
  try {
    const packed = canonicalArchiveBytes(body, programLimits, ({ kind, name }) => kind === "file" && onFile(name));
    if (packed) return packed.bytes;
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const status = error.kind === "limit" ? 413 : 400;
    throw new ProblemError(status, `${error.kind}_archive`, `The submission is refused: ${error.message}`);
  }
  throw new ProblemError(413, "limit_archive", "The submission is refused: the archive is too large");
}
