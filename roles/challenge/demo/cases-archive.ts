import { canonicalHeader, endOfArchive, paddingAfter } from "#shared/archive/tar/tar-writer.ts";

/** A tar with `cases.txt`, one number a line. */
export function casesArchive(cases: readonly number[]): Uint8Array {
  const content = Buffer.from(cases.map((n) => `${n}\n`).join(""));
  const size_bytes = content.length;
  const header = canonicalHeader({ kind: "file", name: "cases.txt", size_bytes, isExecutable: false });
  return Buffer.concat([header, content, paddingAfter(size_bytes), endOfArchive]);
}
