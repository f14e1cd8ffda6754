const layers_max = 10;
const readings_max = 32;

/** `dotted`: it has a `.` or `..` segment, and readers disagree on where that leads. `blocked`: it is kept from the public. */
export type PathFault = "dotted" | "blocked";

/**
 * What is wrong with a path (what follows the slug, without query), in any spelling; null when a challenge may have it (contract §2).
 *
 * Nobody knows how often a challenge and what stands before it decode a path, nor what they drop from it in between. So every text
 * that a chain of readers could hold is judged, and a path with a dot segment in any of them is never resolved but refused.
 */
export function pathFault(path: string): PathFault | null {
  let isOpen = true;
  let texts = new Set([path]);
  for (let layer = 0; layer < layers_max; layer += 1) {
    texts = readingsOf(texts);
    // Nobody means this, and each reading costs time.
    if (texts.size > readings_max) return "blocked";
    const outlines = [...texts].map(outlineOf);
    if (outlines.some(({ names }) => names.some((name) => name === "." || name === ".."))) return "dotted";
    if (outlines.some(isBlocked)) isOpen = false;
    const decoded = new Set([...texts].map(decodedOnce));
    if (decoded.isSubsetOf(texts)) return isOpen ? null : "blocked";
    texts = decoded;
  }
  return "blocked";
}

/** The texts, and what is left of them for readers that drop control characters (URL parsers), `;` parameters (servlets), or both. */
function readingsOf(texts: ReadonlySet<string>): Set<string> {
  const readings = new Set(texts);
  // A set hands out what is added while it is walked.
  for (const text of readings) for (const dropped of dropped_by_some) readings.add(text.replace(dropped, ""));
  return readings;
}

interface Outline {
  /** Of the segments that are not empty, in lower case, without parameters and what may hide letters. */
  readonly names: readonly string[];
  /** After how many of them some reader sees the path's end. */
  readonly ends: ReadonlySet<number>;
}

function outlineOf(text: string): Outline {
  const names: string[] = [];
  const ends = new Set<number>();
  for (const segment of text.toLowerCase().split(/[/\\]/)) {
    const end = segment.search(ending);
    const name = (end < 0 ? segment : segment.slice(0, end)).replace(ignorable, "").replace(trailing_dots, "");
    if (name !== "") names.push(name);
    if (end >= 0) ends.add(names.length);
  }
  return { names, ends: ends.add(names.length) };
}

function isBlocked({ names, ends }: Outline): boolean {
  switch (names[0]) {
    case "internal":
    case "benchmark-executions":
      return true;
    case "health":
    case "version":
      return ends.has(1);
    case "benchmark":
    case "benchmarks":
      return names.some((name, index) => index > 0 && ends.has(index + 1) && /^(run|execute|launch)$/.test(name));
    default:
      return false;
  }
}

const ignorable = /[\0-\x20\x7f-\xa0]/g;
/** Windows drops them from a name. */
const trailing_dots = /(?<=[^.])\.+$/;
/** Parameters end at a slash, and for some at a backslash too. */
const dropped_by_some = [ignorable, /;[^/]*/g, /;[^/\\]*/g];
/** Where parameters, a query or a fragment begin, a C string ends, and some routers' `$` matches. */
const ending = /[;?#\0\r\n]/;

function decodedOnce(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
