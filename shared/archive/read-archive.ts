import type { ArchiveSummary, EntrySink } from "./archive-entry.ts";
import { formOf, refusedForm } from "./archive-form.ts";
import type { ArchiveLimits } from "./archive-limits.ts";
import type { ArchiveRules } from "./archive-rules.ts";
import { expand } from "./compression/expand.ts";
import { gunzipSmall } from "./compression/gunzip.ts";
import { checkCompressed, Input } from "./compression/input.ts";
import { EntryGate } from "./entry-gate.ts";
import { TarParser } from "./tar/tar-parser.ts";
import { readZip } from "./zip/read-zip.ts";

/** Up to here an archive is taken in one synchronous piece, which is several times faster and blocks for a few ms at most. */
export const small_compressed_bytes_max = 512 * 1024;
const small_expanded_bytes_max = 4 * 1024 * 1024;
/** Enough to know any form by. */
const form_bytes = 512;

/** An archive's entries on their way to a sink. To be iterated: between two steps the sink may be emptied. */
export type Reading = AsyncGenerator<void, ArchiveSummary, undefined>;

/** Reads an archive of any form that the rules take. Throws ArchiveError; the source is stopped in any case. */
export async function* readArchive(
  source: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
  rules: ArchiveRules,
  sink: EntrySink,
): Reading {
  const input = new Input(source, limits);
  try {
    const form = takenForm(await input.look(form_bytes), rules);
    const gate = new EntryGate(limits, rules, sink);
    if (form === "zip") return yield* readZip(await input.readHeld(), limits, gate);
    const parser = new TarParser(limits, gate);
    for await (const chunk of expand(form, input, limits)) {
      parser.push(chunk);
      yield;
    }
    return yield* parser.end();
  } finally {
    await input.close();
  }
}

/** The plain tar of a small plain or gzipped one; null for a larger one, or another form. Throws ArchiveError. */
export function smallTar(bytes: Uint8Array, limits: ArchiveLimits, rules: ArchiveRules): Uint8Array | null {
  checkCompressed(bytes.length, limits);
  const form = takenForm(bytes, rules);
  // Copies of links may be many times what is sent.
  if (bytes.length > small_compressed_bytes_max || rules.links === "copy") return null;
  if (form === "gzip") return gunzipSmall(bytes, small_expanded_bytes_max, limits);
  return form === null ? bytes : null;
}

/** @throws ArchiveError where the rules do not take an archive that starts so */
function takenForm(start: Uint8Array, { forms }: ArchiveRules): ReturnType<typeof formOf> {
  const form = formOf(start);
  if (form !== null && form !== "gzip" && !forms.includes(form)) throw refusedForm(start, forms);
  return form;
}
