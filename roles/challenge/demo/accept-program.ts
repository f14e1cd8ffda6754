import { ProblemError } from "#shared/http/problem.ts";
import { acceptArchive } from "../sdk/accept-archive.ts";

const programLimits = { compressed_bytes_max: 262_144, expanded_bytes_max: 262_144, entries_max: 64 };
/** Whatever people have at hand. */
const programRules = {
  forms: ["zip", "tar.bz2", "tar.xz", "tar.zst"],
  links: "copy",
  macos_files: "drop",
} as const;

/** The miner's archive, re-packed so that a job can be given it; refused when it is unsafe, too large or lacks predict.awk. */
export async function acceptProgram(body: Uint8Array): Promise<Uint8Array> {
  const names = new Set<string>();
  const packed = await acceptArchive(body, {
    rules: programRules,
    limits: programLimits,
    onEntry: ({ kind, name }) => kind === "file" && names.add(name),
  });
  if (!names.has("predict.awk")) throw new ProblemError(400, "no_program", "The archive has no file predict.awk");
  return packed;
}
