import { gnuMagic, longNameEntry, paxEntry } from "../tar-builder.ts";
import { good, type HostileArchive, smuggled, unsafe, x } from "./hostile-archive.ts";

export const types: readonly HostileArchive[] = [
  unsafe("link", 1, "a symbolic link out, then a file through it (CVE-2018-20834 node-tar, CVE-2025-45582 GNU tar)", [
    { name: "d", type: "2", link: "/etc" },
    { name: "d/cron.d/x", content: x },
  ]),
  unsafe("link", 1, "a symbolic link inside", [{ name: "a", type: "2", link: "b" }]),
  unsafe("link", 2, "a hard link out (CVE-2026-23745 node-tar)", [good, { name: "h", type: "1", link: "/etc/passwd" }]),
  unsafe("link", 1, "a hard link with content", [{ name: "h", type: "1", link: "good", content: x }]),
  unsafe("link", 1, "a link with an empty target", [{ name: "a", type: "2" }]),
  unsafe("link", 1, "a GNU long link name", [longNameEntry("/etc/passwd", "K"), good]),
  unsafe("link", 1, "a PAX link target on a file", [paxEntry({ linkpath: "/etc/passwd" }), good]),
  unsafe("device", 1, "a character device", [{ name: "null", type: "3" }]),
  unsafe("device", 1, "a block device", [{ name: "sda", type: "4" }]),
  unsafe("fifo", 1, "a named pipe, at which a reader hangs", [{ name: "p", type: "6" }]),
  unsafe("sparse", 1, "a GNU sparse file: 8 GiB from a header (CVE-2025-58183 Go)", [
    { name: "s", type: "S", magic: gnuMagic, content: x },
  ]),
  unsafe("sparse", 1, "a PAX sparse file, version 0.1", [
    paxEntry({ "GNU.sparse.major": "0", "GNU.sparse.map": "0,1", "GNU.sparse.size": "99999999999" }),
    good,
  ]),
  unsafe("sparse", 1, "a PAX sparse file that renames", [paxEntry({ "GNU.sparse.name": "../x" }), good]),
  unsafe("type", 1, "a contiguous file", [{ name: "c", type: "7", content: x }]),
  unsafe("type", 1, "a GNU dump directory, which deletes what it does not name", [
    { name: "d/", type: "D", magic: gnuMagic, content: Buffer.from("Yx\0\0") },
  ]),
  unsafe("type", 1, "a continuation of another volume", [{ name: "m", type: "M", content: x }]),
  unsafe("type", 1, "a volume label", [{ name: "v", type: "V" }]),
  unsafe("type", 1, "a Solaris extended header", [{ name: "X", type: "X", content: x }]),
  unsafe("type", 1, "a vendor's type", [{ name: "Z", type: "Z" }]),
  unsafe("type", 1, "a type that is no letter", [{ name: "n", type: "\xff" }]),
  unsafe("gnu_extension", 1, "GNU fields where Python reads a prefix", [
    { name: "x", magic: gnuMagic, prefix: "..", content: x },
  ]),
  unsafe("gnu_extension", 1, "a GNU sparse map on a plain file", [
    { name: "x", magic: gnuMagic, content: x, edit: (block) => void block.write("00000000001", 386) },
  ]),
  unsafe("directory_size", 1, "a directory with content: half of the readers skip it", [
    { name: "d/", content: smuggled.subarray(0, 512) },
  ]),
];
