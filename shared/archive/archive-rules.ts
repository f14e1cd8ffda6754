/** A form of archive beside plain and gzipped tar. */
export type ArchiveForm = "zip" | "tar.bz2" | "tar.xz" | "tar.zst";

/** What is taken beyond files and directories in a plain or gzipped tar; a challenge's record says so. */
export interface ArchiveRules {
  readonly forms: readonly ArchiveForm[];
  /** `copy`: hard links, and symbolic links that stay inside, become copies of what they point to. */
  readonly links: "refuse" | "copy";
  /** `drop`: `._*`, `.DS_Store`, `Icon\r` and `__MACOSX/` are left out, as if they had not been sent. */
  readonly macos_files: "keep" | "drop";
}

/** Nothing beyond. */
export const plainRules: ArchiveRules = { forms: [], links: "refuse", macos_files: "keep" };
