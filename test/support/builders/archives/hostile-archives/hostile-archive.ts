import { entryOf, type TarEntry, tarOf } from "../tar-builder.ts";

export interface HostileArchive {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly kind: "invalid" | "unsafe" | "limit";
  readonly code: string;
  /** Position of the refused header, from 1; null: the archive as a whole is refused. */
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

/** A whole entry as content, so that a reader who skips wrongly finds a header. */
export const smuggled = entryOf({ name: "smuggled", content: x });
