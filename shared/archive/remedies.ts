const again = "Pack it again, for example with: tar --format=pax -czf archive.tar.gz -C FOLDER .";
const rename = "Rename it and pack the archive again.";
const once = "Pack each file once; GNU tar's -r and -u add a name a second time.";
const relative = "Pack from inside the folder, for example with: tar -czf archive.tar.gz -C FOLDER .";
const smaller = "Send less: leave out what can be made or fetched again.";
const whole = "Send it again; it was cut off or damaged on its way, or its writer has not ended.";
const links =
  "Pack what the links point to: tar -h for symbolic links, --hard-dereference for hard links; or have the challenge's record copy links.";

/** What to do, by the code of the rule that was broken. */
const remedies: Readonly<Record<string, string>> = {
  base64: "Encode the archive's bytes as base64, with + and / and padding, without anything else.",
  empty: "Send the bytes of an archive.",
  truncated: whole,
  gzip_truncated: whole,
  gzip_data: whole,
  gzip_checksum: whole,
  gzip_length: whole,
  stream_truncated: whole,
  stream_data: whole,
  gzip_trailing_data: "Send one gzip stream and nothing behind it: compress the whole tar at once.",
  stream_trailing_data: "Send one compressed stream and nothing behind it: compress the whole tar at once.",
  trailing_data: "Send one archive and nothing behind it; join archives by packing their files anew, not with cat.",
  lone_zero_block: "Send one archive; join archives by packing their files anew, not with cat.",
  link: links,
  link_target: links,
  sparse: "Pack it without -S (--sparse).",
  device: "Leave it out: only files and directories are taken.",
  fifo: "Leave it out: only files and directories are taken.",
  type: "Leave it out: only files and directories are taken.",
  name_parent: relative,
  name_absolute: relative,
  name_empty: relative,
  name_backslash: "Write / between the parts of a name, or rename the file.",
  name_control: rename,
  name_nul: again,
  name_not_utf8: "Rename the file with characters of UTF-8, or pack it on a system whose locale is UTF-8.",
  name_slash: again,
  twin: "Give them names that differ in more than case or Unicode form; on many systems they are one file.",
  duplicate: once,
  file_as_directory: "Rename one of the two.",
  expanded_bytes: smaller,
  compressed_bytes: smaller,
  held_bytes: "Send a .tar.gz: it is read as it comes, with a far larger bound.",
  copied_bytes: `${links} What links point to is held in memory while an archive is read.`,
  ratio: "Leave out large files of equal bytes; an archive may expand only so far.",
  entries: "Send fewer files and directories, for example without caches and installed packages.",
  depth: "Move the files up: fewer folders inside each other.",
  name_bytes: "Use shorter names, or fewer folders inside each other.",
  segment_bytes: rename,
  header_bytes: again,
  window: "Compress with a smaller window: xz -6, or zstd without --ultra and --long.",
  zip_encrypted: "Make the zip without a password.",
  zip_method: "Make the zip with the methods store or deflate, the default of most programs; or send a .tar.gz.",
  zip_name: "Make the zip with names in UTF-8, or send a .tar.gz.",
};

/** What to do about a broken rule, as a sentence for who made the archive. */
export function remedyOf(code: string): string {
  if (code.startsWith("zip_")) return remedies[code] ?? "Make the zip anew with another program, or send a .tar.gz.";
  return remedies[code] ?? again;
}
