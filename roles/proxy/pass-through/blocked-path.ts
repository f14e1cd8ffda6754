const layers_max = 10;

/**
 * Whether contract §2 keeps this path (what follows the slug, without query) from the public, in any spelling: it is judged
 * after each layer of percent-decoding, with dot segments kept and resolved, since nobody knows how often the upstream decodes.
 */
export function isBlockedPath(path: string): boolean {
  let text = path;
  for (let layer = 0; layer < layers_max; layer += 1) {
    const segments = segmentsOf(text);
    if (isBlocked(segments) || isBlocked(withoutDots(segments))) return true;
    const decoded = decodeOnce(text);
    if (decoded === text) return false;
    text = decoded;
  }
  // Nobody means this, and each layer costs time.
  return true;
}

function isBlocked(segments: readonly string[]): boolean {
  const [first, last] = [segments[0], segments.at(-1)];
  if (first === "internal" || first === "benchmark-executions") return true;
  if (segments.length === 1) return first === "health" || first === "version";
  return (first === "benchmark" || first === "benchmarks") && /^(run|execute|launch)$/.test(last ?? "");
}

/** Latin letters may hide behind control characters and spaces (some routers match before a last newline) and parameters (`;x`). */
function segmentsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[/\\]/)
    .map((segment) => segment.replace(/[;?#].*$/s, "").replace(ignorable, ""))
    .filter((segment) => segment !== "");
}

const ignorable = /[\0-\x20\x7f-\xa0]/g;

function withoutDots(segments: readonly string[]): string[] {
  const resolved: string[] = [];
  for (const segment of segments) {
    if (segment === "..") resolved.pop();
    else if (segment !== ".") resolved.push(segment);
  }
  return resolved;
}

function decodeOnce(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
