import { describe, expect, test } from "bun:test";
import { systemClock } from "#shared/time/clock.ts";
import { plainAddress, TrustedProxies } from "../../../roles/proxy/http/client-address.ts";
import { readHead } from "../../../roles/proxy/http/request-head.ts";
import { aliasedPath, isSignedRoute, matchPath } from "../../../roles/proxy/pass-through/path-pattern.ts";
import { RateLimit } from "../../../roles/proxy/upload/rate-limit.ts";

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

describe("a client's address", () => {
  const headOf = (forwarded: string) =>
    readHead(`GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: ${forwarded}\r\nX-Forwarded-Proto: https`);
  const trusted = new TrustedProxies(["10.0.0.0/8", "2001:db8::1"]);

  test("is the connection's when that is no trusted proxy's", () => {
    const client = trusted.clientOf("192.0.2.1", false, headOf("198.51.100.1"));
    expect(client).toEqual({ address: "192.0.2.1", forwarded: { for: "192.0.2.1", proto: "http", host: "h" } });
  });

  test("is the last untrusted one that a trusted proxy tells", () => {
    const client = trusted.clientOf("10.1.2.3", false, headOf("203.0.113.9, 198.51.100.1, 10.0.0.9"));
    expect(client.address).toBe("198.51.100.1");
    expect(client.forwarded).toMatchObject({ for: "203.0.113.9, 198.51.100.1, 10.0.0.9, 10.1.2.3", proto: "https" });
  });

  test("loses the IPv6 form of IPv4", () => {
    expect(plainAddress("::ffff:192.0.2.1")).toBe("192.0.2.1");
    expect(() => new TrustedProxies(["proxy.example"])).toThrow("expected an address or a network");
  });
});

describe("a rate limit", () => {
  test("lets a minute's worth through at once, then at its pace, each key by itself", () => {
    let now = 0;
    const rate = new RateLimit(60, { ...systemClock, monotonic: () => now });
    for (let n = 0; n < 60; n += 1) rate.take("a");
    expect(() => rate.take("a")).toThrow("Too many submissions");
    rate.take("b");
    now += 1_000;
    rate.take("a");
    expect(() => rate.take("a")).toThrow();
  });

  test("of 0 is none", () => {
    const rate = new RateLimit(0, systemClock);
    for (let n = 0; n < 1_000; n += 1) rate.take("a");
  });
});
