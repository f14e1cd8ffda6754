/** The bounds an archive is held to while it streams. Every one is a refusal of kind `limit`. */
export interface ArchiveLimits {
  /** Bytes as they arrive, compressed or plain. */
  readonly compressed_bytes_max: number;
  /** Bytes of the plain tar, headers and padding included; of a zip the contents. */
  readonly expanded_bytes_max: number;
  /** Expanded bytes for each compressed one, beyond `ratio_free_bytes_max` expanded bytes. */
  readonly ratio_max: number;
  /** Small archives may be as compressible as they like: tar's own padding is. */
  readonly ratio_free_bytes_max: number;
  /** Files and directories, those counted that only appear as the parent of a name. */
  readonly entries_max: number;
  /** Segments of a name. */
  readonly depth_max: number;
  /** Bytes of a whole name in UTF-8. A segment is held to 255 besides, as Linux file systems do. */
  readonly name_bytes_max: number;
  /** Bytes of one PAX header or one GNU long name. */
  readonly header_bytes_max: number;
  /** Bytes, as they arrive, of a form that is held in memory while it is read: all but plain and gzipped tar. */
  readonly held_bytes_max: number;
  /** Bytes of contents that are held in memory where links are copied. */
  readonly copied_bytes_max: number;
  /** Window of a tar.xz or tar.zst: what its decoder needs in memory. One such decoder runs at a time. */
  readonly window_bytes_max: number;
}
