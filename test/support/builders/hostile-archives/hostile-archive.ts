import { entryOf, type TarEntry, tarOf } from "../tar-builder.ts";

export interface HostileArchive {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly kind: "invalid" | "unsafe" | "limit";
  readonly code: string;
  /** Position of the header that is refused, from 1; null for the archive as a whole. */
  readonly entry: number | null;
}

export const x = Buffer.from("x");
export const good: TarEntry = { name: "good", content: x };

export const unsafe = (code: string, entry: number, name: string, entries: readonly TarEntry[]): HostileArchive => ({
  name,
  bytes: tarOf(entries),
  kind: "unsafe",
  code,
  entry,
});
export const invalid = (code: string, entry: number | null, name: string, bytes: Uint8Array): HostileArchive => ({
  name,
  bytes,
  kind: "invalid",
  code,
  entry,
});
export const limit = (code: string, entry: number | null, name: string, bytes: Uint8Array): HostileArchive => ({
  name,
  bytes,
  kind: "limit",
  code,
  entry,
});

/** A file inside, so that who skips wrongly finds a header there. */
export const smuggled = entryOf({ name: "smuggled", content: x });
