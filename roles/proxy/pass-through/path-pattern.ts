import type { ChallengeSpec } from "#shared/schemas/challenge.ts";

/**
 * What `path` has where `pattern` has `{name}`, which stands for one segment. Null when the path does not match.
 *
 * @param path as it was sent, without the query
 */
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

/** The path as the challenge calls it: by the first alias that matches; without one, as it is. */
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
