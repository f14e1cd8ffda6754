import { entryOf, gnuMagic, longNameEntry, paxEntry, sealHeader, type TarEntry, tarOf } from "./tar-builder.ts";

export interface HonestArchive {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The names that come out, directories with a slash. */
  readonly names: readonly string[];
  /** Whether GNU tar too reads it as it came without a complaint. */
  readonly isReadByGnuTar?: boolean;
}

const x = Buffer.from("x");
const v7Magic = "\0".repeat(8);
const seconds = "14527462136\0";
const deep = `${"d/".repeat(61)}f`;

/** npm's `tar`: a prefix of 130 bytes, and two times behind it. */
const npmEntry = (name: string, prefix: string): TarEntry => ({
  name,
  prefix,
  content: x,
  edit: (block) => {
    block.fill(0, 475, 500);
    block.write(seconds, 476, "latin1");
    block.write(seconds, 488, "latin1");
  },
});

/** What real programs write, each in the smallest archive that shows it. */
export const honestArchives: readonly HonestArchive[] = [
  { name: "npm's tar: times behind the prefix", bytes: tarOf([npmEntry("a", "")]), names: ["a"] },
  {
    name: "npm's tar: times behind a prefix of 130 bytes",
    bytes: tarOf([npmEntry("a", "p".repeat(65) + "/".concat("q".repeat(64)))]),
    names: [`${"p".repeat(65)}/${"q".repeat(64)}/a`],
  },
  { name: "ustar without its version", bytes: tarOf([{ name: "a", magic: "ustar\0\0\0", content: x }]), names: ["a"] },
  {
    name: "v7: automake's default, a directory with its type",
    bytes: tarOf([
      { name: "d/", magic: v7Magic },
      { name: "d/a", magic: v7Magic, content: x },
    ]),
    names: ["d/", "d/a"],
  },
  {
    name: "v7 of GNU tar: device numbers behind the link",
    bytes: tarOf([
      {
        name: "a",
        magic: v7Magic,
        content: x,
        edit: (block) => void block.write("0000000\x000000000\0", 329, "latin1"),
      },
    ]),
    names: ["a"],
  },
  {
    name: "v7: a directory that is only told by its slash",
    bytes: tarOf([
      { name: "d/", type: "\0", magic: v7Magic },
      { name: "d/a", type: "\0", magic: v7Magic, content: x },
    ]),
    names: ["d/", "d/a"],
  },
  {
    name: "Python's arcname='': the root as /",
    bytes: tarOf([{ name: "/" }, { name: "a", content: x }]),
    names: ["a"],
  },
  {
    name: "the root as .",
    bytes: tarOf([
      { name: ".", type: "5" },
      { name: "./a", content: x },
    ]),
    names: ["a"],
  },
  {
    name: "the root twice",
    bytes: tarOf([{ name: "./" }, { name: ".", type: "5" }, { name: "a", content: x }]),
    names: ["a"],
  },
  {
    name: "Maven and os.walk: a directory twice",
    bytes: tarOf([{ name: "d/" }, { name: "d/a", content: x }, { name: "d/" }]),
    names: ["d/", "d/a"],
  },
  {
    name: "bsdtar: names in an unknown character set that are UTF-8 all the same",
    bytes: tarOf([paxEntry({ hdrcharset: "BINARY", path: "é" }), { name: "x", content: x }]),
    names: ["é"],
  },
  {
    name: "GNU --incremental: times in the place of the prefix",
    bytes: tarOf([
      {
        name: "a",
        magic: gnuMagic,
        content: x,
        edit: (block) => {
          block.write(seconds, 345, "latin1");
          block.write(seconds, 357, "latin1");
        },
      },
    ]),
    names: ["a"],
  },
  {
    name: "names with // and /./",
    bytes: tarOf(["a//b", "c/./d", ".//e", "f/.//g"].map((name) => ({ name, content: x }))),
    names: ["a/b", "c/d", "e", "f/g"],
  },
  {
    name: "a global header with a vendor's comment",
    bytes: tarOf([paxEntry({ "ACME.build": "1234", comment: "0123abc" }, "g"), { name: "a", content: x }]),
    names: ["a"],
    // It warns of keys that it does not know.
    isReadByGnuTar: true,
  },
  {
    name: "Python's mtime near 0",
    bytes: tarOf([paxEntry({ mtime: "1e-05" }), { name: "a", content: x }]),
    names: ["a"],
    isReadByGnuTar: false,
  },
  {
    name: "names of 62 parts",
    bytes: tarOf([longNameEntry(deep), { name: "x", content: x }]),
    names: [deep],
  },
  {
    name: "AppleDouble files, which are kept unless the rules drop them",
    bytes: tarOf([
      { name: "._a", content: x },
      { name: "a", content: x },
    ]),
    names: ["._a", "a"],
  },
  {
    name: "star: a prefix with times and a signature at its end",
    bytes: starTar(),
    names: ["a"],
  },
];

function starTar(): Buffer {
  const block = entryOf(npmEntry("a", ""));
  block.write("tar\0", 508, "latin1");
  const header = block.subarray(0, 512);
  sealHeader(header);
  return Buffer.concat([block, Buffer.alloc(1024)]);
}
