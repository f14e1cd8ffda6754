import { describe, expect, test } from "bun:test";
import { isImageAllowed, parseImageReference } from "../../../../roles/broker/admission/image-reference.ts";

describe("an image allowlist", () => {
  const allows = (image: string, ...list: string[]) => {
    const reference = parseImageReference(image);
    return reference !== null && isImageAllowed(reference, list);
  };
  test("matches at the boundary of a repository", () => {
    expect(allows("ghcr.io/acme/a:1", "ghcr.io/acme/")).toBe(true);
    expect(allows("ghcr.io/acme-evil/a", "ghcr.io/acme/")).toBe(false);
    expect(allows("ghcr.io/acme/ab", "ghcr.io/acme/a")).toBe(false);
    expect(allows("busybox", "docker.io/library/busybox")).toBe(true);
    expect(allows("evil.io/library/busybox", "busybox")).toBe(false);
    expect(allows("acme/a:2", "acme/a:1")).toBe(false);
  });
  test("refuses what is no image reference", () => {
    for (const text of ["", "-x", "A/b", "a b", "a:", "a@sha256:1", "a/../b", "a\n", "--privileged"])
      expect(parseImageReference(text)).toBeNull();
  });
});
