import { describe, expect, test } from "bun:test";
import { aliasedPath, isSignedRoute, matchPath } from "../../../../roles/proxy/pass-through/path-pattern.ts";

describe("a path pattern", () => {
  test("matches literally, {name} one segment", () => {
    expect(matchPath("/a/{id}/env", "/a/7/env")?.get("id")).toBe("7");
    for (const path of ["/a//env", "/a/7/8/env", "/a/7/env/", "/A/7/env"])
      expect(matchPath("/a/{id}/env", path)).toBeNull();
  });

  test("gives the path as the challenge calls it", () => {
    const path_aliases = [
      { from: "/leaderboard", to: "/v1/leaderboard" },
      { from: "/submissions/{id}", to: "/v1/submissions/{id}" },
    ];
    expect(aliasedPath({ path_aliases }, "/leaderboard")).toBe("/v1/leaderboard");
    expect(aliasedPath({ path_aliases }, "/submissions/$&%20x")).toBe("/v1/submissions/$&%20x");
    expect(aliasedPath({ path_aliases }, "/submissions/7/log")).toBe("/submissions/7/log");
  });

  test("names signed routes by method and path", () => {
    const signed_routes = [{ methods: ["GET", "PUT"], path: "/submissions/{id}/env" }];
    expect(isSignedRoute({ signed_routes }, "PUT", "/submissions/7/env")).toBe(true);
    expect(isSignedRoute({ signed_routes }, "POST", "/submissions/7/env")).toBe(false);
    expect(isSignedRoute({ signed_routes }, "PUT", "/submissions/7")).toBe(false);
  });
});
