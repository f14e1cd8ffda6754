import { gnuMagic, longNameEntry, paxEntry, paxRecord, tarOf } from "../tar-builder.ts";
import { good, type HostileArchive, invalid, smuggled, unsafe } from "./hostile-archive.ts";

export const extended: readonly HostileArchive[] = [
  unsafe("pax_size", 1, "PAX size 0 hides a file from one reader (CVE-2025-62518 TARmageddon)", [
    paxEntry({ size: "0" }),
    { name: "carrier", content: smuggled },
  ]),
  unsafe("pax_size", 1, "PAX size where the header says 0", [paxEntry({ size: "1024" }), { name: "carrier", size: 0 }]),
  unsafe("extended_header_twice", 1, "a PAX size for a GNU long name (GHSA-vmf3-w455-68vh, GHSA-3pv8-6f4r-ffg2)", [
    paxEntry({ size: "512" }),
    longNameEntry("a"),
    good,
  ]),
  unsafe("extended_header_twice", 1, "two PAX headers", [paxEntry({ path: "a" }), paxEntry({ path: "b" }), good]),
  unsafe("extended_header_twice", 1, "two GNU long names", [longNameEntry("a"), longNameEntry("b"), good]),
  unsafe("extended_header_twice", 1, "a global header between", [
    paxEntry({ path: "a" }),
    paxEntry({ comment: "c" }, "g"),
    good,
  ]),
  unsafe("long_name", 1, "a GNU long name without an end: GNU tar reads on behind it", [
    { name: "././@LongLink", type: "L", magic: gnuMagic, size: 1, content: Buffer.from("x.py/other\0") },
    good,
  ]),
  unsafe("pax_global", 1, "a global path", [paxEntry({ path: "x" }, "g"), good]),
  unsafe("pax_global", 1, "a global size", [paxEntry({ size: "0" }, "g"), good]),
  unsafe("pax_key", 1, "another character set for names", [paxEntry({ hdrcharset: "ISO-8859-1" }), good]),
  unsafe("pax_global", 1, "a global key of a vendor whose keys readers act on", [
    paxEntry({ "SCHILY.realsize": "9" }, "g"),
    good,
  ]),
  unsafe("pax_key", 1, "a vendor's key that is not known, for one entry", [paxEntry({ "ACME.size": "9" }), good]),
  unsafe("pax_key", 1, "a key that nobody knows (CVE-2026-32766: skipped instead of refused)", [
    paxEntry({ "SCHILY.realsize": "9" }),
    good,
  ]),
  unsafe("pax_duplicate", 1, "a path twice in one header", [
    { name: "p", type: "x", content: Buffer.concat([paxRecord("path", "a"), paxRecord("path", "b")]) },
    good,
  ]),
  ...[
    ["a length of 0: Python looped for ever (CVE-2019-20907)", "0 path=x\n"],
    ["a length that is too large", "99 path=x\n"],
    ["a length that ends inside the key", "5 path=x\n"],
    ["a length with a sign", "+9 path=x\n"],
    ["no length", "path=x\n"],
    ["a length of many digits (CVE-2023-39804 GNU tar, a long key)", `${"9".repeat(400)} path=x\n`],
    ["no newline", "9 path=xx"],
    ["no =", "8 pathx\n"],
    ["no key", "5 =x\n"],
    ["NULs behind the records", "10 path=x\n\0\0"],
  ].map(([name, content]) =>
    invalid(
      "pax_header",
      1,
      `a PAX record with ${name}`,
      tarOf([{ name: "p", type: "x", content: Buffer.from(content as string) }, good]),
    ),
  ),
  invalid("pax_header", 1, "a PAX time that is no number", tarOf([paxEntry({ mtime: "../x" }), good])),
  invalid("extended_header", 1, "a PAX header for nothing", tarOf([paxEntry({ path: "a" })])),
  invalid("extended_header", 1, "a GNU long name for nothing", tarOf([longNameEntry("a")])),
];
