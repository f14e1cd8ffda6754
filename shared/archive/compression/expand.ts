import type { ArchiveLimits } from "../archive-limits.ts";
import type { ArchiveForm } from "../archive-rules.ts";
import { bunzip2 } from "./bzip2.ts";
import { gunzip } from "./gunzip.ts";
import { checkRatio, type Input } from "./input.ts";
import { unxz } from "./xz.ts";
import { unzstd } from "./zstd.ts";

type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

/** The plain tar of an archive, as a stream. `form` is what its first bytes say. Throws ArchiveError. */
export async function* expand(
  form: Exclude<ArchiveForm, "zip"> | "gzip" | null,
  input: Input,
  limits: ArchiveLimits,
): Chunks {
  if (form === "gzip") yield* gunzip(input, limits);
  else if (form === null) for (let next = await input.next(); next !== null; next = await input.next()) yield next;
  else yield* held(form, await input.readHeld(), limits);
}

/** A form whose compressed bytes are all there: no decoder waits for a client, and only one large window is in use. */
async function* held(form: Exclude<ArchiveForm, "zip">, bytes: Uint8Array, limits: ArchiveLimits): Chunks {
  const decode = { "tar.bz2": bunzip2, "tar.xz": unxz, "tar.zst": unzstd }[form];
  let expanded_bytes = 0;
  for await (const plain of decode(bytes, limits.window_bytes_max)) {
    expanded_bytes += plain.length;
    checkRatio(expanded_bytes, bytes.length, limits);
    yield plain;
  }
}
