/** Layout of a header block, POSIX.1-1988 "ustar": https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html */
export const block_bytes = 512;

/** The end of an archive: two blocks of zeros. */
export const end_of_archive_bytes = 2 * block_bytes;

export const field = {
  name: [0, 100],
  mode: [100, 108],
  uid: [108, 116],
  gid: [116, 124],
  size: [124, 136],
  mtime: [136, 148],
  checksum: [148, 156],
  type: [156, 157],
  link: [157, 257],
  magic: [257, 265],
  device_major: [329, 337],
  device_minor: [337, 345],
  prefix: [345, 500],
  /** The prefix where times lie behind it. */
  short_prefix: [345, 475],
  times_behind_prefix: [476, 500],
  /** GNU's layout: the times of last access and change. */
  gnu_times: [345, 369],
} as const;

/** The largest size that eleven octal digits hold. */
export const size_bytes_ceiling = 0o77777777777;

/** Bytes of padding after `size` bytes of content. */
export function paddingOf(size: number): number {
  return (block_bytes - (size % block_bytes)) % block_bytes;
}
