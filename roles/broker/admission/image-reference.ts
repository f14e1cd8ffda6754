/** An image's name in its full form, as the allowlist sees it. */
export interface ImageReference {
  /** With registry and repository, "docker.io/library/busybox". */
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

const component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const pattern = new RegExp(
  `^((?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\\d{1,5})?/)?${component}(?:/${component})*)(?::([\\w][\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** Reads a reference by the distribution specification's grammar; null when it does not match. */
export function parseImageReference(text: string): ImageReference | null {
  const match = pattern.exec(text);
  if (!match) return null;
  const repository = canonical(match[1] ?? "");
  // Only a registry's name may have upper case.
  if (/[A-Z]/.test(repository.slice(repository.indexOf("/")))) return null;
  return { repository, tag: match[2] ?? null, digest: match[3] ?? null };
}

/** Docker Hub's names are short: "busybox" is "docker.io/library/busybox". */
function canonical(name: string): string {
  const [first = "", ...rest] = name.split("/");
  const hasRegistry = rest.length > 0 && (first.includes(".") || first.includes(":") || first === "localhost");
  if (hasRegistry) return name;
  return rest.length === 0 ? `docker.io/library/${name}` : `docker.io/${name}`;
}

/**
 * Whether the image's repository is one of `allowlist`, or below one that ends with a slash. Matches end at a repository's
 * boundary: "ghcr.io/acme/" never allows "ghcr.io/acme-evil/x".
 */
export function isImageAllowed(image: ImageReference, allowlist: readonly string[]): boolean {
  return allowlist.some((entry) => {
    if (entry.endsWith("/")) return image.repository.startsWith(`${canonical(`${entry}x`).slice(0, -1)}`);
    const allowed = parseImageReference(entry);
    if (!allowed || allowed.repository !== image.repository) return false;
    return (
      (allowed.tag === null || allowed.tag === image.tag) &&
      (allowed.digest === null || allowed.digest === image.digest)
    );
  });
}
