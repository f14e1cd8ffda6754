import type { ChallengeSpec } from "#shared/schemas/challenge.ts";

/** What `path` (raw, without query) has where `pattern` has `{name}`, or null when it does not match; `{name}` stands for one segment. */
export function matchPath(pattern: string, path: string): ReadonlyMap<string, string> | null {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== given.length) return null;
  const found = new Map<string, string>();
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? "";
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name === undefined ? segment !== value : value === "") return null;
    if (name !== undefined) found.set(name, value);
  }
  return found;
}

/** The path as the challenge calls it: the first of its aliases that matches, else as it is. */
export function aliasedPath({ path_aliases }: Pick<ChallengeSpec, "path_aliases">, path: string): string {
  for (const { from, to } of path_aliases) {
    const found = matchPath(from, path);
    if (found) return to.replace(/\{(\w+)\}/g, (whole, name: string) => found.get(name) ?? whole);
  }
  return path;
}

/** Whether the challenge itself checks the miner's signature of this request. */
export function isSignedRoute(
  { signed_routes }: Pick<ChallengeSpec, "signed_routes">,
  method: string,
  path: string,
): boolean {
  return signed_routes.some((route) => route.methods.includes(method) && matchPath(route.path, path) !== null);
}
