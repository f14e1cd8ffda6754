const layers_max = 10;
const readings_max = 32;

/** `dotted`: the path has a `.` or `..` segment, and readers disagree on where it leads. `blocked`: it is kept from the public. */
export type PathFault = "dotted" | "blocked";

/**
 * What is wrong with a path in any of its spellings; null when it may go to a challenge (contract §2).
 *
 * A challenge, and what stands before it, may decode a path several times, and drop parts of it in between. So every text that a
 * chain of readers could hold is judged. A path with a dot segment in any of them is refused: it is never resolved.
 *
 * @param path what follows the slug, without the query
 */
export function pathFault(path: string): PathFault | null {
  let isOpen = true;
  let texts = new Set([path]);
  for (let layer = 0; layer < layers_max; layer += 1) {
    texts = readingsOf(texts);
    // No honest client sends such a path, and each reading costs time.
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

/** The texts, and what is left of each when control characters are dropped (URL parsers), `;` parameters (servlets), or both. */
function readingsOf(texts: ReadonlySet<string>): Set<string> {
  const readings = new Set(texts);
  // The loop over a set visits what is added meanwhile.
  for (const text of readings) for (const dropped of droppedBySome) readings.add(text.replace(dropped, ""));
  return readings;
}

interface Outline {
  /** The segments that are not empty: lower case, without parameters, control characters and trailing dots. */
  readonly names: readonly string[];
  /** The numbers of segments after which some reader sees the path's end. */
  readonly ends: ReadonlySet<number>;
}

function outlineOf(text: string): Outline {
  const names: string[] = [];
  const ends = new Set<number>();
  for (const segment of text.toLowerCase().split(/[/\\]/)) {
    const end = segment.search(ending);
    const name = (end < 0 ? segment : segment.slice(0, end)).replace(ignorable, "").replace(trailingDots, "");
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
/** Windows drops trailing dots from a name. */
const trailingDots = /(?<=[^.])\.+$/;
/** Parameters end at a slash, for some readers at a backslash too. */
const droppedBySome = [ignorable, /;[^/]*/g, /;[^/\\]*/g];
/** What ends a path for some reader: parameters, a query or a fragment begin; a C string ends; `$` of a regular expression matches. */
const ending = /[;?#\0\r\n]/;

function decodedOnce(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
