/** One accepted entry. `name` is canonical: relative, normalised, unique in its archive; never empty. */
export interface ArchiveEntry {
  readonly kind: "file" | "directory";
  readonly name: string;
  /** 0 for a directory. */
  readonly size_bytes: number;
  /** Whether any execute bit was set; always true for a directory. */
  readonly isExecutable: boolean;
}

/** What an archive held. */
export interface ArchiveSummary {
  readonly files: number;
  readonly directories: number;
  /** The files' contents, without headers and padding. */
  readonly content_bytes: number;
}

/** Who is told of entries as a reader meets them. `data` belongs to the file of the last `entry`. */
export interface EntrySink {
  entry(entry: ArchiveEntry): void;
  /** A view into the reader's input: copy it to keep it. */
  data(chunk: Uint8Array): void;
}
