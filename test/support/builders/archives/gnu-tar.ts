import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Extracting thousands of small files takes a quarter of the time in memory. */
const memoryDirectory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** What one archive should be on disk: directories, with a slash at the end of their names, and files with their sizes. */
export type Tree = ReadonlyMap<string, number>;

export interface Extraction {
  readonly label: string;
  readonly archive: Uint8Array;
  readonly expected: Tree;
}

/**
 * Extracts archives with GNU tar, in one shell, each into a folder of its own.
 *
 * @returns what went wrong: a file outside of its folder, anything but a regular file or directory, an unexpected tree
 */
export async function extractAndCompare(extractions: readonly Extraction[]): Promise<string[]> {
  if (extractions.length === 0) return [];
  const base = mkdtempSync(join(memoryDirectory, "gnu-tar-"));
  const problems: string[] = [];
  try {
    for (const [i, { archive }] of extractions.entries()) {
      mkdirSync(join(base, `${i}/in`), { recursive: true });
      writeFileSync(join(base, `${i}/archive.tar`), archive);
    }
    const script = `for d in "$1"/*; do tar -xf "$d/archive.tar" -C "$d/in" 2>"$d/errors" || echo "$d" >&2; done`;
    const shell = Bun.spawn(["sh", "-c", script, "sh", base], { stdout: "ignore", stderr: "pipe" });
    const [failed] = await Promise.all([new Response(shell.stderr).text(), shell.exited]);
    for (const folder of failed.split("\n").filter(Boolean)) {
      problems.push(`${labelOf(extractions, folder)}: GNU tar: ${readFileSync(join(folder, "errors"), "utf8").trim()}`);
    }
    if (readdirSync(base).length !== extractions.length) problems.push("a file beside the folders of the archives");
    for (const [i, extraction] of extractions.entries()) problems.push(...compare(join(base, String(i)), extraction));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  return problems;
}

function labelOf(extractions: readonly Extraction[], folder: string): string {
  return extractions[Number(folder.slice(folder.lastIndexOf("/") + 1))]?.label ?? folder;
}

function compare(folder: string, { label, expected }: Extraction): string[] {
  const beside = readdirSync(folder).filter((name) => !["archive.tar", "errors", "in"].includes(name));
  if (beside.length > 0) return [`${label}: left its folder: ${JSON.stringify(beside)}`];
  return compareTree(join(folder, "in"), expected).map((problem) => `${label}: ${problem}`);
}

/** The differences between a folder and what is expected. */
export function compareTree(folder: string, expected: Tree): string[] {
  const found = new Map<string, number>();
  const problems = walk(folder, "", found);
  for (const [name, size] of expected) {
    if (found.get(name) !== size) problems.push(`${JSON.stringify(name)}: ${found.get(name)} instead of ${size}`);
  }
  for (const name of found.keys()) if (!expected.has(name)) problems.push(`${JSON.stringify(name)} was not expected`);
  return problems;
}

function walk(folder: string, prefix: string, found: Map<string, number>): string[] {
  return readdirSync(folder).flatMap((child) => {
    const stat = lstatSync(join(folder, child));
    if (stat.isDirectory()) {
      found.set(`${prefix}${child}/`, 0);
      return walk(join(folder, child), `${prefix}${child}/`, found);
    }
    found.set(`${prefix}${child}`, stat.size);
    return stat.isFile() && stat.nlink === 1 ? [] : [`${JSON.stringify(child)} is no regular file`];
  });
}
