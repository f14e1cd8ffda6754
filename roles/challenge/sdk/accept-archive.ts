import { gzipSync } from "node:zlib";
import {
  type ArchiveEntry,
  ArchiveError,
  type ArchiveLimits,
  type ArchiveRules,
  canonicalArchive,
  plainRules,
} from "#shared/archive/canonical-archive.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";

const { archive_bytes_max } = limits.challenge_sdk;
const defaultLimits: ArchiveLimits = {
  ...limits.archive,
  expanded_bytes_max: archive_bytes_max,
  held_bytes_max: archive_bytes_max,
  copied_bytes_max: archive_bytes_max,
};

export interface AcceptOptions {
  /** What is taken beyond a plain or gzipped tar of files and directories. */
  readonly rules?: Partial<ArchiveRules> | undefined;
  readonly limits?: Partial<ArchiveLimits>;
  /** Called with each file and directory, in their order. */
  readonly onEntry?: (entry: ArchiveEntry) => void;
}

/**
 * A miner's archive as a gzipped tar that the platform takes, whatever form it came in. A broken, unsafe or too large one
 * is refused at once, with a problem that says which entry, why, and what to do.
 *
 * @throws ProblemError 400 `invalid_archive` or `unsafe_archive`, 413 `limit_archive`
 */
export async function acceptArchive(body: Uint8Array, options: AcceptOptions = {}): Promise<Uint8Array> {
  const bounds = { ...defaultLimits, ...options.limits };
  const rules = { ...plainRules, ...options.rules };
  try {
    const packed = await Array.fromAsync(canonicalArchive(once(body), bounds, options.onEntry, rules), (chunk) =>
      chunk.slice(),
    );
    return gzipSync(Buffer.concat(packed), { level: 1 });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const { kind, extensions } = error;
    const detail = `The submission is refused: ${error.message}`;
    throw new ProblemError(kind === "limit" ? 413 : 400, `${kind}_archive`, detail, { extensions });
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
